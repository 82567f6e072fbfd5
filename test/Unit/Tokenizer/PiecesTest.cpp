//===- PiecesTest.cpp - tokenizer.model -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SentencePieceWriter.h"
#include "TokenizerTesting.h"

#include <cmath>
#include <map>

using namespace tern_test;
using tern::SentencePieces;

namespace {

/// SentencePiece's BPE, slowly: of all neighbours that together are a
/// piece, those of the greatest score are joined, the leftmost first.
std::vector<int32_t> joinSlowly(const SentencePieces &model,
                                const std::string &text) {
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < model.pieces.size(); ++id)
    ids[model.pieces[id].text] = int32_t(id);
  auto isNormal = [&](const std::string &piece) {
    auto found = ids.find(piece);
    return found != ids.end() &&
           model.pieces[size_t(found->second)].type == SentencePieces::Normal;
  };
  std::vector<std::string> parts;
  std::string marked = model.addsSpace && !text.empty() ? "\u2581" : "";
  for (char c : text)
    marked += c == ' ' ? "\u2581" : std::string(1, c);
  for (size_t i = 0; i < marked.size(); i += parts.back().size())
    parts.push_back(
        marked.substr(i, std::max<size_t>(1, validLength(marked, i))));
  for (;;) {
    size_t best = SIZE_MAX;
    float score = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      if (!isNormal(parts[i]) || !isNormal(parts[i + 1]) ||
          !isNormal(parts[i] + parts[i + 1]))
        continue;
      float here = model.pieces[size_t(ids[parts[i] + parts[i + 1]])].score;
      if (best == SIZE_MAX || here > score) {
        best = i;
        score = here;
      }
    }
    if (best == SIZE_MAX)
      break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + long(best) + 1);
  }
  std::vector<int32_t> out = {1};
  for (const std::string &part : parts)
    if (isNormal(part))
      out.push_back(ids[part]);
    else
      for (char byte : part)
        out.push_back(int32_t(3 + uint8_t(byte)));
  return out;
}

/// Llama-2's kind: equal scores occur, so ties are tried.
SentencePieces randomPieces(uint32_t seed) {
  std::mt19937 random(seed);
  SentencePieces model = bytePieces();
  std::vector<std::string> names = {"\u2581", "a", "b",     "c",
                                    "d",      "e", "\u00E9"};
  for (size_t i = 0; i < 400; ++i) {
    std::string name =
        names[random() % names.size()] + names[random() % names.size()];
    if (name.size() < 20 &&
        std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  for (const std::string &name : names)
    model.pieces.push_back(
        {name, -float(random() % 100), SentencePieces::Normal});
  return model;
}

Table tableOf(const SentencePieces &pieces) {
  tern::TokenizerSources sources;
  sources.sentencePiece = sentencePieceFile(pieces);
  return Table(sources);
}

TEST(Pieces, JoinedByScore) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SentencePieces model = randomPieces(seed);
    Table table = tableOf(model);
    std::mt19937 random(seed);
    for (int i = 0; i < 100; ++i) {
      std::string text;
      for (uint32_t n = random() % 40; n > 0; --n)
        text += std::vector<
            std::string>{"a", "b",      "c", "d",      "e",
                         " ", "\u00E9", "x", "\u4F60", "\xFF"}[random() % 10];
      ASSERT_EQ(table.encode(text), joinSlowly(model, text)) << text;
    }
  }
}

