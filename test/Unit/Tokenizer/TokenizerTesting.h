//===- TokenizerTesting.h - Tables and texts --------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_TOKENIZER_TOKENIZERTESTING_H
#define TERN_TEST_UNIT_TOKENIZER_TOKENIZERTESTING_H

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/tokenizer.h"

#include "gtest/gtest.h"

#include <fstream>
#include <random>
#include <sstream>

namespace tern_test {

inline std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string modelFile(const std::string &name) {
  return readFile(std::string(TERN_TEST_DIR) + "/models/shakespeare-a48/" +
                  name);
}

/// A loaded table that keeps its bytes.
struct Table {
  std::vector<uint8_t> bytes;
  tern_tokenizer tokenizer;

  explicit Table(const tern::TokenizerSources &sources) {
    std::string error;
    auto compiled = tern::compileTokenizer(sources, error);
    EXPECT_TRUE(compiled) << error;
    if (compiled)
      bytes = *compiled;
    EXPECT_EQ(tern_tokenizer_load(&tokenizer, bytes.data(), bytes.size()),
              TERN_OK);
  }
  explicit Table(const std::string &json, const std::string &config = "")
      : Table(sourcesOf(json, config)) {}

  static tern::TokenizerSources sourcesOf(const std::string &json,
                                          const std::string &config) {
    tern::TokenizerSources sources;
    sources.tokenizer = json;
    sources.tokenizerConfig = config;
    return sources;
  }

  std::vector<int32_t> encode(const std::string &text,
                              uint32_t flags = 0) const {
    // Exactly as much as asked for, so that a sanitizer sees one byte more.
    std::vector<char> memory(
        tern_tokenizer_encode_bytes(&tokenizer, text.size()));
    std::vector<int32_t> tokens(
        tern_tokenizer_max_tokens(&tokenizer, text.size()));
    size_t count = 0;
    EXPECT_EQ(tern_tokenizer_encode(&tokenizer, text.data(), text.size(), flags,
                                    memory.data(), memory.size(), tokens.data(),
                                    tokens.size(), &count),
              TERN_OK);
    tokens.resize(count);
    return tokens;
  }

  std::string decode(const std::vector<int32_t> &tokens) const {
    std::string text;
    for (int32_t token : tokens) {
      size_t count;
      const char *bytes =
          tern_tokenizer_token(&tokenizer, token, &count, nullptr);
      EXPECT_NE(bytes, nullptr) << token;
      text.append(bytes, count);
    }
    return text;
  }

  /// As the text of a conversation: without control tokens, and without the
  /// space that stands before a text.
  std::string decodeText(const std::vector<int32_t> &tokens) const {
    std::string text;
    uint32_t begun = 0;
    for (int32_t token : tokens) {
      size_t count;
      const char *bytes =
          tern_tokenizer_decode(&tokenizer, token, &begun, &count);
      EXPECT_NE(bytes, nullptr) << token;
      text.append(bytes ? bytes : "", count);
    }
    return text;
  }
};

inline std::string utf8(uint32_t code) {
  std::string out;
  if (code < 0x80)
    return std::string(1, char(code));
  if (code < 0x800)
    out = {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
  else if (code < 0x10000)
    out = {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)),
           char(0x80 | (code & 63))};
  else
    out = {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)),
           char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
  return out;
}

/// Bytes of the valid character at `at`, 0 if there is none. By re-encoding.
inline size_t validLength(const std::string &text, size_t at) {
  for (size_t n = 1; n <= 4 && at + n <= text.size(); ++n) {
    uint32_t lead = uint8_t(text[at]);
    uint32_t code = n == 1 ? lead : lead & (0x7F >> n);
    for (size_t i = 1; i < n; ++i)
      code = code << 6 | (uint8_t(text[at + i]) & 63);
    if (code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) &&
        utf8(code) == text.substr(at, n))
      return n;
  }
  return 0;
}

/// Text to stumble over: every script, runs of white space, contractions in all
/// cases, numbers, tokens written out, pieces of characters.
std::string randomText(std::mt19937 &random);

} // namespace tern_test

#endif // TERN_TEST_UNIT_TOKENIZER_TOKENIZERTESTING_H
