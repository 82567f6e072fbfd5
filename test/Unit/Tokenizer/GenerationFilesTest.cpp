//===- GenerationFilesTest.cpp - What files say of generating text --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerTesting.h"

#include "tern/artifact.h"

#include "nlohmann/json.hpp"

#include <cstring>
#include <fstream>
#include <regex>

using namespace tern_test;
using Json = nlohmann::json;

namespace {

tern_generation generationOf(const std::vector<uint8_t> &bytes) {
  tern_generation generation;
  EXPECT_GE(bytes.size(), sizeof(generation));
  std::memcpy(&generation, bytes.data(), sizeof(generation));
  EXPECT_EQ(generation.size, sizeof(generation));
  EXPECT_EQ(generation.chat_template_bytes + generation.chat_variables_bytes +
                generation.stop_bytes +
                4 * (generation.bad_words_count + generation.forced_eos_count +
                     generation.suppress_count +
                     generation.begin_suppress_count),
            bytes.size() - sizeof(generation));
  return generation;
}

/// The texts and lists behind it, one after the other.
std::string textsOf(const std::vector<uint8_t> &bytes) {
  return {bytes.begin() + sizeof(tern_generation), bytes.end()};
}

TEST(Generation, Bundled) {
  tern::TokenizerSources sources;
  sources.config = modelFile("config.json");
  sources.generationConfig = modelFile("generation_config.json");
  sources.tokenizerConfig = modelFile("tokenizer_config.json");
  std::string error;
  auto bytes = tern::compileGeneration(sources, nullptr, error);
  ASSERT_TRUE(bytes) << error;
  tern_generation g = generationOf(*bytes);
  EXPECT_EQ(g.bos_id, 1022);
  ASSERT_EQ(g.eos_count, 1u);
  EXPECT_EQ(g.eos_ids[0], 1023);
  EXPECT_EQ(g.do_sample, 1u);
  EXPECT_EQ(g.temperature, 0.8f);
  EXPECT_EQ(g.top_k, 50u);
  EXPECT_EQ(g.top_p, 0.95f);
  EXPECT_EQ(g.max_context, 256u);
}

TEST(Generation, ListsNamesAndTemplates) {
  tern::TokenizerSources sources;
  sources.tokenizer = modelFile("tokenizer.json");
  std::string error;
  auto tokenizer = tern::readTokenizer(sources, error);
  ASSERT_TRUE(tokenizer) << error;
  sources.config = R"({"bos_token_id": 5, "eos_token_id": 7})";
  sources.generationConfig = R"({"eos_token_id": [9, 7, 8]})";
  sources.tokenizerConfig = R"({"eos_token": {"content": "<|end_of_text|>"},
    "chat_template": [{"name": "tools", "template": "no"},
                      {"name": "default", "template": "{{ yes }}"}]})";
  auto bytes = tern::compileGeneration(sources, &*tokenizer, error);
  ASSERT_TRUE(bytes) << error;
  tern_generation g = generationOf(*bytes);
  EXPECT_EQ(g.bos_id, 5);
  EXPECT_EQ(std::vector<int32_t>(g.eos_ids, g.eos_ids + g.eos_count),
            (std::vector<int32_t>{7, 9, 8, 1023}));
  EXPECT_EQ(g.do_sample, 0u);
  EXPECT_EQ(textsOf(*bytes), R"({{ yes }}{"eos_token":"<|end_of_text|>"})");
}

/// The map of special tokens that transformers passes: none that is empty or
/// null.
TEST(Generation, VariablesOfTemplates) {
  tern::TokenizerSources sources;
  std::string error;
  sources.tokenizerConfig = R"({"bos_token": "<s>", "unk_token": "",
    "pad_token": null, "additional_special_tokens": ["<a>", {"content": "<b>"}],
    "extra_special_tokens": {"image_token": "<i>", "x_token": 7}})";
  auto bytes = tern::compileGeneration(sources, nullptr, error);
  ASSERT_TRUE(bytes) << error;
  EXPECT_EQ(textsOf(*bytes), R"({"additional_special_tokens":["<a>","<b>"],)"
                             R"("bos_token":"<s>","image_token":"<i>"})");
  // Classes of transformers name some where the file does not.
  for (const char *name : {"LlamaTokenizer", "LlamaTokenizerFast"}) {
    sources.tokenizerConfig = std::string(R"({"tokenizer_class": ")") + name +
                              R"(", "unk_token": null, "eos_token": "<e>"})";
    bytes = tern::compileGeneration(sources, nullptr, error);
    ASSERT_TRUE(bytes) << error;
    EXPECT_EQ(textsOf(*bytes), R"({"bos_token":"<s>","eos_token":"<e>"})");
  }
}

