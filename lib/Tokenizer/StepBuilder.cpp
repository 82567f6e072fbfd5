//===- StepBuilder.cpp - What is done to text -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StepBuilder.h"

#include "tern/tokenizer.h"

namespace tern {

std::string replaceAll(std::string text, const std::string &from,
                       const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

void StepBuilder::form(Form form) { addFormStep(out, form); }

void StepBuilder::lowercase() { addLowercaseStep(out); }

void StepBuilder::strip(bool left, bool right, const std::string &where) {
  if (marked)
    return fail(where + ": 'Strip' behind a step that marks spaces is not "
                        "supported");
  add(TERN_TEXT_STRIP).operands[0] = (left ? 1 : 0) | (right ? 2 : 0);
}

void StepBuilder::stripSpaces(bool left, bool right) {
  add(TERN_TEXT_STRIP).operands[0] = (left ? 1 : 0) | (right ? 2 : 0) | 4;
}

void StepBuilder::charsmap(const Charsmap &rules, bool byCluster) {
  TokenizerDescription::Step &step = add(TERN_TEXT_CHARSMAP);
  step.operands[0] =
      byCluster ? addPattern(clusterRegex(), "") : TERN_TEXT_NO_PATTERN;
  step.operands[1] = uint32_t(out.words.size());
  out.words.push_back(uint32_t(rules.trie.size()));
  out.words.insert(out.words.end(), rules.trie.begin(), rules.trie.end());
  step.string = rules.texts;
  step.growth = rules.growth;
}

void StepBuilder::prepend(const std::string &text, bool evenToNothing) {
  TokenizerDescription::Step &step = add(TERN_TEXT_PREPEND);
  step.operands[2] = evenToNothing;
  step.string = marked ? replaceAll(text, spaceMark, " ") : text;
  step.extra = uint32_t(step.string.size());
}

Regex StepBuilder::parse(const std::string &pattern, bool isRegex,
                         const std::string &where, bool &never) {
  std::string problem;
  Regex regex;
  never = false;
  if (!isRegex) {
    // Behind the marking there are no spaces but those that were marks.
    never =
        pattern.empty() || (marked && pattern.find(' ') != std::string::npos);
    regex =
        literalRegex(marked ? replaceAll(pattern, spaceMark, " ") : pattern);
  } else if (marked) {
    problem = "a regular expression behind a step that marks spaces is not "
              "supported";
  } else {
    regex = parseRegex(pattern, problem);
  }
  if (!regex)
    fail(where + ".pattern: '" + pattern + "': " + problem);
  return regex;
}

uint32_t StepBuilder::addPattern(Regex regex, const std::string &where) {
  places.push_back(where);
  return compiler.add(std::move(regex));
}

void StepBuilder::replace(const std::string &pattern, bool isRegex,
                          const std::string &content,
                          const std::string &where) {
  if (!isRegex && pattern == " " && content == spaceMark && !marked)
    return markSpaces();
  bool never;
  Regex regex = parse(pattern, isRegex, where, never);
  if (!regex || never)
    return;
  TokenizerDescription::Step &step = add(TERN_TEXT_REPLACE);
  step.operands[0] = addPattern(std::move(regex), where);
  step.string = marked ? replaceAll(content, spaceMark, " ") : content;
  size_t least = isRegex ? 1 : pattern.size();
  step.growth = uint32_t(std::max(size_t(1), // of what is left alone
                                  (step.string.size() + least - 1) / least));
}

void StepBuilder::markSpaces() {
  if (!marked) {
    TokenizerDescription::Step &step = add(TERN_TEXT_REPLACE);
    step.operands[0] = addPattern(literalRegex(spaceMark), "");
    step.string = " ";
  }
  marked = true;
}

void StepBuilder::late() { add(TERN_TEXT_LATE); }

void StepBuilder::prefixSpace(bool onlyFirst) {
  TokenizerDescription::Step &step = add(TERN_TEXT_SPACE);
  step.operands[0] = onlyFirst;
  step.extra = 1;
}

void StepBuilder::split(Regex regex, uint32_t behavior, bool inverted,
                        const std::string &where) {
  TokenizerDescription::Step &step = add(TERN_TEXT_SPLIT);
  step.operands[0] = addPattern(std::move(regex), where);
  step.operands[1] = behavior;
  step.operands[2] = inverted;
}

void StepBuilder::splitAt(const std::string &pattern, bool isRegex,
                          uint32_t behavior, bool inverted,
                          const std::string &where) {
  bool never;
  Regex regex = parse(pattern, isRegex, where, never);
  if (regex && never && inverted)
    return fail(where + ".invert: true is not supported for a pattern that "
                        "never matches");
  if (regex && !never)
    split(std::move(regex), behavior, inverted, where);
}

void StepBuilder::bytes() {
  if (marked || seesBytes)
    return fail(
        "tokenizer.json: ByteLevel " +
        std::string(marked ? "behind a step that marks spaces" : "twice") +
        " is not supported");
  add(TERN_TEXT_BYTES);
  seesBytes = true;
}

void StepBuilder::finish() {
  if (!error.empty())
    return;
  bool needsWords = false;
  for (const auto &token : out.tokens)
    needsWords |= (token.flags & TERN_TOKEN_WORD) != 0;
  const CharacterSet spaces = whiteSpace();
  const CharacterSet words = needsWords ? wordCharacters() : CharacterSet();
  compiler.distinguish(spaces);
  compiler.distinguish(words);
  uint32_t failed;
  std::string problem;
  if (!compiler.compile(out.patterns, failed, problem))
    return fail((failed < places.size() ? places[failed] : "tokenizer.json") +
                ".pattern: it cannot be used: " + problem);
  out.classFlags.assign(out.patterns.classes - 1, 0);
  for (auto [code, number] : out.patterns.starts)
    out.classFlags[number] = (spaces.contains(code) ? TERN_CHAR_SPACE : 0) |
                             (words.contains(code) ? TERN_CHAR_WORD : 0);
}

} // namespace tern
