//===- lib/Export/Pieces.h - Merges as SentencePiece's scores ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_EXPORT_PIECES_H
#define TERN_LIB_EXPORT_PIECES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include "nlohmann/json.hpp"

namespace tern {

/// The longest piece that can be put together, in bytes.
constexpr size_t maxPieceBytes = 128;

/// SentencePiece's BPE joins the two neighbours that make the piece of the
/// highest score. The same as a list of merges, each a list of two, the first
/// to be applied first; pairs that make one piece go by their ids, as in the
/// files of Llama 2. `pieces` that take no part are empty.
nlohmann::json mergesOfPieces(llvm::ArrayRef<llvm::StringRef> pieces,
                              llvm::ArrayRef<float> scores);

/// The steps of tokenizer.json around such a model: spaces become U+2581, with
/// one in front of a text if `hasPrefix`.
nlohmann::json pieceNormalizer(bool hasPrefix);
nlohmann::json pieceDecoder(bool hasPrefix);

} // namespace tern

#endif // TERN_LIB_EXPORT_PIECES_H
