//===- MarksTest.cpp - Control tokens that somebody wrote -----------------===//
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

/// Text whose written parts stand between '[' and ']', and what the model made
/// as tokens between '{' and '}'.
std::vector<int32_t> encode(const Table &table, const std::string &shown,
                            const std::vector<int32_t> &markers = {}) {
  std::string text;
  std::vector<uint8_t> marks;
  uint8_t mark = 0;
  for (char c : shown) {
    if (c == '[' || c == '{') {
      mark = c == '[' ? TERN_MARK_WRITTEN : TERN_MARK_TOKEN;
      continue;
    }
    if (c == ']' || c == '}') {
      mark = TERN_MARK_TEMPLATE;
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
  const tern_marking marking = {marks.data(), markers.data(), markers.size()};
  EXPECT_EQ(tern_tokenizer_encode_marked(
                &table.tokenizer, text.data(), &marking, text.size(),
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

/// Markers are protected as special tokens are, whatever their flag.
TEST_P(TokenizerMarks, MarkersAreText) {
  const Table table = withThought(GetParam());
  const std::string name = "<think>";
  std::vector<int32_t> written = encode(table, "[" + name + "]", {think});
  EXPECT_EQ(table.decode(written), name);
  EXPECT_GT(written.size(), 1u);
  EXPECT_EQ(encode(table, name, {think}), std::vector<int32_t>{think});
  EXPECT_EQ(encode(table, "{" + name + "}", {think}),
            std::vector<int32_t>{think});
  for (size_t at = 0; at < name.size(); ++at) {
    std::vector<int32_t> tokens = encode(
        table, name.substr(0, at) + "[" + name[at] + "]" + name.substr(at + 1),
        {eos, think});
    EXPECT_EQ(table.decode(tokens), name);
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), think), 0);
  }
}

/// Words that the model itself makes tokens of: they come out of merges.
TEST_P(TokenizerMarks, TokensOfTheVocabularyMayBeMarkers) {
  const Table table = withThought(GetParam());
  const std::string name = "ROMEO";
  const std::vector<int32_t> made = table.encode(name, TERN_ENCODE_BARE);
  ASSERT_EQ(made.size(), 1u);
  std::vector<int32_t> written = encode(table, "[" + name + "]", made);
  EXPECT_EQ(table.decode(written), name);
  EXPECT_EQ(std::count(written.begin(), written.end(), made[0]), 0);
  EXPECT_EQ(encode(table, name, made), made);
  // It may begin in the template's text or end there.
  for (std::string shown : {"RO[MEO]", "[RO]MEO", "R[OME]O"}) {
    std::vector<int32_t> tokens = encode(table, shown, made);
    EXPECT_EQ(table.decode(tokens), name);
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), made[0]), 0) << shown;
  }
  // Nothing else changes.
  EXPECT_EQ(encode(table, "[but, soft!]", made),
            table.encode("but, soft!", TERN_ENCODE_BARE));
}

/// A token that normalization makes, of a tokenizer without merges.
TEST(TokenizerMarksOfUnigram, MarkersAreText) {
  auto vocabulary = nlohmann::json::array();
  for (const char *token : {"<unk>", "<end>"})
    vocabulary.push_back(nlohmann::json::array({token, 0.0}));
  for (char c : std::string("<endxab>"))
    vocabulary.push_back(nlohmann::json::array({std::string(1, c), -5.0}));
  auto root = nlohmann::json::parse(R"({
    "version": "1.0", "added_tokens": [], "pre_tokenizer": null,
    "post_processor": null,
    "normalizer": {"type": "Sequence", "normalizers": [
      {"type": "Lowercase"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "decoder": {"type": "Replace", "pattern": {"String": "\u2581"},
                "content": " "},
    "model": {"type": "Unigram", "unk_id": 0}})");
  root["model"]["vocab"] = vocabulary;
  const Table table(root.dump());
  const std::vector<int32_t> end = {1};
  EXPECT_EQ(table.encode("<END>", TERN_ENCODE_BARE), end);
  EXPECT_EQ(encode(table, "<END>", end), end);
  std::vector<int32_t> written = encode(table, "[a<END>b]", end);
  EXPECT_EQ(written.size(), 7u);
  EXPECT_EQ(std::count(written.begin(), written.end(), 1), 0);
}

INSTANTIATE_TEST_SUITE_P(EarlyAndLate, TokenizerMarks, testing::Bool());

} // namespace
