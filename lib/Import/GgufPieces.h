//===- lib/Import/GgufPieces.h - SentencePiece in GGUF files ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_GGUFPIECES_H
#define TERN_LIB_IMPORT_GGUFPIECES_H

#include "Json.h"
#include "tern/Import/Gguf.h"

namespace tern {

/// The longest piece that can be put together, in bytes.
constexpr size_t maxPieceBytes = 128;

/// SentencePiece's BPE joins the two neighbours that make the piece of the
/// highest score. The same as a list of merges, each a list of two, the first
/// to be applied first. `pieces` that take no part are empty.
nlohmann::json mergesOfPieces(llvm::ArrayRef<llvm::StringRef> pieces,
                              llvm::ArrayRef<float> scores);

/// What tokenizer.json has around such a model: spaces become U+2581, with one
/// in front of a text if `hasPrefix`.
nlohmann::json pieceNormalizer(bool hasPrefix);
nlohmann::json pieceDecoder(bool hasPrefix);

} // namespace tern

#endif // TERN_LIB_IMPORT_GGUFPIECES_H
