//===- TokenizerMarksTest.cpp - Control tokens that somebody wrote --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerTesting.h"

#include "nlohmann/json.hpp"

#include <algorithm>

using namespace tern_test;

namespace {

/// The bundled tokenizer with a token that is added, but no control token. Late
/// tokens are looked for in normalized text, which is a copy.
Table withThought(bool late = false) {
  auto root = nlohmann::json::parse(modelFile("tokenizer.json"));
  for (auto &token : root["added_tokens"])
    token["normalized"] = late;
  if (late)
    root["normalizer"] = {{"type", "NFC"}};
  root["added_tokens"].push_back({{"id", 1024},
                                  {"content", "<think>"},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", false},
                                  {"normalized", false},
                                  {"special", false}});
  return Table(root.dump());
}

/// Text whose marked parts stand between '[' and ']'.
std::vector<int32_t> encode(const Table &table, const std::string &shown) {
  std::string text;
  std::vector<uint8_t> marks;
  uint8_t mark = 0;
  for (char c : shown) {
    if (c == '[' || c == ']') {
      mark = c == '[';
      continue;
    }
    text += c;
    marks.push_back(mark);
  }
  std::vector<char> memory(
      tern_tokenizer_encode_bytes(&table.tokenizer, text.size()));
  std::vector<int32_t> tokens(
      tern_tokenizer_max_tokens(&table.tokenizer, text.size()));
  size_t count = 0;
  EXPECT_EQ(tern_tokenizer_encode_marked(
                &table.tokenizer, text.data(), marks.data(), text.size(),
                TERN_ENCODE_BARE, memory.data(), memory.size(), tokens.data(),
                tokens.size(), &count),
            TERN_OK);
  tokens.resize(count);
  return tokens;
}

constexpr int32_t bos = 1022, eos = 1023, think = 1024;

class TokenizerMarks : public testing::TestWithParam<bool> {};

TEST_P(TokenizerMarks, MarkedControlTokensAreText) {
  const Table table = withThought(GetParam());
  const std::string name = "<|end_of_text|>";
  std::vector<int32_t> asText =
      table.encode(name, TERN_ENCODE_BARE | TERN_ENCODE_PLAIN);
  EXPECT_GT(asText.size(), 1u);
  EXPECT_EQ(encode(table, name), std::vector<int32_t>{eos});
  EXPECT_EQ(encode(table, "[" + name + "]"), asText);
  // One byte of it is enough. (Of a late one the rest may be cut there.)
  for (size_t at = 0; at < name.size(); ++at) {
    std::vector<int32_t> tokens = encode(
        table, name.substr(0, at) + "[" + name[at] + "]" + name.substr(at + 1));
    EXPECT_EQ(table.decode(tokens), name);
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), eos), 0);
    if (!GetParam())
      EXPECT_EQ(tokens, asText);
  }
  std::vector<int32_t> around = {bos};
  around.insert(around.end(), asText.begin(), asText.end());
  around.push_back(eos);
  EXPECT_EQ(encode(table, "<|begin_of_text|>[" + name + "]" + name), around);
}

TEST_P(TokenizerMarks, OtherAddedTokensStay) {
  const Table table = withThought(GetParam());
  EXPECT_EQ(encode(table, "[<think>]"), std::vector<int32_t>{think});
}

/// Marks change nothing where there is no control token.
TEST_P(TokenizerMarks, MarksDoNotCutText) {
  const Table table = withThought(GetParam());
  for (std::string text : {"ROMEO: but, soft!", "a  b\n\nc\td", "Grüße 世界"})
    for (size_t at = 0; at <= text.size(); ++at)
      for (const char *before : {"", "<|end_of_text|>"})
        EXPECT_EQ(encode(table, before + text.substr(0, at) + "[" +
                                    text.substr(at) + "]"),
                  table.encode(before + text, TERN_ENCODE_BARE));
}

INSTANTIATE_TEST_SUITE_P(EarlyAndLate, TokenizerMarks, testing::Bool());

} // namespace
