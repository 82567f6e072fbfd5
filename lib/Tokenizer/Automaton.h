//===- Automaton.h - Patterns to tables -------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_AUTOMATON_H
#define TERN_LIB_TOKENIZER_AUTOMATON_H

#include "tern/Tokenizer/Patterns.h"

#include "Regex.h"

namespace tern {

/// Builds the automata of all patterns of one tokenizer over one division of
/// the code points into classes.
class PatternCompiler {
public:
  /// The number of the pattern, in the order of calls.
  uint32_t add(Regex regex);
  /// Makes every class lie within the set or outside of it.
  void distinguish(const CharacterSet &set);
  /// False and a few words when a pattern cannot be used; `failed` is its
  /// number.
  bool compile(CompiledPatterns &out, uint32_t &failed, std::string &error);

private:
  bool makeClasses(CompiledPatterns &out, std::string &error);

  std::vector<Regex> regexes;
  std::vector<CharacterSet> sets;
};

} // namespace tern

#endif // TERN_LIB_TOKENIZER_AUTOMATON_H
