//===- TokenizerTest.cpp - Text to tokens and back ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerReference.h"

extern "C" {
#include "../../../runtime/src/tokenizer/table.h"
}

#include <cstring>

using namespace tern_test;

namespace {

enum class Pattern { Llama3, Qwen2, Gpt2 };

/// A tokenizer.json with all bytes, random merges and awkward added tokens.
std::string randomTokenizer(uint32_t seed, Pattern pattern, bool ignoreMerges) {
  std::mt19937 random(seed);
  Json root = Json::parse(modelFile("tokenizer.json"));
  std::vector<std::string> names;
  Json vocab = Json::object(), merges = Json::array();
  for (auto &[name, id] : root["model"]["vocab"].items())
    if (name.size() == 1 || (name.size() == 2 && uint8_t(name[0]) >= 0xC2))
      names.push_back(name);
  EXPECT_EQ(names.size(), 256u);
  while (names.size() < 3000) {
    auto pick = [&] {
      // Letters and the space mostly, so that merges happen.
      size_t n = random() % 3 ? names.size() : 256;
      return names[random() % n];
    };
    std::string a = pick(), b = pick();
    if (random() % 2 && names.size() < 600) {
      a = std::string(1, "aehotrnsz"[random() % 9]);
      b = std::string(1, "aehotrnsz"[random() % 9]);
    }
    if (a.size() + b.size() > 24)
      continue;
    if (random() % 8)
      merges.push_back(random() % 2 ? Json(a + " " + b) : Json({a, b}));
    if (std::find(names.begin(), names.end(), a + b) == names.end())
      names.push_back(a + b);
  }
  std::shuffle(names.begin(), names.end(), random);
  for (size_t i = 0; i < names.size(); ++i)
    vocab[names[i]] = i;
  root["model"]["vocab"] = vocab;
  root["model"]["merges"] = merges;
  root["model"]["ignore_merges"] = ignoreMerges;
  int id = int(names.size());
  auto add = [&](const char *content, bool normalized) {
    root["added_tokens"].push_back({{"id", id++},
                                    {"content", content},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", normalized},
                                    {"special", !normalized}});
  };
  root["added_tokens"] = Json::array();
  add("<|begin_of_text|>", false);
  add("<a>", false), add("<a><b>", false), add("<b", false), add("late", true);
  add("\u0939", true), add("lat", true), add(" ", true), add("<|end", true);
  root["post_processor"]["special_tokens"]["<|begin_of_text|>"]["ids"] = {
      names.size()};
  std::string llama =
      root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  if (pattern == Pattern::Qwen2)
    root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
        llama.replace(llama.find("{1,3}"), 5, "");
  if (pattern == Pattern::Gpt2)
    root["pre_tokenizer"] = {{"type", "ByteLevel"},
                             {"add_prefix_space", false},
                             {"trim_offsets", true},
                             {"use_regex", true}};
  return root.dump();
}

void compareOnRandomText(const std::string &json, uint32_t seed, int count) {
  Table table(json);
  Reference reference(json);
  std::mt19937 random(seed);
  for (int i = 0; i < count; ++i) {
    std::string text = randomText(random);
    std::vector<int32_t> tokens = table.encode(text);
    ASSERT_EQ(tokens, reference.encode(text))
        << Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
    tokens.erase(tokens.begin()); // bos
    ASSERT_EQ(table.decode(tokens), text);
  }
}

TEST(Tokenizer, GoldenPrompts) {
  for (const char *model : {"shakespeare-a48", "shakespeare-b158"}) {
    std::string dir = std::string(TERN_TEST_DIR) + "/models/" + model + "/";
    Table table(readFile(dir + "tokenizer.json"),
                readFile(dir + "tokenizer_config.json"));
    Json golden = Json::parse(readFile(dir + "golden.json"));
    ASSERT_FALSE(golden["greedy"].empty());
    for (auto &entry : golden["greedy"]) {
      EXPECT_EQ(Json(table.encode(entry["prompt"])), entry["prompt_ids"]);
      EXPECT_EQ(table.decode(entry["ids"]), entry["text"]);
    }
  }
}

TEST(Tokenizer, BundledAgainstReference) {
  compareOnRandomText(modelFile("tokenizer.json"), 1, 4000);
}

TEST(Tokenizer, RandomVocabulariesAgainstReference) {
  uint32_t seed = 0;
  for (Pattern pattern : {Pattern::Llama3, Pattern::Qwen2, Pattern::Gpt2})
    for (bool ignoreMerges : {false, true}) {
      ++seed;
      compareOnRandomText(randomTokenizer(seed, pattern, ignoreMerges), seed,
                          700);
    }
}

TEST(Tokenizer, ClassOfEveryCodePoint) {
  Table table(modelFile("tokenizer.json"));
  const CharacterPattern letter("\\p{L}"), number("\\p{N}"), space("\\s");
  // A class is of one kind.
  std::map<uint32_t, std::tuple<bool, bool, bool>> kinds;
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    if (isSurrogate(code) || !isAssigned(code))
      continue;
    // No White_Space since Unicode 6.3, but PCRE2's \s.
    bool isSpace = space.matches(code) && code != 0x180E;
    auto is =
        std::make_tuple(letter.matches(code), number.matches(code), isSpace);
    uint32_t klass = tern_table_class(&table.tokenizer, code);
    ASSERT_EQ(kinds.emplace(klass, is).first->second, is) << code;
    ASSERT_EQ(bool(table_u8(&table.tokenizer,
                            table.tokenizer.header.class_flags, klass) &
                   TERN_CHAR_SPACE),
              isSpace)
        << code;
  }
}

