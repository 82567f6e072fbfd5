//===- FilesTest.cpp - Reading what nobody vouches for --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerTesting.h"

#include "nlohmann/json.hpp"

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

} // namespace
