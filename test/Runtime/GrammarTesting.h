//===- GrammarTesting.h - Texts that grammars take --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_GRAMMARTESTING_H
#define TERN_TEST_GRAMMARTESTING_H

#include "tern/grammar.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace tern_test {

using GrammarPointer = std::unique_ptr<tern_grammar, void (*)(tern_grammar *)>;
using VocabularyPointer =
    std::unique_ptr<tern_vocabulary, void (*)(tern_vocabulary *)>;
using ConstraintPointer =
    std::unique_ptr<tern_constraint, void (*)(tern_constraint *)>;
using MatcherPointer = std::unique_ptr<tern_matcher, void (*)(tern_matcher *)>;

/// The last sentence of a function that failed.
inline tern_error &sentence() {
  static tern_error error;
  return error;
}

inline GrammarPointer rules(const std::string &text,
                            const tern_grammar_options *options = nullptr) {
  return {
      tern_grammar_from_rules(text.data(), text.size(), options, &sentence()),
      tern_grammar_release};
}

inline GrammarPointer schema(const std::string &text,
                             const tern_grammar_options *options = nullptr) {
  return {
      tern_grammar_from_schema(text.data(), text.size(), options, &sentence()),
      tern_grammar_release};
}

inline VocabularyPointer vocabularyOf(const std::vector<std::string> &tokens,
                                      std::vector<int32_t> ends = {}) {
  std::vector<const char *> texts;
  std::vector<uint32_t> sizes;
  for (const std::string &token : tokens) {
    texts.push_back(token.data());
    sizes.push_back(uint32_t(token.size()));
  }
  return {tern_vocabulary_of(texts.data(), sizes.data(), uint32_t(sizes.size()),
                             ends.data(), ends.size(), &sentence()),
          tern_vocabulary_close};
}

/// A grammar by itself: its matchers take bytes.
class Language {
public:
  explicit Language(tern_grammar *grammar, uint64_t cacheBytes = 0)
      : vocabulary(vocabularyOf({"x"})),
        constraint(tern_constraint_open(grammar, vocabulary.get(), cacheBytes,
                                        &sentence()),
                   tern_constraint_close) {}

  /// 1 if the text is one of the grammar's, -1 if it begins one, 0.
  int takes(const std::string &text) {
    MatcherPointer matcher(tern_matcher_open(constraint.get(), &sentence()),
                           tern_matcher_close);
    if (!matcher || tern_matcher_accept_bytes(matcher.get(), text.data(),
                                              text.size(), &sentence()) != 0)
      return 0;
    return tern_matcher_may_end(matcher.get()) ? 1 : -1;
  }

private:
  VocabularyPointer vocabulary;
  ConstraintPointer constraint;
};

} // namespace tern_test

#endif // TERN_TEST_GRAMMARTESTING_H