TEST(Tokenizer, LongPieceIsNotQuadratic) {
  Table table(modelFile("tokenizer.json"));
  // One piece of 4 MiB: a loop over all pairs would take hours.
  std::string text(size_t(4) << 20, 'a');
  EXPECT_GT(table.encode(text).size(), text.size() / 64);
  text.assign(size_t(4) << 20, ' ');
  EXPECT_EQ(table.decode(table.encode(text, TERN_ENCODE_BARE)), text);
}

TEST(Tokenizer, FlagsAndLookups) {
  Table table(modelFile("tokenizer.json"));
  const std::string end = "<|end_of_text|>";
  EXPECT_EQ(table.encode(end), (std::vector<int32_t>{1022, 1023}));
  EXPECT_EQ(table.encode(end, TERN_ENCODE_BARE), std::vector<int32_t>{1023});
  auto plain = table.encode(end, TERN_ENCODE_BARE | TERN_ENCODE_PLAIN);
  EXPECT_GT(plain.size(), 1u);
  EXPECT_EQ(table.decode(plain), end);
  EXPECT_EQ(table.encode(""), std::vector<int32_t>{1022});
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, end.data(), end.size()),
            1023);
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, "!", 1), 0);
  EXPECT_EQ(tern_tokenizer_find(&table.tokenizer, "no such token", 13), -1);
  uint32_t flags;
  size_t count;
  ASSERT_TRUE(tern_tokenizer_token(&table.tokenizer, 1023, &count, &flags));
  EXPECT_EQ(flags, uint32_t(TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED |
                            TERN_TOKEN_SPECIAL));
  EXPECT_EQ(count, end.size());
  for (int32_t id : {-1, 1024, INT32_MAX, INT32_MIN})
    EXPECT_EQ(tern_tokenizer_token(&table.tokenizer, id, &count, &flags),
              nullptr);
}

TEST(Tokenizer, TooSmallMemoryIsRefused) {
  Table table(modelFile("tokenizer.json"));
  const std::string text = "ROMEO:";
  size_t needed = tern_tokenizer_encode_bytes(&table.tokenizer, text.size());
  std::vector<char> memory(needed);
  int32_t tokens[2] = {-7, -7};
  size_t count = 0;
  EXPECT_EQ(tern_tokenizer_encode(&table.tokenizer, text.data(), text.size(), 0,
                                  memory.data(), needed - 1, tokens, 2, &count),
            TERN_TOO_SMALL);
  EXPECT_EQ(tern_tokenizer_encode(&table.tokenizer, text.data(), text.size(), 0,
                                  memory.data(), needed, tokens, 1, &count),
            TERN_TOO_SMALL);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(tokens[0], 1022);
  EXPECT_EQ(tokens[1], -7);
}

/// No damage to the table may crash the reader or lead it outside.
TEST(Tokenizer, DamagedTables) {
  Table good(modelFile("tokenizer.json"));
  std::mt19937 random(5);
  int refused = 0;
  auto attempt = [&](std::vector<uint8_t> bytes) {
    // On the heap without slack, for the sanitizers.
    bytes.shrink_to_fit();
    tern_tokenizer tokenizer;
    if (tern_tokenizer_load(&tokenizer, bytes.data(), bytes.size()) !=
        TERN_OK) {
      ++refused;
      return;
    }
    std::string text = randomText(random);
    std::vector<char> memory(
        tern_tokenizer_encode_bytes(&tokenizer, text.size()));
    std::vector<int32_t> tokens(text.size() + 16);
    size_t count;
    tern_tokenizer_encode(&tokenizer, text.data(), text.size(), 0,
                          memory.data(), memory.size(), tokens.data(),
                          tokens.size(), &count);
    for (int32_t id = -1; id < 1100; ++id)
      tern_tokenizer_token(&tokenizer, id, &count, nullptr);
  };
  for (size_t at = 0; at < sizeof(tern_tokenizer_header); at += 4)
    for (uint32_t value : {0u, 1u, 255u, 0x7FFFFFFFu, 0x80000000u, ~0u}) {
      std::vector<uint8_t> bytes = good.bytes;
      std::memcpy(&bytes[at], &value, 4);
      attempt(bytes);
    }
  EXPECT_GT(refused, 150);
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes = good.bytes;
    for (int n = 1 + random() % 4; n > 0; --n)
      bytes[random() % bytes.size()] = uint8_t(random());
    attempt(bytes);
  }
  refused = 0;
  for (size_t size = 0; size < good.bytes.size(); size += 97)
    attempt({good.bytes.begin(), good.bytes.begin() + long(size)});
  EXPECT_EQ(refused, int((good.bytes.size() + 96) / 97));
}

} // namespace
