//===- GgufTokenizerTest.cpp - Tokenizers of GGUF files -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufTokenizer.h"
#include "Tokenizer/CharsmapWriter.h"

#include "tern/tokenizer.h"

#include <cmath>

using namespace tern;
using nlohmann::json;

namespace {

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

TEST(GgufTokenizer, APenaltyLooksBackAsInTheEngine) {
  TinyTokenizer tiny;
  auto seen = [&] {
    auto sources = tiny.translate();
    EXPECT_TRUE(bool(sources)) << llvm::toString(sources.takeError());
    return std::pair(sources->repeatLastN, sources->generationConfig);
  };
  EXPECT_EQ(seen().first, 0u);
  tiny.set("general.sampling.penalty_repeat", ggufF32(1.5));
  const std::string stated = R"({"do_sample":true,"repetition_penalty":1.5})";
  EXPECT_EQ(seen(), std::pair(64u, stated));
  tiny.set("general.sampling.penalty_last_n", ggufU32(9));
  EXPECT_EQ(seen(), std::pair(9u, stated));
  tiny.set("general.sampling.penalty_last_n", ggufF32(-1));
  EXPECT_EQ(seen(), std::pair(0u, stated));
  tiny.set("general.sampling.penalty_last_n", ggufU32(0));
  EXPECT_EQ(seen().second, R"({"do_sample":true})");
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

static SentencePieces piecesOf(const TinyTokenizer &tiny) {
  auto sources = tiny.translate();
  EXPECT_TRUE(bool(sources)) << verdictOf(sources);
  return sources ? sources->pieces : SentencePieces();
}

/// The tokens of a text.
static std::vector<int32_t> encoded(const TinyTokenizer &tiny,
                                    const std::string &text) {
  auto sources = tiny.translate();
  EXPECT_TRUE(bool(sources)) << verdictOf(sources);
  std::string error;
  auto table = compileTokenizer(*sources, error);
  EXPECT_TRUE(table) << error;
  tern_tokenizer tokenizer;
  EXPECT_EQ(tern_tokenizer_load(&tokenizer, table->data(), table->size()),
            TERN_OK);
  std::vector<char> memory(
      tern_tokenizer_encode_bytes(&tokenizer, text.size()));
  std::vector<int32_t> ids(tern_tokenizer_max_tokens(&tokenizer, text.size()));
  size_t count = 0;
  EXPECT_EQ(tern_tokenizer_encode(&tokenizer, text.data(), text.size(), 0,
                                  memory.data(), memory.size(), ids.data(),
                                  ids.size(), &count),
            TERN_OK);
  ids.resize(count);
  return ids;
}

using Ids = std::vector<int32_t>;

TEST(GgufTokenizer, PiecesAreKept) {
  SentencePieces pieces = piecesOf(sentencePiece());
  ASSERT_EQ(pieces.pieces.size(), 9u);
  EXPECT_EQ(pieces.pieces[8].text, "abc");
  EXPECT_EQ(pieces.pieces[8].score, -3);
  EXPECT_EQ(pieces.pieces[2].type, SentencePieces::Byte);
  EXPECT_FALSE(pieces.isUnigram);
  EXPECT_TRUE(pieces.addsSpace);
  EXPECT_FALSE(pieces.removesSpaces);
  EXPECT_TRUE(pieces.addsBos);
  EXPECT_EQ(pieces.bos, 1);
  EXPECT_FALSE(pieces.addsEos);
  // A space in front has no piece; then the best score first.
  EXPECT_EQ(encoded(sentencePiece(), "abcab"), (Ids{1, 0, 8, 6}));
}

/// Of equal scores the leftmost counts, whatever the ids: so it is done by
/// SentencePiece and llama.cpp.
TEST(GgufTokenizer, EqualScoresGoFromTheLeft) {
  TinyTokenizer tiny = sentencePiece();
  tiny.tokens[7] = "ba";
  tiny.set("tokenizer.ggml.add_space_prefix", ggufBool(false));
  tiny.set("tokenizer.ggml.scores",
           scoresOf({0, 0, 0, -4, -5, -6, -1, -1, -3}));
  EXPECT_FALSE(piecesOf(tiny).addsSpace);
  EXPECT_EQ(encoded(tiny, "bab"), (Ids{1, 7, 4}));
  EXPECT_EQ(encoded(tiny, "aba"), (Ids{1, 6, 3}));
}

/// llama.cpp's t5: no bos, an eos, sums of scores in double precision.
TEST(GgufTokenizer, Unigram) {
  TinyTokenizer tiny;
  tiny.tokens = {"<pad>", "</s>", "<unk>", "\u2581", "a", "b", "ab"};
  tiny.types = {control, control, 2, normal, normal, normal, normal};
  std::string rules = tern_test::charsmapOf({{"\t", " "}, {"B", "b"}});
  tiny.more = {
      {"tokenizer.ggml.model", ggufText("t5")},
      {"tokenizer.ggml.scores", scoresOf({0, 0, 0, -2, -1, 0x1p-25f, -1})},
      {"tokenizer.ggml.eos_token_id", ggufU32(1)},
      {"tokenizer.ggml.precompiled_charsmap",
       ggufArray(0, rules.size(), rules)}};
  EXPECT_EQ(piecesOf(tiny).charsmap, rules);
  EXPECT_EQ(encoded(tiny, "aB \t"), (Ids{4, 5, 3, 3, 1}));
  EXPECT_EQ(encoded(tiny, "ax"), (Ids{4, 2, 1}));
  tiny.set("tokenizer.ggml.remove_extra_whitespaces", ggufBool(true));
  EXPECT_EQ(encoded(tiny, "  a \t B "), (Ids{3, 4, 3, 5, 1}));
  tiny.set("tokenizer.ggml.remove_extra_whitespaces", ggufBool(false));
  tiny.set("tokenizer.ggml.add_space_prefix", ggufBool(true));
  tiny.set("tokenizer.ggml.add_eos_token", ggufBool(false));
  EXPECT_EQ(encoded(tiny, "b"), (Ids{3, 5}));
  tiny.set("tokenizer.ggml.precompiled_charsmap",
           ggufArray(5, 1, little(300, 4)));
  EXPECT_NE(tiny.verdict().find("is no list of bytes"), std::string::npos);
  tiny.set("tokenizer.ggml.precompiled_charsmap", ggufArray(0, 1, "x"));
  std::string error;
  auto sources = tiny.translate();
  ASSERT_TRUE(bool(sources)) << verdictOf(sources);
  EXPECT_FALSE(compileTokenizer(*sources, error));
  EXPECT_NE(error.find("its trie is cut off"), std::string::npos) << error;
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
         "score of token 0 is no number"}}) {
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
