//===- CharacterSet.cpp - Sets of code points -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CharacterSet.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace tern {

void CharacterSet::add(uint32_t first, uint32_t last) {
  // Everything that touches the new range becomes part of it.
  auto from = std::partition_point(
      ranges.begin(), ranges.end(),
      [&](const Range &range) { return range.second + 1 < first; });
  auto to = from;
  for (; to != ranges.end() && to->first <= last + 1; ++to) {
    first = std::min(first, to->first);
    last = std::max(last, to->second);
  }
  ranges.insert(ranges.erase(from, to), {first, last});
}

void CharacterSet::add(const CharacterSet &other) {
  for (const Range &range : other.ranges)
    add(range.first, range.second);
}

CharacterSet CharacterSet::complement() const {
  CharacterSet result;
  uint32_t next = 0;
  for (const Range &range : ranges) {
    if (range.first > next)
      result.ranges.push_back({next, range.first - 1});
    next = range.second + 1;
  }
  if (next < endOfText)
    result.ranges.push_back({next, endOfText - 1});
  return result;
}

bool CharacterSet::contains(uint32_t code) const {
  auto found = std::partition_point(
      ranges.begin(), ranges.end(),
      [&](const Range &range) { return range.second < code; });
  return found != ranges.end() && found->first <= code;
}

CharacterSet whiteSpace() {
  // Unchanged since Unicode 6.3.
  CharacterSet set;
  set.add(9, 13);
  for (uint32_t code : {0x20, 0x85, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000})
    set.add(code, code);
  set.add(0x2000, 0x200A);
  set.add(0x2028, 0x2029);
  return set;
}

CharacterSet wordCharacters() {
  // Alphabetic, marks, decimal digits, connectors and joiners.
  // These symbols are alphabetic beyond letters, letter-like numbers and marks.
  CharacterSet set;
  for (const char *name : {"L", "M", "Nd", "Nl", "Pc"})
    set.add(*generalCategory(name));
  set.add(0x200C, 0x200D);
  set.add(0x24B6, 0x24E9);
  set.add(0x1F130, 0x1F149);
  set.add(0x1F150, 0x1F169);
  set.add(0x1F170, 0x1F189);
  return set;
}

CharacterSet punctuation() {
  CharacterSet set = *generalCategory("P");
  for (auto [first, last] :
       {std::pair{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}})
    set.add(first, last);
  return set;
}

static std::optional<CharacterSet> findCategory(const std::string &name) {
  // In the order of utf8proc_category_t.
  static const char *const names[] = {
      "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
      "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
      "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
  uint32_t wanted = 0;
  for (size_t i = 0; i < std::size(names); ++i)
    if (!name.empty() && std::string(names[i]).substr(0, name.size()) == name)
      wanted |= 1u << i;
  if (!wanted)
    return std::nullopt;
  CharacterSet set;
  uint32_t first = endOfText;
  for (uint32_t code = 0; code <= endOfText; ++code) {
    bool is = code < endOfText &&
              (wanted >> utf8proc_category(utf8proc_int32_t(code)) & 1);
    if (is && first == endOfText)
      first = code;
    if (!is && first != endOfText) {
      set.add(first, code - 1);
      first = endOfText;
    }
  }
  return set;
}

std::optional<CharacterSet> generalCategory(const std::string &name) {
  // There are 37 of them.
  static std::map<std::string, CharacterSet> known;
  auto found = known.find(name);
  if (found != known.end())
    return found->second;
  std::optional<CharacterSet> set = findCategory(name);
  if (set)
    known[name] = *set;
  return set;
}

void appendUtf8(std::string &text, uint32_t code) {
  utf8proc_uint8_t bytes[4];
  utf8proc_ssize_t count = utf8proc_encode_char(utf8proc_int32_t(code), bytes);
  text.append(reinterpret_cast<const char *>(bytes), size_t(count));
}

bool isUtf8(const std::string &text) {
  std::string again;
  for (uint32_t code : codePoints(text))
    appendUtf8(again, code);
  return again == text;
}

std::vector<uint32_t> codePoints(const std::string &text) {
  std::vector<uint32_t> result;
  const auto *at = reinterpret_cast<const utf8proc_uint8_t *>(text.data());
  const auto *end = at + text.size();
  while (at < end) {
    utf8proc_int32_t code;
    utf8proc_ssize_t count = utf8proc_iterate(at, end - at, &code);
    if (count <= 0)
      break;
    result.push_back(uint32_t(code));
    at += count;
  }
  return result;
}

} // namespace tern
