//===- test/Unit/ImportGgufTokenizerTest.cpp - Tokenizers of GGUF files ---===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGguf.h"

#include "tern/Import/GgufModel.h"

#include "nlohmann/json.hpp"

#include <cmath>

#include "gtest/gtest.h"

using namespace tern;
using nlohmann::json;

namespace {

constexpr int normal = 1, control = 3, userDefined = 4, unused = 5;

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
  json root() const {
    auto sources = translate();
    if (!sources) {
      ADD_FAILURE() << llvm::toString(sources.takeError());
      return {};
    }
    return json::parse(sources->tokenizer);
  }
  std::string verdict() const {
    auto sources = translate();
    return sources ? "" : llvm::toString(sources.takeError());
  }
};

/// For chat templates, which write tokens by these names.
TEST(GgufTokenizer, NamedTokens) {
  TinyTokenizer tiny;
  tiny.set("tokenizer.ggml.unknown_token_id", ggufU32(5));
  tiny.set("tokenizer.ggml.padding_token_id", ggufU32(99)); // no token
  auto sources = tiny.translate();
  ASSERT_TRUE(bool(sources)) << llvm::toString(sources.takeError());
  EXPECT_EQ(sources->tokenizerConfig,
            R"({"bos_token":"<s>","eos_token":"</s>","unk_token":"<u>"})");
}

void expectRefusal(void (*edit)(TinyTokenizer &), const std::string &part) {
  TinyTokenizer tiny;
  edit(tiny);
  std::string message = tiny.verdict();
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

} // namespace

TEST(GgufTokenizer, TokensAndMergesBecomeAModel) {
  json root = TinyTokenizer().root();
  EXPECT_EQ(root["model"]["type"], "BPE");
  EXPECT_EQ(root["model"]["vocab"], json({{"a", 0}, {"b", 1}, {"ab", 2}}));
  EXPECT_EQ(root["model"]["merges"], json({"a b"}));
  EXPECT_EQ(root["added_tokens"],
            json({{{"id", 3}, {"content", "<s>"}, {"special", true}},
                  {{"id", 4}, {"content", "</s>"}, {"special", true}},
                  {{"id", 5}, {"content", "<u>"}, {"special", false}}}));
}

TEST(GgufTokenizer, TheNameOfTheSplitGivesAPattern) {
  auto steps = [](const char *name) {
    TinyTokenizer tiny;
    tiny.set("tokenizer.ggml.pre", ggufText(name));
    return tiny.root()["pre_tokenizer"]["pretokenizers"];
  };
  auto regexOf = [&](const char *name) {
    return steps(name)[0]["pattern"]["Regex"].get<std::string>();
  };
  EXPECT_NE(regexOf("llama-bpe").find("\\p{N}{1,3}|"), std::string::npos);
  EXPECT_EQ(regexOf("falcon3"), regexOf("llama-bpe"));
  EXPECT_EQ(regexOf("dbrx"), regexOf("llama-bpe"));
  EXPECT_NE(regexOf("qwen2").find("\\p{N}|"), std::string::npos);
  EXPECT_EQ(steps("gpt-2").size(), 1u);
  EXPECT_TRUE(steps("gpt-2")[0]["use_regex"]);
  expectRefusal(
      [](TinyTokenizer &t) { t.set("tokenizer.ggml.pre", ggufText("new")); },
      "splits text as 'new', which is not supported");
}

TEST(GgufTokenizer, AMissingSplitIsAskedFor) {
  TinyTokenizer tiny;
  tiny.more.erase(tiny.more.begin() + 1);
  EXPECT_NE(tiny.verdict().find("say --tokenizer-pre=llama-bpe"),
            std::string::npos);
  tiny.options.tokenizerPre = "qwen2";
  EXPECT_EQ(tiny.verdict(), "");
  EXPECT_FALSE(tiny.root()["model"]["ignore_merges"]);
}

TEST(GgufTokenizer, BosAndEosAreAddedAsTheFileSays) {
  auto namesOf = [](const json &root) {
    std::string names;
    for (const json &step : root["post_processor"]["single"])
      names += step.contains("Sequence")
                   ? "text "
                   : step["SpecialToken"]["id"].get<std::string>() + " ";
    return names;
  };
  TinyTokenizer tiny;
  EXPECT_EQ(namesOf(tiny.root()), "<s> text ");
  tiny.set("tokenizer.ggml.add_bos_token", ggufBool(false));
  EXPECT_EQ(namesOf(tiny.root()), "text ");
  tiny.set("tokenizer.ggml.add_eos_token", ggufBool(true));
  EXPECT_EQ(namesOf(tiny.root()), "text </s> ");
  tiny.set("tokenizer.ggml.eos_token_id", ggufU32(7));
  EXPECT_NE(tiny.verdict().find("'tokenizer.ggml.eos_token_id' is missing"),
            std::string::npos);
}

TEST(GgufTokenizer, TheChatTemplateIsTakenAlong) {
  TinyTokenizer tiny;
  tiny.set("tokenizer.chat_template", ggufText("{{ x }}"));
  auto sources = tiny.translate();
  ASSERT_TRUE(bool(sources)) << llvm::toString(sources.takeError());
  EXPECT_EQ(sources->chatTemplate, "{{ x }}");
  EXPECT_EQ(sources->config, "{}");
}

