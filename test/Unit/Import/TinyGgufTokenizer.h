//===- TinyGgufTokenizer.h - A tokenizer in metadata ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_TINYGGUFTOKENIZER_H
#define TERN_TEST_UNIT_IMPORT_TINYGGUFTOKENIZER_H

#include "TinyGguf.h"

#include "tern/Import/GgufModel.h"

#include "nlohmann/json.hpp"

#include "gtest/gtest.h"

namespace tern {

constexpr int normal = 1, control = 3, userDefined = 4, unused = 5;

inline std::string verdictOf(llvm::Expected<TokenizerSources> &sources) {
  return sources ? "" : llvm::toString(sources.takeError());
}

/// a, b, ab and three that are added.
struct TinyTokenizer {
  std::vector<std::string> tokens = {"a", "b", "ab", "<s>", "</s>", "<u>", "?"};
  std::vector<int> types = {normal,  normal,      normal, control,
                            control, userDefined, unused};
  std::vector<std::pair<std::string, std::string>> more = {
      {"tokenizer.ggml.model", ggufText("gpt2")},
      {"tokenizer.ggml.pre", ggufText("llama-bpe")},
      {"tokenizer.ggml.merges", ggufTexts({"a b"})},
      {"tokenizer.ggml.bos_token_id", ggufU32(3)},
      {"tokenizer.ggml.eos_token_id", ggufU32(4)}};
  GgufOptions options;

  void set(const std::string &key, const std::string &value) {
    for (auto &[old, was] : more)
      if (old == key) {
        was = value;
        return;
      }
    more.emplace_back(key, value);
  }

  llvm::Expected<TokenizerSources> translate() const {
    TinyGguf tiny;
    tiny.values = more;
    std::string numbers;
    for (int type : types)
      numbers += little(type, 4);
    if (!tokens.empty())
      tiny.values.emplace_back("tokenizer.ggml.tokens", ggufTexts(tokens));
    if (!types.empty())
      tiny.values.emplace_back("tokenizer.ggml.token_type",
                               ggufArray(5, types.size(), numbers));
    std::string bytes = tiny.bytes();
    auto file = GgufFile::parse(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
        "x.gguf");
    if (!file)
      return file.takeError();
    return ggufTokenizer(*file, options, "{}");
  }
  nlohmann::json root() const {
    auto sources = translate();
    if (!sources) {
      ADD_FAILURE() << llvm::toString(sources.takeError());
      return {};
    }
    return nlohmann::json::parse(sources->tokenizer);
  }
  std::string verdict() const {
    auto sources = translate();
    return verdictOf(sources);
  }
};

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_TINYGGUFTOKENIZER_H