/// The marker with which templates of public models end a turn ends an answer,
/// if it is a token of its own.
TEST(Generation, EndsOfTurn) {
  tern::TokenizerDescription tokenizer;
  const uint32_t special =
      TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED | TERN_TOKEN_SPECIAL;
  tokenizer.tokens = {{"a", TERN_TOKEN_EXISTS, true},
                      {"<|im_end|>", special, false},
                      {"<|eot_id|>", special, false},
                      {"<end_of_turn>", TERN_TOKEN_EXISTS, true}};
  auto idsWith = [&](const std::string &chatTemplate) {
    tern::TokenizerSources sources;
    sources.chatTemplate = chatTemplate;
    sources.generationConfig = R"({"eos_token_id": 0})";
    std::string error;
    auto bytes = tern::compileGeneration(sources, &tokenizer, error);
    EXPECT_TRUE(bytes) << error;
    tern_generation g = generationOf(*bytes);
    return std::vector<int32_t>(g.eos_ids, g.eos_ids + g.eos_count);
  };
  EXPECT_EQ(idsWith("{{ '<|im_end|>' }}"), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(idsWith("<|eot_id|><|im_end|>"), (std::vector<int32_t>{0, 2, 1}));
  EXPECT_EQ(idsWith("a<end_of_turn>"), (std::vector<int32_t>{0}));
}

TEST(Generation, ChatRefusals) {
  auto refusalOf = [](const std::string &chatTemplate) {
    tern::TokenizerSources sources;
    sources.chatTemplate = chatTemplate;
    sources.tokenizerConfig =
        R"({"bos_token": {"content": "<s>"}, "pad_token": null,
            "chat_template": "{% unknown %}"})";
    std::string error, refusal = "not set";
    auto bytes = tern::compileGeneration(sources, nullptr, error, &refusal);
    EXPECT_TRUE(bytes) << error;
    std::string text = chatTemplate.empty() ? "{% unknown %}" : chatTemplate;
    EXPECT_EQ(textsOf(*bytes), text + R"({"bos_token":"<s>"})");
    return refusal;
  };
  // chat_template.jinja counts more than tokenizer_config.json.
  EXPECT_EQ(refusalOf("{{ bos_token + messages[0].content }}"), "");
  EXPECT_EQ(refusalOf(""),
            "the chat template, line 1: unknown statement 'unknown'");
  EXPECT_EQ(refusalOf("\n{{ x | urlize }}"),
            "the chat template, line 2: unknown filter 'urlize'");
  EXPECT_EQ(refusalOf("{{ pad_token + bos_token }}"),
            "the chat template, line 1: '+' between an undefined value and a "
            "string");
  EXPECT_EQ(refusalOf("{{ nothing() }}"),
            "the chat template, line 1: unknown function 'nothing'");
}

