//===- ReadPieces.cpp - SentencePiece's tokens to a description -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Read as transformers and llama.cpp do: control tokens and those that users
// defined are cut out of the text, and a space is set before every other part.
//
//===----------------------------------------------------------------------===//

#include "TokenizerReader.h"

#include "tern/tokenizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tern {

void TokenizerReader::addPiece(const SentencePieces::Piece &piece,
                               uint32_t id) {
  const std::string where = "tokenizer: token " + std::to_string(id);
  if (piece.text.empty() && piece.type != SentencePieces::Unused)
    return fail(where + " has no text");
  if (piece.text.size() > TERN_TOKENIZER_MAX_TOKEN)
    return fail(where + " is too long");
  if (!std::isfinite(piece.score))
    return fail(where + " has a score that is no number");
  // Bytes that are no UTF-8 would be a piece of a character.
  if (!isUtf8(piece.text))
    return fail(where + " is not UTF-8");
  out.tokens.resize(id + 1);
  if (piece.type == SentencePieces::Unused)
    return;
  setToken(piece.text, id);
  TokenizerDescription::Token &token = out.tokens[id];
  switch (piece.type) {
  case SentencePieces::Normal:
    token.isPlain &= fallbackByte(piece.text) < 0;
    break;
  case SentencePieces::Unknown:
    if (out.unknown >= 0)
      fail(where + " is a second one for what is unknown");
    out.unknown = id;
    [[fallthrough]];
  case SentencePieces::Control:
  case SentencePieces::UserDefined:
    token.isPlain = false;
    token.flags |= TERN_TOKEN_ADDED;
    if (piece.type != SentencePieces::UserDefined)
      token.flags |= TERN_TOKEN_SPECIAL;
    out.added.push_back({piece.text, id});
    break;
  case SentencePieces::Byte:
    if (int byte = fallbackByte(piece.text); byte >= 0)
      out.byteTokens[byte] = id;
    else
      fail(where + ", '" + piece.text + "', is no byte");
    break;
  default:
    fail(where + " is of type " + std::to_string(piece.type) +
         ", which is not known");
  }
}

/// Two pieces merge where both together are one; the greatest score first, and
/// of equal ones the leftmost.
void TokenizerReader::addPieceMerges(const SentencePieces &model) {
  std::vector<uint32_t> order;
  uint64_t work = 0;
  for (uint32_t id = 0; id < model.pieces.size(); ++id)
    if (out.tokens[id].isPlain) {
      order.push_back(id);
      uint64_t bytes = model.pieces[id].text.size();
      work += bytes * bytes;
    }
  if (work > uint64_t(1) << 28)
    return fail("tokenizer: the tokens are too long in all");
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    float first = model.pieces[a].score, second = model.pieces[b].score;
    return first != second ? first > second : a < b;
  });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const SentencePieces::Piece &piece = model.pieces[order[i]];
    if (i > 0 && piece.score != model.pieces[order[i - 1]].score)
      rank = static_cast<uint32_t>(i);
    for (size_t at = 1; at < piece.text.size(); ++at) {
      auto left = ids.find(piece.text.substr(0, at));
      auto right = ids.find(piece.text.substr(at));
      if (left != ids.end() && right != ids.end() &&
          out.tokens[left->second].isPlain && out.tokens[right->second].isPlain)
        out.merges.push_back({left->second, right->second, rank, order[i]});
    }
  }
}

/// U+2581 in a text is no space until spaces have been removed, except at its
/// end.
void TokenizerReader::addPieceSteps(const SentencePieces &model) {
  std::optional<Charsmap> rules;
  if (!model.charsmap.empty()) {
    std::string problem;
    rules = readCharsmap(model.charsmap, problem);
    if (rules && model.removesSpaces && rules->makesRuns)
      problem = "it makes several spaces, of which SentencePiece removes but "
                "some";
    if (!problem.empty())
      return fail("tokenizer: precompiled_charsmap: " + problem);
    steps.charsmap(*rules, /*byCluster=*/false);
  }
  if (model.removesSpaces) {
    steps.replace(" {2,}", /*isRegex=*/true, " ", "tokenizer");
    steps.stripSpaces(/*left=*/true, /*right=*/false);
  }
  if (model.addsSpace && !model.removesSpaces)
    steps.prepend(" ", /*evenToNothing=*/rules.has_value());
  steps.markSpaces();
  if (model.removesSpaces) {
    steps.stripSpaces(/*left=*/false, /*right=*/true);
    if (model.addsSpace)
      steps.prepend(" ");
  }
  steps.late();
}

bool TokenizerReader::readPieces(const SentencePieces &model,
                                 const std::map<int64_t, Json> &listed,
                                 TextRemarks &remarks) {
  const size_t count = model.pieces.size();
  if (count >= size_t(1) << 24)
    fail("tokenizer: there are too many tokens");
  decodesFallback = decodesMarks = true;
  out.flags |= TERN_TOKENIZER_FUSE_UNKNOWN | TERN_TOKENIZER_BYTE_FALLBACK;
  if (model.addsSpace || model.removesSpaces)
    out.flags |= TERN_TOKENIZER_STRIP_SPACE;
  if (model.removesSpaces)
    out.flags |= TERN_TOKENIZER_STRIP_AGAIN;
  if (model.addsFloats)
    out.flags |= TERN_TOKENIZER_FLOAT_SUMS;
  addPieceSteps(model);
  out.tokens.reserve(ok() ? count : 0);
  for (uint32_t id = 0; id < count && ok(); ++id)
    addPiece(model.pieces[id], id);
  if (ok())
    addListedTokens(listed, remarks);
  if (!ok())
    return false;
  out.isUnigram = model.isUnigram;
  if (!model.isUnigram) {
    addPieceMerges(model);
  } else {
    double least = std::numeric_limits<double>::infinity();
    for (const SentencePieces::Piece &piece : model.pieces) {
      out.scores.push_back(double(piece.score));
      if (piece.type == SentencePieces::Normal)
        least = std::min(least, double(piece.score));
    }
    // Added tokens have no score; the model does not make them.
    out.scores.resize(out.tokens.size(), float(least - unknownPenalty));
    out.scores.push_back(float(least - unknownPenalty));
    if (out.unknown < 0)
      fail("tokenizer: no token is for what is unknown");
  }
  for (auto [adds, id, list] :
       {std::tuple{model.addsBos, model.bos, &out.prefix},
        {model.addsEos, model.eos, &out.suffix}})
    if (adds && id >= 0) {
      if (static_cast<uint64_t>(id) >= count || !out.tokens[id].flags)
        fail("tokenizer: token " + std::to_string(id) +
             ", set around a text, is no token");
      else
        list->push_back(static_cast<int32_t>(id));
    }
  steps.finish();
  return ok();
}

} // namespace tern