TEST(Pieces, ControlTokensAndBytes) {
  SentencePieces model = randomPieces(1);
  model.pieces.push_back({"<mask>", 0, SentencePieces::UserDefined});
  model.pieces.push_back({"gone", 0, SentencePieces::Unused});
  const int32_t mask = int32_t(model.pieces.size()) - 2;
  Table table = tableOf(model);
  auto ids = table.encode("a</s>b<mask>", TERN_ENCODE_BARE);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 1);
  EXPECT_EQ(ids.back(), mask);
  ids = table.encode("</s>", TERN_ENCODE_BARE | TERN_ENCODE_PLAIN);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 0);
  EXPECT_EQ(table.decodeText(ids), "</s>");
  EXPECT_EQ(tern_tokenizer_token(&table.tokenizer, mask + 1, nullptr, nullptr),
            nullptr);
  // A space before the first token is not text; those that follow are.
  EXPECT_EQ(table.decodeText(table.encode(" a b")), " a b");
  EXPECT_EQ(table.decodeText(table.encode("\n\u4F60")), "\n\u4F60");
}

TEST(Pieces, Configuration) {
  tern::TokenizerSources sources;
  sources.sentencePiece = sentencePieceFile(randomPieces(1));
  sources.tokenizerConfig = R"({"add_bos_token":false,"add_eos_token":true})";
  auto ids = Table(sources).encode("a");
  EXPECT_NE(ids.front(), 1);
  EXPECT_EQ(ids.back(), 2);
}

/// Tokens that tokenizer.model does not have.
TEST(Pieces, TokensOfOtherFiles) {
  for (bool isUnigram : {false, true}) {
    SentencePieces model = isUnigram ? bytePieces() : randomPieces(1);
    model.isUnigram = isUnigram;
    if (isUnigram)
      model.pieces.push_back({"a", -2, SentencePieces::Normal});
    const int32_t count = int32_t(model.pieces.size());
    auto id = [](int32_t number) { return std::to_string(number); };
    tern::TokenizerSources sources;
    sources.sentencePiece = sentencePieceFile(model);
    sources.tokenizerConfig =
        R"({"added_tokens_decoder": {"1": {"content": "<s>", "special": true},
            "4": {"content": "odd"}, ")" +
        id(count + 1) + R"(": {"content": "<|im_end|>", "special": true,
            "__type": "AddedToken"}}, "additional_special_tokens": ["<x>"]})";
    sources.addedTokens = R"({"<x>": )" + id(count) + "}";
    tern::TextRemarks remarks;
    std::string error;
    ASSERT_TRUE(tern::readTokenizer(sources, error, &remarks)) << error;
    EXPECT_EQ(remarks.warnings,
              std::vector<std::string>{
                  "tokenizer_config.json: token 4 of the added tokens "
                  "contradicts tokenizer.model, which counts"});
    Table table(sources);
    auto ids = table.encode("a<x><|im_end|>");
    ASSERT_GE(ids.size(), 3u);
    EXPECT_EQ(ids[ids.size() - 2], count);
    EXPECT_EQ(ids.back(), count + 1);
    uint32_t flags = 0;
    tern_tokenizer_token(&table.tokenizer, count, nullptr, &flags);
    EXPECT_TRUE(flags & TERN_TOKEN_SPECIAL);
    sources.addedTokens = R"({"<x>": 999999999})";
    EXPECT_FALSE(tern::readTokenizer(sources, error));
    EXPECT_NE(error.find("added token 999999999"), std::string::npos) << error;
    sources.addedTokens = R"({"<x>": "1"})";
    EXPECT_FALSE(tern::readTokenizer(sources, error));
    EXPECT_EQ(error, "added_tokens.json: expected the id of each token");
  }
}