TEST(Generation, Refusals) {
  const std::pair<const char *, const char *> cases[] = {
      {R"({"eos_token_id": "x"})", "eos_token_id: expected token ids"},
      {R"({"eos_token_id": 99999999999})", "eos_token_id: expected token ids"},
      {R"({"eos_token_id": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]})",
       "more than 16 end tokens"},
      {R"({"temperature": -1})", "temperature: expected a number"},
      {R"({"do_sample": 1})", "do_sample: expected true or false"},
      {R"({"top_p": 2})", "top_p: expected a number from 0.0 to 1.0"},
      {"{", "not valid JSON"},
  };
  for (auto &[text, sentence] : cases) {
    tern::TokenizerSources sources;
    sources.generationConfig = text;
    std::string error;
    EXPECT_FALSE(tern::compileGeneration(sources, nullptr, error)) << text;
    EXPECT_EQ(error.find("generation_config.json: "), 0u) << error;
    EXPECT_NE(error.find(sentence), std::string::npos) << error;
  }
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

tern::TextRemarks remarksOf(const std::string &generationConfig,
                            tern_generation *out = nullptr,
                            std::string *rest = nullptr) {
  tern::TokenizerSources sources;
  sources.config = R"({"vocab_size": 100, "bos_token_id": 1})";
  sources.generationConfig = generationConfig;
  tern::TokenizerDescription tokenizer;
  tern::TextRemarks remarks;
  std::string error;
  auto bytes =
      tern::compileGeneration(sources, &tokenizer, error, nullptr, &remarks);
  EXPECT_TRUE(bytes) << error;
  if (bytes && out)
    *out = generationOf(*bytes);
  if (bytes && rest)
    *rest = textsOf(*bytes);
  return remarks;
}

TEST(Generation, Rules) {
  tern_generation g;
  std::string rest;
  tern::TextRemarks remarks = remarksOf(
      R"({"max_new_tokens": 7, "max_length": 20, "min_new_tokens": 2,
          "min_length": 9, "no_repeat_ngram_size": 3, "forced_bos_token_id": 4,
          "forced_eos_token_id": [5, 6], "suppress_tokens": [-1, 7],
          "begin_suppress_tokens": [8], "eos_token_id": 9,
          "bad_words_ids": [[9], [1, 2], [3]], "stop_strings": ["a", "bc", "a"],
          "repetition_penalty": 1.5})",
      &g, &rest);
  EXPECT_EQ(g.max_new_tokens, 7);
  EXPECT_EQ(g.max_length, -1); // max_new_tokens counts
  EXPECT_EQ(g.min_new_tokens, 2u);
  EXPECT_EQ(g.min_length, 0u); // min_new_tokens counts
  EXPECT_EQ(g.no_repeat_ngram, 3u);
  EXPECT_EQ(g.forced_bos_id, 4);
  EXPECT_EQ(g.repeat_last_n, 0u);
  EXPECT_EQ(g.stop_count, 2u);
  const char lists[] = "{}a\0bc\0"
                       "\2\0\0\0\1\0\0\0\2\0\0\0" // [1, 2]; [9] ends a text
                       "\1\0\0\0\3\0\0\0"         // [3]
                       "\5\0\0\0\6\0\0\0\7\0\0\0\10\0\0\0";
  EXPECT_EQ(rest, std::string(lists, sizeof(lists) - 1));
  EXPECT_EQ(remarks.rules,
            "max_new_tokens, max_length, min_new_tokens, min_length, "
            "repetition_penalty, no_repeat_ngram_size, forced_bos_token_id, "
            "forced_eos_token_id, "
            "suppress_tokens, begin_suppress_tokens, bad_words_ids, "
            "stop_strings");
  EXPECT_TRUE(remarks.warnings.empty());
  EXPECT_EQ(remarksOf("{}", &g).rules, "");
  EXPECT_EQ(g.max_new_tokens, -1);
  EXPECT_EQ(g.forced_bos_id, -1);
  remarksOf(R"({"max_length": 20, "min_length": 3, "stop_strings": "x"})", &g);
  EXPECT_EQ(g.max_length, 20);
  EXPECT_EQ(g.min_length, 3u);
  EXPECT_EQ(g.stop_count, 1u);
}

TEST(Generation, RefusedRules) {
  std::string manyIds = R"({"suppress_tokens": [)";
  for (int i = 0; i < (1 << 19); ++i)
    manyIds += "1,";
  std::string manyStops = R"({"stop_strings": [)";
  for (int i = 0; i < 65; ++i)
    manyStops += "\"" + std::to_string(i) + "\",";
  const std::pair<std::string, const char *> cases[] = {
      {R"({"max_new_tokens": 0})", "max_new_tokens: expected an integer"},
      {R"({"max_length": "x"})", "max_length: expected an integer"},
      {R"({"min_length": -1})", "min_length: expected an integer"},
      {R"({"no_repeat_ngram_size": 2000})", "no_repeat_ngram_size: expected"},
      {R"({"forced_bos_token_id": [1]})", "forced_bos_token_id: expected"},
      {R"({"forced_eos_token_id": "x"})", "forced_eos_token_id: expected"},
      {R"({"suppress_tokens": [1.5]})", "suppress_tokens: expected token ids"},
      {R"({"suppress_tokens": [-2]})", "suppress_tokens: expected token ids"},
      {R"({"begin_suppress_tokens": {}})", "begin_suppress_tokens: expected"},
      {R"({"bad_words_ids": [1]})", "bad_words_ids: expected a list of lists"},
      {R"({"bad_words_ids": [[]]})", "bad_words_ids: expected a list of lists"},
      {R"({"bad_words_ids": [[-1]]})", "bad_words_ids: expected token ids"},
      {R"({"bad_words_ids": 3})", "bad_words_ids: expected a list of lists"},
      {R"({"stop_strings": [1]})", "stop_strings: expected a string or"},
      {R"({"stop_strings": ""})", "stop_strings: expected strings of 1 to"},
      {R"({"stop_strings": [")" + std::string(1025, 'x') + R"("]})",
       "stop_strings: expected strings of 1 to"},
      {manyIds + "1]}", "more than 524288 token ids in all"},
      {manyStops + "\"\\n\"]}", "more than 64 strings"},
  };
  for (auto &[text, sentence] : cases) {
    tern::TokenizerSources sources;
    sources.generationConfig = text;
    std::string error;
    EXPECT_FALSE(tern::compileGeneration(sources, nullptr, error)) << sentence;
    EXPECT_EQ(error.find("generation_config.json: "), 0u) << error;
    EXPECT_NE(error.find(sentence), std::string::npos) << error;
  }
}

//===----------------------------------------------------------------------===//
// Every field
//===----------------------------------------------------------------------===//