TEST(GgufTokenizer, TokensThatEndAnAnswerAreKnownByName) {
  TinyTokenizer tiny;
  auto endsOf = [&] {
    auto sources = tiny.translate();
    return sources ? sources->generationConfig
                   : llvm::toString(sources.takeError());
  };
  EXPECT_EQ(endsOf(), "");
  tiny.tokens[3] = "<|eot_id|>";
  EXPECT_EQ(endsOf(), R"({"eos_token_id":[3]})");
  tiny.types[3] = normal;
  tiny.set("tokenizer.ggml.bos_token_id", ggufU32(4));
  EXPECT_EQ(endsOf(), "");
}

TEST(GgufTokenizer, AFileWithoutTokenizerHasNone) {
  TinyTokenizer tiny;
  tiny.more.clear();
  auto sources = tiny.translate();
  ASSERT_TRUE(bool(sources)) << llvm::toString(sources.takeError());
  EXPECT_EQ(sources->tokenizer, "");
  tiny.set("tokenizer.ggml.model", ggufText("no_vocab"));
  sources = tiny.translate();
  ASSERT_TRUE(bool(sources)) << llvm::toString(sources.takeError());
  EXPECT_EQ(sources->tokenizer, "");
}

static std::string scoresOf(const std::vector<float> &scores) {
  std::string elements;
  for (float score : scores)
    elements += little(score);
  return ggufArray(6, scores.size(), elements);
}

/// <unk> and pieces of which "abc" can be made in two ways.
static TinyTokenizer sentencePiece() {
  TinyTokenizer tiny;
  tiny.tokens = {"<unk>", "<s>", "<0x0A>", "a", "b", "c", "ab", "bc", "abc"};
  tiny.types = {2, control, 6, 1, 1, 1, 1, 1, 1};
  tiny.more = {
      {"tokenizer.ggml.model", ggufText("llama")},
      {"tokenizer.ggml.scores", scoresOf({0, 0, 0, -4, -5, -6, -2, -1, -3})},
      {"tokenizer.ggml.bos_token_id", ggufU32(1)}};
  return tiny;
}

TEST(GgufTokenizer, ScoresBecomeMerges) {
  json root = sentencePiece().root();
  EXPECT_EQ(root["model"]["merges"],
            json::parse(R"([["b","c"],["a","b"],["a","bc"],["ab","c"]])"));
  EXPECT_EQ(root["model"]["unk_token"], "<unk>");
  EXPECT_TRUE(root["model"]["byte_fallback"]);
  EXPECT_EQ(root["normalizer"]["normalizers"].size(), 2u);
  EXPECT_EQ(root["decoder"]["decoders"].size(), 4u);
  EXPECT_EQ(root["post_processor"]["single"].size(), 2u);
}

TEST(GgufTokenizer, TheSpaceInFrontMayBeMissing) {
  TinyTokenizer tiny = sentencePiece();
  tiny.set("tokenizer.ggml.add_space_prefix", ggufBool(false));
  json root = tiny.root();
  EXPECT_EQ(root["normalizer"]["normalizers"].size(), 1u);
  EXPECT_EQ(root["decoder"]["decoders"].size(), 3u);
}

TEST(GgufTokenizer, DamagedPiecesAreRefused) {
  for (const auto &[edit, part] :
       {std::pair<void (*)(TinyTokenizer &), const char *>{
            [](TinyTokenizer &t) {
              t.set("tokenizer.ggml.scores", scoresOf({1}));
            },
            "9 tokens, but 1 scores"},
        {[](TinyTokenizer &t) {
           t.set("tokenizer.ggml.scores", ggufTexts({"x"}));
         },
         "a list of f32"},
        {[](TinyTokenizer &t) {
           std::vector<float> scores(9, NAN);
           t.set("tokenizer.ggml.scores", scoresOf(scores));
         },
         "score of token 0 is no number"},
        {[](TinyTokenizer &t) { t.tokens[8] = std::string(129, 'a'); },
         "token 8 has 129 bytes"},
        {[](TinyTokenizer &t) {
           t.set("tokenizer.ggml.remove_extra_whitespaces", ggufBool(true));
         },
         "changes texts before"},
        {[](TinyTokenizer &t) {
           t.set("tokenizer.ggml.precompiled_charsmap", ggufArray(0, 1, "x"));
         },
         "changes texts before"}}) {
    TinyTokenizer tiny = sentencePiece();
    edit(tiny);
    std::string message = tiny.verdict();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(GgufTokenizer, DamagedListsAreRefused) {
  expectRefusal([](TinyTokenizer &t) { t.tokens.clear(); },
                "'tokenizer.ggml.tokens' is expected to be a list of strings");
  expectRefusal([](TinyTokenizer &t) { t.types.pop_back(); },
                "there are 7 tokens, but 6 types");
  expectRefusal([](TinyTokenizer &t) { t.tokens[1] = "a"; },
                "token 1 is not UTF-8 or occurs twice");
  expectRefusal([](TinyTokenizer &t) { t.tokens[1] = "\xff"; },
                "token 1 is not UTF-8 or occurs twice");
  expectRefusal(
      [](TinyTokenizer &t) {
        t.set("tokenizer.ggml.merges", ggufTexts({"\xc3 b"}));
      },
      "a merge of the tokenizer is not UTF-8");
  expectRefusal(
      [](TinyTokenizer &t) { t.set("tokenizer.ggml.model", ggufText("bert")); },
      "the tokenizer model 'bert' is not supported");
  expectRefusal(
      [](TinyTokenizer &t) { t.set("tokenizer.ggml.pre", ggufU32(1)); },
      "'tokenizer.ggml.pre' is expected to be one string");
  expectRefusal(
      [](TinyTokenizer &t) {
        t.set("tokenizer.chat_template", ggufText("\xff"));
      },
      "'tokenizer.chat_template' is expected to be one string of UTF-8");
}
