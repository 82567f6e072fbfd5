//===- TokenizerText.cpp - Text to stumble over ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenizerReference.h"

namespace tern_test {

std::string randomText(std::mt19937 &random) {
  auto pick = [&](uint32_t n) { return uint32_t(random() % n); };
  static const char *const snippets[] = {"the",
                                         "ROMEO",
                                         "'s",
                                         "'S",
                                         "'Ll",
                                         "'re",
                                         "'VE",
                                         "'\u017F",
                                         "'l",
                                         "n't",
                                         "\r\n",
                                         "\n",
                                         "\n\n  ",
                                         "  ",
                                         " ",
                                         "\t",
                                         "\r",
                                         "\u00A0",
                                         "\u3000",
                                         "\u0085",
                                         "\u180E",
                                         "123",
                                         "4567",
                                         "\u00BD",
                                         "\u0663\u0664",
                                         "\u2167",
                                         "don't",
                                         "...",
                                         "!?",
                                         "--",
                                         "'",
                                         "\u00E9",
                                         "e\u0301",
                                         "\u0939\u093F\u0928",
                                         "\u4F60\u597D",
                                         "\U0001F600",
                                         "\U0001F468\u200D\U0001F469",
                                         "<|begin_of_text|>",
                                         "<|end_of_text|>",
                                         "<|end",
                                         "<a>",
                                         "<a><b>",
                                         "late",
                                         "later",
                                         "\u0130",
                                         "\u1E9E",
                                         "\uFEFF",
                                         "\u200B",
                                         "\u2028",
                                         "za",
                                         " he",
                                         "aaaaaaaaaaaaaaaaaaaaaaaa"};
  std::string text;
  uint32_t parts = 1 + pick(20);
  for (uint32_t i = 0; i < parts; ++i) {
    switch (pick(8)) {
    case 0:
      text += char(pick(128));
      break;
    case 1: { // any code point
      uint32_t code = pick(strayByte);
      if (!isSurrogate(code) && isAssigned(code))
        text += utf8(code);
      break;
    }
    case 2: { // where most scripts are
      uint32_t code = 0x80 + pick(0x3000);
      if (isAssigned(code))
        text += utf8(code);
      break;
    }
    case 3:
      if (pick(4) == 0)
        text += char(pick(256));
      break;
    default:
      text += snippets[pick(std::size(snippets))];
    }
  }
  if (pick(10) == 0 && !text.empty())
    text.resize(pick(uint32_t(text.size())));
  return text;
}

} // namespace tern_test