/// The lines of a .def file: its macro and arguments.
std::vector<std::vector<std::string>> rowsOf(const std::string &file) {
  std::ifstream in(std::string(TERN_TEST_DIR) + "/../lib/Tokenizer/" + file);
  std::vector<std::vector<std::string>> rows;
  const std::regex row(
      R"re((USED|IRRELEVANT|NEUTRAL)\((\w+), (?:"([^"]*)", )?"([^"]*)"\))re");
  std::smatch found;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, found, row))
      rows.push_back({found[1], found[2], found[3], found[4]});
    else
      EXPECT_TRUE(line.empty() || line.rfind("//", 0) == 0) << line;
  return rows;
}

TEST(Generation, EveryFieldIsSpokenOf) {
  auto rows = rowsOf("GenerationFields.def");
  EXPECT_GT(rows.size(), 70u);
  for (const auto &row : rows) {
    const std::string &name = row[1];
    // Lists may be empty, and null says nothing.
    EXPECT_TRUE(remarksOf("{\"" + name + "\": null}").warnings.empty()) << name;
    if (row[0] == "USED")
      continue;
    auto warnings = remarksOf("{\"" + name + "\": 0.123}").warnings;
    if (row[0] == "IRRELEVANT") {
      EXPECT_TRUE(warnings.empty()) << name;
      continue;
    }
    ASSERT_EQ(warnings.size(), 1u) << name;
    EXPECT_EQ(warnings[0], "generation_config.json: " + name +
                               " = 0.123 is not followed; it " + row[3] +
                               ", so answers may differ");
    EXPECT_TRUE(
        remarksOf("{\"" + name + "\": " + row[2] + "}").warnings.empty())
        << name;
  }
}

TEST(Generation, UnknownFields) {
  EXPECT_EQ(remarksOf(R"({"surprise": 1, "nothing": null})").warnings,
            std::vector<std::string>{"generation_config.json: tern does not "
                                     "know 'surprise', so answers may differ"});
  std::string many = "{";
  for (int i = 0; i < 1000; ++i)
    many += "\"f" + std::to_string(1000 + i) + "\": 1,";
  EXPECT_EQ(remarksOf(many + "\"top_k\": 1}").warnings,
            std::vector<std::string>{
                "generation_config.json: tern does not know 'f1000', 'f1001', "
                "'f1002', 'f1003' and 996 more, so answers may differ"});
}

TEST(Generation, Contradictions) {
  EXPECT_EQ(remarksOf(R"({"bos_token_id": 2})").warnings,
            std::vector<std::string>{
                "generation_config.json: bos_token_id = 2 contradicts "
                "config.json's 1, and counts more"});
  EXPECT_TRUE(remarksOf(R"({"bos_token_id": 1})").warnings.empty());
  EXPECT_EQ(remarksOf(R"({"suppress_tokens": [100]})").warnings,
            std::vector<std::string>{
                "generation_config.json: token ids outside of the vocabulary "
                "of 100 are passed over"});
}

TEST(Generation, OtherFilesOfTheTokenizer) {
  tern::TokenizerSources sources;
  tern::TokenizerDescription tokenizer;
  tokenizer.tokens = {{"<s>", TERN_TOKEN_EXISTS | TERN_TOKEN_SPECIAL, false},
                      {"</s>", TERN_TOKEN_EXISTS | TERN_TOKEN_SPECIAL, false}};
  sources.tokenizerConfig = R"({"bos_token": "<s>", "split_special_tokens":
                               true, "odd": 1})";
  sources.specialTokensMap =
      R"({"bos_token": {"content": "</s>"}, "eos_token": "</s>"})";
  sources.chatTemplateJson = R"({"chat_template": "{{ eos_token }}"})";
  tern::TextRemarks remarks;
  std::string error;
  auto bytes =
      tern::compileGeneration(sources, &tokenizer, error, nullptr, &remarks);
  ASSERT_TRUE(bytes) << error;
  tern_generation g = generationOf(*bytes);
  EXPECT_EQ(g.bos_id, 0);
  ASSERT_EQ(g.eos_count, 1u);
  EXPECT_EQ(g.eos_ids[0], 1);
  EXPECT_EQ(textsOf(*bytes),
            R"({{ eos_token }}{"bos_token":"<s>","eos_token":"</s>"})");
  EXPECT_EQ(remarks.warnings,
            (std::vector<std::string>{
                "special_tokens_map.json: bos_token = \"</s>\" contradicts "
                "tokenizer_config.json's \"<s>\", which counts",
                "tokenizer_config.json: split_special_tokens = true is not "
                "followed; it takes control tokens in a text for text, so "
                "answers may differ",
                "tokenizer_config.json: tern does not know 'odd', so answers "
                "may differ"}));
}

} // namespace