TEST(Pieces, Unigram) {
  SentencePieces model = bytePieces();
  model.isUnigram = true;
  for (auto &[name, score] : std::map<std::string, float>{
           {"\u2581", -3}, {"a", -2}, {"b", -2}, {"ab", -3}, {"\u2581a", -2.5}})
    model.pieces.push_back({name, score, SentencePieces::Normal});
  Table table = tableOf(model);
  auto find = [&](const char *name) {
    return tern_tokenizer_find(&table.tokenizer, name, std::strlen(name));
  };
  EXPECT_EQ(table.encode("abab"),
            (std::vector<int32_t>{1, find(" a"), find("b"), find("ab")}));
  EXPECT_EQ(table.encode("\u00E9"),
            (std::vector<int32_t>{1, find(" "), 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(table.encode("\xFF"),
            (std::vector<int32_t>{1, find(" "), 3 + 0xFF}));
}

/// -1 and 2^-25 make -1 in single precision: as good as "ab", which comes
/// first.
TEST(Pieces, SumsAreSingle) {
  SentencePieces model = bytePieces();
  model.isUnigram = true;
  model.addsSpace = false;
  for (auto [name, score] :
       {std::pair<const char *, float>{"a", -1}, {"b", 0x1p-25f}, {"ab", -1}})
    model.pieces.push_back({name, score, SentencePieces::Normal});
  EXPECT_EQ(tableOf(model).encode("ab"), (std::vector<int32_t>{1, 261}));
}

struct BadFile {
  const char *sentence;
  void (*change)(SentencePieces &);
};

TEST(Pieces, Refusals) {
  const BadFile cases[] = {
      {"token 262, '<0xG0>', is no byte",
       [](SentencePieces &p) {
         p.pieces[262] = {"<0xG0>", 0, SentencePieces::Byte};
       }},
      {"token 262, '<0x-1>', is no byte",
       [](SentencePieces &p) {
         p.pieces[262] = {"<0x-1>", 0, SentencePieces::Byte};
       }},
      {"token 262 is of type 9",
       [](SentencePieces &p) { p.pieces[262].type = 9; }},
      {"token 262 is of type -1",
       [](SentencePieces &p) { p.pieces[262].type = -1; }},
      {"token 262 has no text",
       [](SentencePieces &p) { p.pieces[262].text = ""; }},
      {"token 262 is not UTF-8",
       [](SentencePieces &p) { p.pieces[262].text = "a\xC3"; }},
      {"token 262 is too long",
       [](SentencePieces &p) { p.pieces[262].text.assign(5000, 'a'); }},
      {"a score that is no number",
       [](SentencePieces &p) { p.pieces[262].score = NAN; }},
      {"'a' is there twice",
       [](SentencePieces &p) {
         p.pieces[262].text = p.pieces[263].text = "a";
       }},
      {"a second one for what is unknown",
       [](SentencePieces &p) { p.pieces[262].type = SentencePieces::Unknown; }},
      {"token 99999, set around a text",
       [](SentencePieces &p) { p.bos = 99999; }},
      {"not a model", [](SentencePieces &p) { p.pieces.clear(); }},
  };
  for (const BadFile &bad : cases) {
    SentencePieces model = randomPieces(1);
    bad.change(model);
    tern::TokenizerSources sources;
    sources.sentencePiece = sentencePieceFile(model);
    std::string error;
    EXPECT_FALSE(tern::compileTokenizer(sources, error)) << bad.sentence;
    EXPECT_NE(error.find(bad.sentence), std::string::npos) << error;
    EXPECT_EQ(error.find("tokenizer"), 0u) << error;
  }
}

TEST(Pieces, DamagedFiles) {
  const std::string good = sentencePieceFile(randomPieces(1));
  std::mt19937 random(5);
  auto attempt = [](const std::string &file) {
    tern::TokenizerSources sources;
    sources.sentencePiece = file;
    std::string error;
    bool ok = tern::compileTokenizer(sources, error).has_value();
    EXPECT_EQ(ok, error.empty()) << error;
    return ok;
  };
  ASSERT_TRUE(attempt(good));
  for (size_t size = 0; size < good.size(); size += 37)
    attempt(good.substr(0, size));
  for (int i = 0; i < 500; ++i) {
    std::string file = good;
    for (uint32_t n = 1 + random() % 4; n > 0; --n)
      file[random() % file.size()] = char(random());
    attempt(file);
  }
  // A length that reaches behind the end, and one that wraps around.
  EXPECT_FALSE(attempt("\x0A\x7F"));
  EXPECT_FALSE(attempt("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"));
}

} // namespace
