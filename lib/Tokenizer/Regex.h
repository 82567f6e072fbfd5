//===- Regex.h - The patterns of pre-tokenizers -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of Oniguruma's syntax that pre-tokenizers use, as a tree. A
// pattern that an automaton can match with one character of look-ahead is
// accepted; the rest is refused by name.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_REGEX_H
#define TERN_LIB_TOKENIZER_REGEX_H

#include "CharacterSet.h"

#include <memory>

namespace tern {

struct RegexNode;
using Regex = std::unique_ptr<RegexNode>;

struct RegexNode {
  enum Kind {
    Characters, ///< one character of `set`
    Ahead,      ///< nothing, where one of `set` follows
    Sequence,
    Choice, ///< the first of the children that leads to a match
    Repeat  ///< the only child, `least` to `most` times
  };
  Kind kind;
  CharacterSet set;
  std::vector<Regex> children;
  uint32_t least = 0, most = 0;
  bool greedy = true;
};

constexpr uint32_t unlimited = ~0u;

/// Null and a few words ("'\b' is not supported") when it cannot be used.
Regex parseRegex(const std::string &pattern, std::string &error);
/// One that matches exactly this text.
Regex literalRegex(const std::string &text);
/// One that matches any one character of the set.
Regex characterRegex(CharacterSet set);
/// One that matches what a reader takes for one character, such as a letter
/// with its accents: Unicode's extended grapheme cluster.
Regex clusterRegex();

} // namespace tern

#endif // TERN_LIB_TOKENIZER_REGEX_H
