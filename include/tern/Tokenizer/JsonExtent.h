//===- tern/Tokenizer/JsonExtent.h - What JSON would become -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOKENIZER_JSONEXTENT_H
#define TERN_TOKENIZER_JSONEXTENT_H

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace tern {

/// Found before a parser sees a text that nobody vouches for, to protect it: a
/// value takes up to 200 bytes of memory, and as few as two of text. The text
/// need not be valid.
struct JsonExtent {
  unsigned depth = 0;
  size_t values = 1;
  bool hasNul = false; ///< which the parser would take for the end

  explicit JsonExtent(std::string_view text) {
    unsigned open = 0;
    bool inString = false;
    for (size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      hasNul |= c == '\0';
      if (inString) {
        if (c == '\\')
          ++i;
        else if (c == '"')
          inString = false;
      } else if (c == '"') {
        inString = true;
      } else if (c == ',') {
        ++values;
      } else if (c == '{' || c == '[') {
        ++values;
        depth = std::max(depth, ++open);
      } else if ((c == '}' || c == ']') && open) {
        --open;
      }
    }
  }
};

} // namespace tern

#endif // TERN_TOKENIZER_JSONEXTENT_H
