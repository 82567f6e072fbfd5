//===- TokenizerFilesTest.cpp - Reading what nobody vouches for -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerTesting.h"

#include "tern/artifact.h"

#include "nlohmann/json.hpp"

#include <cstring>

using namespace tern_test;
using Json = nlohmann::json;

namespace {

struct Refusal {
  const char *path; ///< JSON pointer of what is replaced
  const char *value;
  const char *sentence;
};

TEST(Tokenizer, Refusals) {
  const Refusal cases[] = {
      {"/normalizer", R"({"type":"Nmt"})",
       "normalizer: 'Nmt' is not supported"},
      {"/normalizer", R"({"type":"NFC","x":1})", "normalizer.x: unknown field"},
      {"/normalizer",
       R"x({"type":"Replace","pattern":{"Regex":"a(?<=b)"},"content":""})x",
       "normalizer.pattern: 'a(?<=b)': '(?<' is not supported"},
      {"/normalizer", R"({"type":"Sequence"})",
       "normalizer.normalizers: expected a list"},
      {"/model/type", R"("WordPiece")",
       "model.type: 'WordPiece' is not supported"},
      {"/model/type", R"("Unigram")", "model.vocab: expected a list of tokens"},
      {"/model/dropout", "0.1", "model.dropout: must be null or 0"},
      {"/model/end_of_word_suffix", R"("</w>")",
       "model.end_of_word_suffix: is not supported"},
      {"/model/continuing_subword_prefix", R"("##")",
       "model.continuing_subword_prefix: is not supported"},
      {"/model/unk_token", R"("nosuch")",
       "model.unk_token: 'nosuch' is not in the vocabulary"},
      {"/model/surprise", "1", "model.surprise: unknown field"},
      {"/surprise", "1", "tokenizer.json: surprise: unknown field"},
      {"/model/vocab/!", "-1", "model.vocab: the id of '!' is not an integer"},
      {"/model/vocab/!", "99999999999", "model.vocab: the id of '!' is not"},
      {"/model/vocab/!", "7", "id 7 is given to two tokens"},
      {"/model/merges/0", R"("a")", "merges[0]: expected two tokens"},
      {"/model/merges/0", R"("a  b")", "merges[0]: expected two tokens"},
      {"/model/merges/1", R"("a nosuch")", "'nosuch' is not in the vocabulary"},
      {"/model/merges", "7", "model.merges: expected a list"},
      {"/added_tokens/0/lstrip", "1", "lstrip: expected true or false"},
      {"/added_tokens/0/id", "null", "added_tokens[0].id: is missing"},
      {"/added_tokens/0/id", "5", "belongs to another token"},
      {"/added_tokens/0/content", R"("")", "content: is missing, empty"},
      {"/added_tokens/1/content", R"("<|begin_of_text|>")", "has two ids"},
      {"/pre_tokenizer", "null", "decoder: ByteLevel is not the"},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex", R"("\\w+")",
       "pattern: '\\w+': '\\w' is not supported"},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex", R"("a*")",
       "pattern: it cannot be used: it matches nothing at all"},
      {"/pre_tokenizer/pretokenizers/0/pattern/Regex",
       R"("[ab]{9}a[ab]*c|[ab]")",
       "it would make splitting slow on some texts"},
      {"/pre_tokenizer/pretokenizers/0/behavior", R"("Sideways")",
       "behavior: 'Sideways' is not supported"},
      {"/pre_tokenizer/pretokenizers/0/type", R"("Whitespace")",
       "'Whitespace' is not supported here"},
      {"/pre_tokenizer/pretokenizers/0/type", R"("ByteLevel")",
       "pre_tokenizer.behavior: unknown field"},
      {"/post_processor/type", R"("BertProcessing")",
       "post_processor: 'BertProcessing' is not supported"},
      {"/post_processor/single/0/SpecialToken/id", R"("<x>")", "lacks '<x>'"},
      {"/decoder", R"({"type":"Metaspace"})", "decoder: expected ByteLevel"},
      {"/decoder", R"({"type":"CTC"})", "decoder: 'CTC' is not supported"},
      {"/decoder", R"({"type":"Strip","content":" ","start":1,"stop":0})",
       "only one space in front, behind 'Fuse'"},
      {"/model", "7", "tokenizer.json: model: expected an object"},
  };
  const Json good = Json::parse(modelFile("tokenizer.json"));
  for (const Refusal &refusal : cases) {
    Json bad = good;
    bad[Json::json_pointer(refusal.path)] = Json::parse(refusal.value);
    tern::TokenizerSources sources;
    sources.tokenizer = bad.dump();
    std::string error;
    EXPECT_FALSE(tern::compileTokenizer(sources, error)) << refusal.path;
    EXPECT_NE(error.find(refusal.sentence), std::string::npos)
        << refusal.path << ": " << error;
    EXPECT_EQ(error.find("tokenizer.json: "), 0u) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Tokenizer, BadJson) {
  std::string good = modelFile("tokenizer.json");
  std::string deep(100000, '[');
  for (const std::string &text :
       {std::string(), std::string("[]"), good.substr(0, 5000), deep,
        std::string("{\"a\":\"\xFF\"}")}) {
    tern::TokenizerSources sources;
    sources.tokenizer = text;
    std::string error;
    EXPECT_FALSE(tern::compileTokenizer(sources, error));
    EXPECT_EQ(error.find("tokenizer.json: "), 0u) << error;
  }
}

/// Random damage to the text: an answer or one sentence, never a crash.
TEST(Tokenizer, DamagedJson) {
  const std::string good = modelFile("tokenizer.json");
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    tern::TokenizerSources sources;
    sources.tokenizer = good;
    for (int n = 1 + random() % 3; n > 0; --n)
      sources.tokenizer[random() % good.size()] =
          "\"[]{},:0a\\-"[random() % 11];
    std::string error;
    bool ok = tern::compileTokenizer(sources, error).has_value();
    EXPECT_EQ(ok, error.empty());
  }
}

tern_generation generationOf(const std::vector<uint8_t> &bytes) {
  tern_generation generation;
  EXPECT_GE(bytes.size(), sizeof(generation));
  std::memcpy(&generation, bytes.data(), sizeof(generation));
  EXPECT_EQ(generation.size, sizeof(generation));
  EXPECT_EQ(generation.chat_template_bytes + generation.chat_variables_bytes,
            bytes.size() - sizeof(generation));
  return generation;
}

/// The texts behind it, one after the other.
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

} // namespace
