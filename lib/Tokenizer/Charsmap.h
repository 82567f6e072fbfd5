//===- Charsmap.h - Rules of SentencePiece's normalizers --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TOKENIZER_CHARSMAP_H
#define TERN_LIB_TOKENIZER_CHARSMAP_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern {

/// A `precompiled_charsmap`: strings of bytes and what they become.
struct Charsmap {
  std::vector<uint32_t> trie; ///< units of a double array
  std::string texts;          ///< each with a NUL behind it
  uint32_t growth = 1;        ///< bytes that one byte becomes at most
  bool makesRuns = false;     ///< a text has two spaces in a row
};

/// Checks all of it; nullopt and a few words when it cannot be used.
std::optional<Charsmap> readCharsmap(const std::string &bytes,
                                     std::string &problem);

std::optional<std::string> decodeBase64(const std::string &text);

} // namespace tern

#endif // TERN_LIB_TOKENIZER_CHARSMAP_H
