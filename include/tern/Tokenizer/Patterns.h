//===- tern/Tokenizer/Patterns.h - Compiled patterns ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOKENIZER_PATTERNS_H
#define TERN_TOKENIZER_PATTERNS_H

#include <cstdint>
#include <utility>
#include <vector>

namespace tern {

/// Patterns as automata over classes of characters. From a state and the class
/// of the next character, `next` gives the state behind that character times
/// two, plus one if a match ends before it. State 0 leads nowhere, state 1 is
/// the first. The last class is the end of the text.
struct CompiledPatterns {
  struct Automaton {
    uint32_t states;
    std::vector<uint32_t> next; ///< states x classes
    /// Where reading on for a longer match could take long: an automaton that
    /// reads from the end of a text and knows of which states a match lies
    /// ahead. Its next state by state and class, 0 being the first; then, by
    /// state and state of the automaton above, 1 where one does.
    std::vector<uint32_t> ahead;
    uint32_t aheadStates = 0; ///< 0 where it is not needed
  };
  uint32_t classes = 1;
  /// Where a class begins, by rising code point: {code point, class}.
  std::vector<std::pair<uint32_t, uint32_t>> starts = {{0, 0}};
  std::vector<Automaton> automata;
};

} // namespace tern

#endif // TERN_TOKENIZER_PATTERNS_H
