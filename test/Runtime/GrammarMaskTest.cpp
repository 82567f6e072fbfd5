//===- GrammarMaskTest.cpp - Masks of tokens, one token at a time ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GrammarTesting.h"
#include "TestArtifact.h"
#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/tools.h"

#include <algorithm>
#include <random>
#include <thread>

using namespace tern_test;

namespace {

/// Bytes, pieces of JSON and of other texts, some with half of a character, and
/// long ones, as tokenizers have them.
std::vector<std::string> manyTokens(uint32_t seed) {
  const std::string text =
      "{\"name\": \"J\u00f6rg \u4e2d\u6587 \U0001F600\", \"age\": -12.5e3, "
      "\"list\": [true, false, null, \"\\u00e9\\n\"], \"x\": {}}\n  \"ab\": "
      "[[], [[1, 2], {\"k\": \"v\"}]]";
  std::vector<std::string> tokens = {""};
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back({char(byte)});
  std::mt19937 random(seed);
  while (tokens.size() < 3000) {
    size_t at = random() % text.size(), n = 1 + random() % 9;
    std::string token = text.substr(at, n);
    if (random() % 4 == 0)
      token += text.substr(random() % text.size(), 1 + random() % 4);
    tokens.push_back(token);
  }
  tokens.push_back(std::string(130, ' '));
  tokens.push_back(std::string(40, 'a'));
  tokens.push_back("</s>");
  return tokens;
}

bool has(const std::vector<uint32_t> &words, size_t token) {
  return words[token / 32] >> token % 32 & 1;
}

/// Follows random allowed tokens and compares each mask with all tokens tried
/// one by one.
void follow(tern_grammar *grammar, const std::vector<std::string> &tokens,
            uint32_t seed, int steps, uint64_t cacheBytes = 0) {
  int32_t end = int32_t(tokens.size() - 1);
  VocabularyPointer vocabulary = vocabularyOf(tokens, {end});
  ConstraintPointer constraint(
      tern_constraint_open(grammar, vocabulary.get(), cacheBytes, &sentence()),
      tern_constraint_close);
  ConstraintPointer other(
      tern_constraint_open(grammar, vocabulary.get(), 0, &sentence()),
      tern_constraint_close);
  std::mt19937 random(seed);
  for (int step = 0; step < steps;) {
    MatcherPointer matcher(tern_matcher_open(constraint.get(), &sentence()),
                           tern_matcher_close);
    MatcherPointer second(tern_matcher_open(other.get(), &sentence()),
                          tern_matcher_close);
    ASSERT_TRUE(matcher && second) << sentence().text;
    std::vector<uint32_t> words(tokens.size() / 32 + 1);
    for (int i = 0; i < 60 && step < steps; ++i, ++step) {
      ASSERT_EQ(tern_matcher_mask(matcher.get(), words.data(), &sentence()), 0)
          << sentence().text;
      std::vector<int32_t> allowed;
      for (size_t t = 0; t < tokens.size(); ++t) {
        MatcherPointer tried(tern_matcher_copy(second.get(), &sentence()),
                             tern_matcher_close);
        bool is =
            int32_t(t) == end
                ? tern_matcher_may_end(tried.get()) != 0
                : !tokens[t].empty() &&
                      tern_matcher_accept_bytes(tried.get(), tokens[t].data(),
                                                tokens[t].size(), nullptr) == 0;
        ASSERT_EQ(has(words, t), is) << "step " << step << ": " << tokens[t];
        if (is)
          allowed.push_back(int32_t(t));
      }
      if (allowed.empty() || tern_matcher_may_end(matcher.get()) == 2)
        break;
      int32_t next = allowed[random() % allowed.size()];
      if (next == end)
        break;
      ASSERT_EQ(tern_matcher_accept(matcher.get(), next, &sentence()), 0);
      ASSERT_EQ(tern_matcher_accept(second.get(), next, &sentence()), 0);
    }
  }
}

} // namespace

