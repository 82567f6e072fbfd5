//===- Attention.h - Parts of attention over the KV cache -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores, exponentials, values: each part takes all query rows that share what
// it loads of one kv head.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H
#define TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H

#include "CacheAccess.h"
#include "HeadSums.h"

#include "mlir/IR/PatternMatch.h"

namespace tern {

/// tern.kv_append.
void populateAppendPatterns(mlir::RewritePatternSet &patterns);

/// Query rows that read one kv head: the query heads that share it, of one
/// token or of some that follow each other in a sequence. Row r is head r mod
/// `heads` of token r / `heads`.
struct HeadGroup {
  mlir::Value query;  ///< rows of all heads
  mlir::Value token;  ///< the first
  mlir::Value column; ///< of the first head
  mlir::Value count;  ///< positions that the first token sees: 0 .. count - 1
  int64_t tokens;
  int64_t heads;
  int64_t headDim;
  int64_t capacity; ///< positions, in whole blocks
  int64_t qBits;
  int64_t lanes; ///< floats to compute with at a time, at most 16

  int64_t getRows() const { return tokens * heads; }
  /// Rows whose sums of floats are in registers at once. Of vectors of 16
  /// lanes, three sums of each row and what is loaded fit into 32 registers.
  int64_t getRowsAtOnce() const { return lanes >= 8 ? 8 : 4; }
  mlir::Value getToken(KernelBuilder &b, mlir::Value row) const;
  mlir::Value getColumn(KernelBuilder &b, mlir::Value row) const;
  mlir::Value getCount(KernelBuilder &b, mlir::Value row) const;
  /// Positions that the last token sees.
  mlir::Value getEnd(KernelBuilder &b) const;
  /// Blocks of 64 positions that are seen at least in part.
  mlir::Value getBlocks(KernelBuilder &b) const;
};

/// Writes the scores of positions `first`, the first of a block, to `end` - 1;
/// what follows to the end of `end`'s block is unspecified.
void buildHalfScores(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                     mlir::Value scores, mlir::Value first, mlir::Value end);
void buildCodedScores(KernelBuilder &b, HeadCache &cache,
                      const HeadGroup &group, DotProductAttrInterface dot,
                      mlir::Value scores, mlir::Value first, mlir::Value end);

/// Scores of one row to e = exp(score - largest), 0 from its count to the end
/// of the group's last block. Returns R32(e).
mlir::Value buildSoftmax(KernelBuilder &b, const HeadGroup &group,
                         mlir::Value scores, mlir::Value row);

/// Adds up, for `width` dimensions from 16 * `dims` on, the values of all
/// positions that a row sees, weighted by e; a position is a term.
void buildHalfValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                     mlir::Value e, HeadSums &sums, mlir::Value dims,
                     int64_t width);

/// Weights of a low-bit cache's values, rounded in each block.
struct CodedWeights {
  /// Of some rows over all positions of `group`.
  CodedWeights(KernelBuilder &b, const HeadGroup &group, int64_t rows);
  CodedWeights ofRows(KernelBuilder &b, mlir::Value first, int64_t rows) const;
  /// True if codes are the unsigned bytes of `dot`, and p - 128 the signed.
  static bool areSwapped(const CacheLayout &layout,
                         DotProductAttrInterface dot);

  mlir::Value bytes;   ///< p, or p - 128: [row][position]
  mlir::Value sums;    ///< of p: [row][block], i32
  mlir::Value factors; ///< M / 255: [row][block]
  mlir::Value firsts; ///< p of position 0 if that lies elsewhere: [row][0], i32
};

/// Asks for what buildValueFactors will read.
void prefetchValueFactors(KernelBuilder &b, HeadCache &cache, mlir::Value first,
                          mlir::Value end);

/// Writes what a u of the value of positions `first`, the first of a block, to
/// the end of `end`'s block stands for to row `to` of `factors`.
void buildValueFactors(KernelBuilder &b, HeadCache &cache, mlir::Value factors,
                       mlir::Value to, mlir::Value first, mlir::Value end);

/// e of one row to weights; `from` is the row of factors. e is not kept.
void buildCodedWeights(KernelBuilder &b, const CacheLayout &layout,
                       const HeadGroup &group, DotProductAttrInterface dot,
                       mlir::Value e, mlir::Value factors, mlir::Value from,
                       const CodedWeights &weights, mlir::Value row);

/// Adds up values of the groups of 16 dimensions `first` to `end` - 1, those of
/// `first` to sums 0 and up; a block is a term.
void buildCodedValues(KernelBuilder &b, HeadCache &cache,
                      const HeadGroup &group, DotProductAttrInterface dot,
                      const CodedWeights &weights, HeadSums &sums,
                      mlir::Value first, mlir::Value end);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H
