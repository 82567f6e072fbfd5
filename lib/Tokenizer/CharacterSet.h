//===- CharacterSet.h - Sets of code points ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_CHARACTERSET_H
#define TERN_LIB_TOKENIZER_CHARACTERSET_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tern {

/// One past the last code point; stands for the end of a text where a set says
/// what may follow.
constexpr uint32_t endOfText = 0x110000;

/// Sorted ranges that neither touch nor overlap, both ends included.
class CharacterSet {
public:
  using Range = std::pair<uint32_t, uint32_t>;

  CharacterSet() = default;
  explicit CharacterSet(uint32_t code) : ranges{{code, code}} {}

  void add(uint32_t first, uint32_t last);
  void add(const CharacterSet &other);
  /// All other code points; the end of a text is never among them.
  CharacterSet complement() const;
  bool contains(uint32_t code) const;

  const std::vector<Range> &getRanges() const { return ranges; }
  bool operator==(const CharacterSet &other) const {
    return ranges == other.ranges;
  }

private:
  std::vector<Range> ranges;
};

/// White_Space: what \s means to the engines that pre-tokenizers were written
/// for.
CharacterSet whiteSpace();
/// The meaning of \w in matching added tokens that are single words.
CharacterSet wordCharacters();
/// The characters that a "Punctuation" step splits at.
CharacterSet punctuation();
/// A general category or a group of them: "L", "Lu", "P", ...
std::optional<CharacterSet> generalCategory(const std::string &name);

/// Appends a code point as UTF-8.
void appendUtf8(std::string &text, uint32_t code);
bool isUtf8(const std::string &text);
/// The code points of valid UTF-8.
std::vector<uint32_t> codePoints(const std::string &text);

} // namespace tern

#endif // TERN_LIB_TOKENIZER_CHARACTERSET_H
