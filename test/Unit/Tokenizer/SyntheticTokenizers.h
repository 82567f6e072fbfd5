//===- SyntheticTokenizers.h - Tokenizers of every kind ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_TOKENIZER_SYNTHETICTOKENIZERS_H
#define TERN_TEST_UNIT_TOKENIZER_SYNTHETICTOKENIZERS_H

#include "nlohmann/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tern_test {

using Json = nlohmann::json;

struct SyntheticTokenizer {
  std::string name;
  Json json;
};

/// tokenizer.json of each kind, in the form of public models, with vocabularies
/// that are random but always the same.
const std::vector<SyntheticTokenizer> &syntheticTokenizers();

/// Parts of them.
Json byteLevelModel(uint32_t seed, bool ignoreMerges);
Json byteLevelStep(bool prefixSpace, bool regex);
Json splitStep(const std::string &regex, const std::string &behavior);
Json addedToken(int id, const std::string &content, bool normalized);
/// Awkward ones, behind the vocabulary of a model.
Json awkwardTokens(int firstId);
extern const char gpt2Pattern[], llama3Pattern[], qwen2Pattern[],
    o200kPattern[];

} // namespace tern_test

#endif // TERN_TEST_UNIT_TOKENIZER_SYNTHETICTOKENIZERS_H
