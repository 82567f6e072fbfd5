//===- SentencePieceWriter.h - Writes tokenizer.model -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_TOKENIZER_SENTENCEPIECEWRITER_H
#define TERN_TEST_UNIT_TOKENIZER_SENTENCEPIECEWRITER_H

#include "tern/Tokenizer/TokenizerCompiler.h"

#include <cstdio>
#include <cstring>

namespace tern_test {

inline std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7)
    out += char(value | 0x80);
  return out + char(value);
}
inline std::string numberField(int field, int64_t value) {
  return varint(uint64_t(field) << 3) + varint(uint64_t(value));
}
inline std::string bytesField(int field, const std::string &bytes) {
  return varint(uint64_t(field) << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string floatField(int field, float value) {
  char bytes[4];
  std::memcpy(bytes, &value, 4);
  return varint(uint64_t(field) << 3 | 5) + std::string(bytes, 4);
}

/// The file, in the fields of sentencepiece_model.proto.
inline std::string
sentencePieceFile(const tern::SentencePieces &model,
                  const std::string &normalizer = numberField(4, 0)) {
  std::string file;
  for (const auto &piece : model.pieces)
    file +=
        bytesField(1, bytesField(1, piece.text) + floatField(2, piece.score) +
                          (piece.type == 1 ? "" : numberField(3, piece.type)));
  file += bytesField(2, numberField(3, model.isUnigram ? 1 : 2) +
                            numberField(35, 1) + numberField(41, model.bos) +
                            numberField(42, model.eos));
  return file + bytesField(3, bytesField(1, "identity") +
                                  numberField(3, model.addsSpace) + normalizer);
}

/// <unk>, <s>, </s> and the bytes.
inline tern::SentencePieces bytePieces() {
  using tern::SentencePieces;
  SentencePieces model;
  model.pieces = {{"<unk>", 0, SentencePieces::Unknown},
                  {"<s>", 0, SentencePieces::Control},
                  {"</s>", 0, SentencePieces::Control}};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", unsigned(byte));
    model.pieces.push_back({name, 0, SentencePieces::Byte});
  }
  model.bos = 1;
  model.eos = 2;
  return model;
}

} // namespace tern_test

#endif // TERN_TEST_UNIT_TOKENIZER_SENTENCEPIECEWRITER_H
