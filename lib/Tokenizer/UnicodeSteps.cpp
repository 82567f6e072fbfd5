//===- UnicodeSteps.cpp - What characters become --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StepBuilder.h"

#include "tern/tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <functional>
#include <map>

namespace tern {
namespace {

constexpr uint32_t firstSyllable = 0xAC00, lastSyllable = 0xD7A3;

size_t utf8Bytes(const std::vector<uint32_t> &codes) {
  std::string text;
  for (uint32_t code : codes)
    appendUtf8(text, code);
  return text.size();
}

using CharacterMap = std::map<uint32_t, std::vector<uint32_t>>;

/// The image under `change` of each character it changes.
CharacterMap
mapOf(const std::function<std::vector<uint32_t>(uint32_t)> &change) {
  CharacterMap map;
  for (uint32_t code = 0x80; code < endOfText; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF)
      continue;
    std::vector<uint32_t> to = change(code);
    if (to != std::vector<uint32_t>{code})
      map[code] = std::move(to);
  }
  return map;
}

/// Appends the map as tokenizer/words.h of the runtime has it.
void write(const CharacterMap &map, std::vector<uint32_t> &words) {
  size_t total = 0;
  for (auto &[code, to] : map)
    total += to.size();
  words.push_back(uint32_t(map.size()));
  words.push_back(uint32_t(total));
  for (auto &[code, to] : map)
    words.push_back(code);
  uint32_t offset = 0;
  for (auto &[code, to] : map) {
    words.push_back(offset);
    offset += uint32_t(to.size());
  }
  words.push_back(offset);
  for (auto &[code, to] : map)
    words.insert(words.end(), to.begin(), to.end());
}

/// Sets how much a text can grow, and the memory to do it in.
void measure(const CharacterMap &map, TokenizerDescription::Step &step,
             uint32_t bytesPerCharacter) {
  size_t growth = 1, characters = 1;
  for (auto &[code, to] : map) {
    size_t before = utf8Bytes({code});
    growth = std::max(growth, (utf8Bytes(to) + before - 1) / before);
    characters = std::max(characters, (to.size() + before - 1) / before);
  }
  step.growth = uint32_t(growth);
  step.scratch = uint32_t(characters) * bytesPerCharacter;
}

std::vector<uint32_t> decomposition(uint32_t code, bool compatible) {
  if (code >= firstSyllable && code <= lastSyllable)
    return {code}; // computed
  utf8proc_int32_t buffer[64];
  int boundary = 0;
  auto options = utf8proc_option_t(
      compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE);
  utf8proc_ssize_t count = utf8proc_decompose_char(
      utf8proc_int32_t(code), buffer, std::size(buffer), options, &boundary);
  if (count <= 0 || size_t(count) > std::size(buffer))
    return {code};
  return {buffer, buffer + count};
}

// Looking through all of Unicode takes milliseconds, so each table is made
// once.

const CharacterMap &decompositions(bool compatible) {
  static std::map<bool, CharacterMap> known;
  auto [at, isNew] = known.try_emplace(compatible);
  if (isNew)
    at->second =
        mapOf([&](uint32_t code) { return decomposition(code, compatible); });
  return at->second;
}

/// Their number; code and class of each.
const std::vector<uint32_t> &combiningMarks() {
  static const std::vector<uint32_t> words = [] {
    std::vector<uint32_t> marks = {0};
    for (uint32_t code = 0x300; code < endOfText; ++code)
      if (int klass =
              utf8proc_get_property(utf8proc_int32_t(code))->combining_class)
        marks.push_back(code << 8 | uint32_t(klass));
    marks[0] = uint32_t(marks.size()) - 1;
    return marks;
  }();
  return words;
}

/// Pairs that compose: decompositions into two that are not excluded, which are
/// those that NFC gives back.
std::vector<uint32_t> findCompositions() {
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> pairs;
  for (uint32_t code = 0x80; code < endOfText; ++code) {
    if ((code >= firstSyllable && code <= lastSyllable) ||
        (code >= 0xD800 && code <= 0xDFFF) ||
        decomposition(code, false) == std::vector<uint32_t>{code})
      continue;
    std::string text;
    appendUtf8(text, code);
    utf8proc_uint8_t *composed =
        utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t *>(text.c_str()));
    bool isStable =
        composed && text == reinterpret_cast<const char *>(composed);
    free(composed);
    if (!isStable)
      continue;
    // The last step of its decomposition: all but the last, composed again.
    std::vector<uint32_t> full = decomposition(code, false);
    std::string front;
    for (size_t i = 0; i + 1 < full.size(); ++i)
      appendUtf8(front, full[i]);
    utf8proc_uint8_t *first =
        utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t *>(front.c_str()));
    std::vector<uint32_t> codes =
        codePoints(reinterpret_cast<const char *>(first));
    free(first);
    if (codes.size() == 1)
      pairs[{codes[0], full.back()}] = code;
  }
  std::vector<uint32_t> words = {uint32_t(pairs.size())};
  for (auto &[pair, code] : pairs)
    words.insert(words.end(), {pair.first, pair.second, code});
  return words;
}

const std::vector<uint32_t> &compositions() {
  static const std::vector<uint32_t> words = findCompositions();
  return words;
}

const CharacterMap &lowercase() {
  static const CharacterMap map = [] {
    CharacterMap lower = mapOf([](uint32_t code) -> std::vector<uint32_t> {
      if (code == 0x130) // the only one that becomes two characters
        return {'i', 0x307};
      return {uint32_t(utf8proc_tolower(utf8proc_int32_t(code)))};
    });
    for (uint32_t upper = 'A'; upper <= 'Z'; ++upper)
      lower[upper] = {upper + 32};
    return lower;
  }();
  return map;
}

void append(std::vector<uint32_t> &words, const std::vector<uint32_t> &more) {
  words.insert(words.end(), more.begin(), more.end());
}

} // namespace

void addLowercaseStep(TokenizerDescription &out) {
  const CharacterMap &map = lowercase();
  TokenizerDescription::Step step;
  step.kind = TERN_TEXT_MAP;
  step.operands[0] = uint32_t(out.words.size());
  measure(map, step, 0);
  write(map, out.words);
  out.steps.push_back(std::move(step));
}

void addFormStep(TokenizerDescription &out, Form form) {
  const CharacterMap &map =
      decompositions(form == Form::NFKC || form == Form::NFKD);
  TokenizerDescription::Step step;
  step.kind = TERN_TEXT_FORM;
  step.operands[0] = form == Form::NFC || form == Form::NFKC;
  step.operands[1] = uint32_t(out.words.size());
  // A character is held in four bytes while marks are put in order, and copied.
  measure(map, step, 8);
  step.growth = std::max(step.growth, 3u); // a syllable of Hangul
  write(map, out.words);
  append(out.words, combiningMarks());
  append(out.words,
         step.operands[0] ? compositions() : std::vector<uint32_t>{0});
  out.steps.push_back(std::move(step));
}

} // namespace tern
