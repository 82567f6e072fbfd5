//===- Encoding.h - Uses a tokenizer as programs do -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_FUZZ_ENCODING_H
#define TERN_TEST_FUZZ_ENCODING_H

#include "Fuzzing.h"

#include "tern/tokenizer.h"

#include <vector>

namespace tern {

/// Scripts, runs of blanks, digits, special tokens, bytes that are no UTF-8.
inline std::string sampleText() {
  return "Hello  <s> it's 12345\n\n\t caf\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd "
         "\xf0\x9f\x98\x80\xcc\x81 \xff\xc3<|eot_id|>  ";
}

inline void decodeAll(const tern_tokenizer &tokenizer,
                      const std::vector<int32_t> &tokens) {
  tern_utf8 utf8 = {};
  std::vector<char> out;
  for (int32_t token : tokens) {
    size_t bytes = 0;
    uint32_t flags = 0;
    const char *text = tern_tokenizer_token(&tokenizer, token, &bytes, &flags);
    out.resize(TERN_UTF8_ROOM(bytes));
    size_t written = tern_utf8_push(&utf8, text ? text : "", bytes, out.data());
    require(written <= out.size(), "decoded text fits into its room");
  }
  out.resize(TERN_UTF8_ROOM(0));
  require(tern_utf8_flush(&utf8, out.data()) <= out.size(),
          "the rest of a character fits into its room");
}

/// A table that is not `compiled` may be wrong about how much room a text
/// needs.
inline void useTokenizer(const tern_tokenizer &tokenizer,
                         const std::string &text, bool compiled = true) {
  for (int flags : {0, TERN_ENCODE_BARE | TERN_ENCODE_PLAIN}) {
    size_t bytes = tern_tokenizer_encode_bytes(&tokenizer, text.size());
    if (!compiled && bytes > size_t(1) << 24)
      return;
    std::vector<uint8_t> memory(bytes);
    std::vector<int32_t> tokens(
        tern_tokenizer_max_tokens(&tokenizer, text.size()));
    size_t count = 0;
    tern_status status = tern_tokenizer_encode(
        &tokenizer, text.data(), text.size(), flags, memory.data(),
        memory.size(), tokens.data(), tokens.size(), &count);
    if (!compiled && status != TERN_OK)
      return;
    require(status == TERN_OK, "the most tokens suffice");
    require(count <= tokens.size(), "no more tokens than there is room for");
    tokens.resize(count);
    for (int32_t token : tokens)
      require(token >= 0 &&
                  static_cast<uint32_t>(token) < tokenizer.header.vocab_size,
              "tokens lie in the vocabulary");
    decodeAll(tokenizer, tokens);
  }
  tern_tokenizer_find(&tokenizer, text.data(), text.size());
}

} // namespace tern

#endif // TERN_TEST_FUZZ_ENCODING_H
