//===- lib/Export/Pieces.cpp - Merges as SentencePiece's scores -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Pieces.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {
struct Join {
  uint32_t piece, left, right;
};
} // namespace

static bool isCharacterStart(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

json mergesOfPieces(ArrayRef<StringRef> pieces, ArrayRef<float> scores) {
  DenseMap<StringRef, uint32_t> ids;
  for (auto [id, piece] : enumerate(pieces))
    if (!piece.empty())
      ids.try_emplace(piece, id);
  std::vector<Join> joins;
  for (auto [id, piece] : enumerate(pieces))
    for (size_t at = 1; at < piece.size() && piece.size() <= maxPieceBytes;
         ++at) {
      if (!isCharacterStart(piece[at]))
        continue;
      auto left = ids.find(piece.take_front(at));
      auto right = ids.find(piece.drop_front(at));
      if (left != ids.end() && right != ids.end())
        joins.push_back({uint32_t(id), left->second, right->second});
    }
  sort(joins, [&](const Join &a, const Join &b) {
    return std::make_tuple(-scores[a.piece], a.piece, a.left, a.right) <
           std::make_tuple(-scores[b.piece], b.piece, b.left, b.right);
  });
  json merges = json::array();
  for (const Join &join : joins)
    merges.push_back({pieces[join.left].str(), pieces[join.right].str()});
  return merges;
}

static json replaced(const char *from, const char *to) {
  return {
      {"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

static constexpr char mark[] = "\xe2\x96\x81"; // U+2581

json pieceNormalizer(bool hasPrefix) {
  json steps = json::array();
  if (hasPrefix)
    steps.push_back({{"type", "Prepend"}, {"prepend", mark}});
  steps.push_back(replaced(" ", mark));
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

json pieceDecoder(bool hasPrefix) {
  json steps = {
      replaced(mark, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (hasPrefix)
    steps.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

} // namespace tern