TEST(GrammarMask, EveryTokenOfJson) {
  GrammarPointer json(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  follow(json.get(), manyTokens(1), 1, 120);
}

TEST(GrammarMask, EveryTokenOfASchema) {
  GrammarPointer made = schema(
      R"({"type": "object", "properties": {"name": {"type": "string",
      "maxLength": 200}, "age": {"type": "integer", "minimum": -99}, "list":
      {"type": "array", "items": {"type": ["boolean", "null", "string"]}}, "x":
      {"type": "string", "minLength": 30}}, "required": ["name"],
      "additionalProperties": true})");
  ASSERT_TRUE(made) << sentence().text;
  follow(made.get(), manyTokens(2), 2, 120);
}

TEST(GrammarMask, EveryTokenOfRules) {
  GrammarPointer made = rules(R"(root ::= (a | b)*
    a ::= "[" (a | b)* "]" | [^"\]\[]{1,3}
    b ::= "\"" [^"]* "\"" | a " " b)");
  ASSERT_TRUE(made) << sentence().text;
  follow(made.get(), manyTokens(3), 3, 80);
}

// Copies far from the last one are alike; those near it are not.
TEST(GrammarMask, EveryTokenOfCopies) {
  GrammarPointer made = rules("root ::= (\"a\" | \"b\"){40} \"c\"");
  follow(
      made.get(),
      {"", "a", "b", "ab", "aaa", "aaaaaaaa", "c", "ac", "bbbc", "d", "</s>"},
      6, 300);
}

// With little room states are forgotten all the time.
TEST(GrammarMask, LittleMemory) {
  GrammarPointer json(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  follow(json.get(), manyTokens(4), 4, 60, 150000);
}

TEST(GrammarMask, NoMemory) {
  GrammarPointer json(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  VocabularyPointer vocabulary = vocabularyOf({"{", "}"});
  EXPECT_FALSE(
      tern_constraint_open(json.get(), vocabulary.get(), 1000, &sentence()));
  EXPECT_STREQ(sentence().text,
               "there is no memory for the states of a grammar");
}

TEST(GrammarMask, ATokenizer) {
  tern::TokenizerSources sources;
  std::vector<uint8_t> json =
      readBytes(TERN_TEST_DIR "/models/shakespeare-a48/tokenizer.json");
  sources.tokenizer.assign(json.begin(), json.end());
  std::string error;
  auto table = tern::compileTokenizer(sources, error);
  ASSERT_TRUE(table) << error;
  tern_tokenizer tokenizer;
  ASSERT_EQ(tern_tokenizer_load(&tokenizer, table->data(), table->size()),
            TERN_OK);
  const uint32_t size = tokenizer.header.vocab_size + 5;
  VocabularyPointer vocabulary(
      tern_vocabulary_open(&tokenizer, size, nullptr, 0, &sentence()),
      tern_vocabulary_close);
  GrammarPointer made = rules("root ::= [^x]+");
  ConstraintPointer constraint(
      tern_constraint_open(made.get(), vocabulary.get(), 0, &sentence()),
      tern_constraint_close);
  MatcherPointer matcher(tern_matcher_open(constraint.get(), &sentence()),
                         tern_matcher_close);
  std::vector<uint32_t> words(size / 32 + 1);
  ASSERT_EQ(tern_matcher_mask(matcher.get(), words.data(), &sentence()), 0);
  int control = 0, allowed = 0;
  for (uint32_t t = 0; t < size; ++t) {
    size_t bytes = 0;
    uint32_t flags = 0;
    const char *text =
        tern_tokenizer_token(&tokenizer, int32_t(t), &bytes, &flags);
    if (!text || (flags & TERN_TOKEN_SPECIAL)) {
      EXPECT_FALSE(has(words, t)) << t;
      ++control;
    } else if (std::all_of(text, text + bytes,
                           [](char c) { return uint8_t(c) < 0x80; })) {
      EXPECT_EQ(has(words, t), bytes && !memchr(text, 'x', bytes)) << t;
      allowed += has(words, t);
    }
  }
  EXPECT_GT(control, 5);
  EXPECT_GT(allowed, 500);
}

// Thousands of readings, another set of them behind each token: a sentence
// within a second, and the matcher is as before.
TEST(GrammarMask, MoreReadingsThanThereIsTimeFor) {
  std::vector<std::string> tokens;
  std::mt19937 random(7);
  while (tokens.size() < 4000) {
    std::string token;
    for (int i = 0; i < 8; ++i)
      token += char('a' + random() % 20);
    tokens.push_back(token);
  }
  std::string text = "root ::= ([a-t]?){4000} (";
  for (char c = 'a'; c <= 'j'; ++c)
    text += (c == 'a' ? "\"" : " | \"") + std::string(1, c) + "\" [a-t]{" +
            std::to_string(4000 + c) + "}";
  GrammarPointer made = rules(text + ")");
  ASSERT_TRUE(made) << sentence().text;
  VocabularyPointer vocabulary = vocabularyOf(tokens);
  ConstraintPointer constraint(
      tern_constraint_open(made.get(), vocabulary.get(), 1 << 30, &sentence()),
      tern_constraint_close);
  MatcherPointer matcher(tern_matcher_open(constraint.get(), &sentence()),
                         tern_matcher_close);
  ASSERT_TRUE(matcher) << sentence().text;
  std::vector<uint32_t> words(tokens.size() / 32 + 1);
  EXPECT_EQ(tern_matcher_mask(matcher.get(), words.data(), &sentence()), -1);
  EXPECT_STREQ(sentence().text, "the grammar has so many readings of the text "
                                "that the next token would take too long");
  EXPECT_EQ(tern_matcher_accept_bytes(matcher.get(), "abc", 3, &sentence()), 0)
      << sentence().text;
}

TEST(GrammarMask, Forgetting) {
  GrammarPointer json(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  VocabularyPointer vocabulary = vocabularyOf(manyTokens(8));
  ConstraintPointer constraint(
      tern_constraint_open(json.get(), vocabulary.get(), 0, &sentence()),
      tern_constraint_close);
  const uint64_t before = tern_constraint_bytes(constraint.get());
  MatcherPointer matcher(tern_matcher_open(constraint.get(), &sentence()),
                         tern_matcher_close);
  std::vector<uint32_t> words(200), again(200);
  for (const char *text : {"{", "\"a\"", ": [", "\"b", "\", 1"}) {
    ASSERT_EQ(tern_matcher_accept_bytes(matcher.get(), text, strlen(text),
                                        &sentence()),
              0);
    ASSERT_EQ(tern_matcher_mask(matcher.get(), words.data(), nullptr), 0);
    const uint64_t most = tern_constraint_bytes(constraint.get());
    tern_constraint_forget(constraint.get());
    EXPECT_LT(tern_constraint_bytes(constraint.get()), most);
    EXPECT_LT(tern_constraint_bytes(constraint.get()), before + 100000);
    ASSERT_EQ(tern_matcher_mask(matcher.get(), again.data(), nullptr), 0);
    EXPECT_EQ(words, again) << text;
  }
}

TEST(GrammarMask, Threads) {
  GrammarPointer json(tern_grammar_any_object(nullptr, &sentence()),
                      tern_grammar_release);
  VocabularyPointer vocabulary = vocabularyOf(manyTokens(5));
  ConstraintPointer constraint(
      tern_constraint_open(json.get(), vocabulary.get(), 500000, &sentence()),
      tern_constraint_close);
  std::vector<std::thread> threads;
  std::vector<uint64_t> sums(4);
  for (uint64_t &sum : sums)
    threads.emplace_back([&constraint, &sum] {
      MatcherPointer matcher(tern_matcher_open(constraint.get(), nullptr),
                             tern_matcher_close);
      std::vector<uint32_t> words(200);
      for (const char *text : {"{", "\"a\"", ": [", "\"b\", 1", "]}"}) {
        if (!matcher || tern_matcher_mask(matcher.get(), words.data(), nullptr))
          return;
        for (uint32_t word : words)
          sum = sum * 31 + word;
        tern_matcher_accept_bytes(matcher.get(), text, strlen(text), nullptr);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_NE(sums[0], 0u);
  for (uint64_t sum : sums)
    EXPECT_EQ(sum, sums[0]);
}
