//===- Utf8Test.cpp - Characters from bytes as they come ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerTesting.h"

#include <set>

using namespace tern_test;

namespace {

TEST(Utf8, AgainstWholeText) {
  std::mt19937 random(11);
  std::set<std::string> beginnings; // of characters, two and three bytes long
  for (uint32_t code = 0x800; code <= 0x10FFFF;
       code += 64) // all but the last byte
    if (code < 0xD800 || code > 0xDFFF)
      for (size_t n = 2; n < utf8(code).size(); ++n)
        beginnings.insert(utf8(code).substr(0, n));
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    static const uint8_t bytes[] = {'a',  0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF,
                                    0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
    for (int n = random() % 9; n > 0; --n)
      text +=
          random() % 4 ? char(bytes[random() % sizeof(bytes)]) : char(random());
    // One U+FFFD for each longest beginning of some character.
    std::string expected;
    for (size_t at = 0; at < text.size();) {
      size_t n = validLength(text, at);
      if (n) {
        expected += text.substr(at, n);
        at += n;
        continue;
      }
      size_t part = 1;
      for (size_t length = 2; length <= 3; ++length)
        if (beginnings.count(text.substr(at, length)))
          part = std::min(length, text.size() - at);
      expected += "\uFFFD";
      at += part;
    }
    tern_utf8 state = {};
    std::string result;
    for (size_t at = 0; at < text.size();) {
      size_t n = std::min<size_t>(random() % 4, text.size() - at);
      std::vector<char> out(TERN_UTF8_ROOM(n));
      result.append(out.data(),
                    tern_utf8_push(&state, text.data() + at, n, out.data()));
      at += n;
      // Only whole characters were written so far.
      for (size_t j = 0; j < result.size(); j += validLength(result, j))
        ASSERT_NE(validLength(result, j), 0u);
    }
    std::vector<char> out(TERN_UTF8_ROOM(0));
    result.append(out.data(), tern_utf8_flush(&state, out.data()));
    ASSERT_EQ(result, expected);
    ASSERT_EQ(state.held_count, 0u);
  }
}

} // namespace
