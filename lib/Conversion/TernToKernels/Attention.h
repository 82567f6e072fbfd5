//===- Attention.h - Parts of attention over the KV cache -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One piece of work is one token and one kv head, all query heads that read it,
// or of a single token a part of the positions.
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

/// Query heads that share a kv head, at one token.
struct HeadGroup {
  mlir::Value query; ///< rows of all heads
  mlir::Value token;
  mlir::Value column; ///< of the first head of the group
  mlir::Value count;  ///< positions that are seen: 0 .. count - 1
  int64_t heads;      ///< of the group
  int64_t headDim;
  int64_t capacity; ///< positions, in whole blocks
  int64_t qBits;

  mlir::Value getColumn(KernelBuilder &b, mlir::Value head) const {
    return b.add(column, b.mul(head, headDim));
  }
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

/// Scores of one head to e = exp(score - largest), 0 from `count` to the end of
/// its block. Returns R32(e).
mlir::Value buildSoftmax(KernelBuilder &b, const HeadGroup &group,
                         mlir::Value scores, mlir::Value head);

/// Adds up the values of all seen positions whose accumulator is in `share`,
/// weighted by e.
void buildHalfValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                     mlir::Value e, HeadSums &sums, AccumulatorShare share);
void buildCodedValues(KernelBuilder &b, HeadCache &cache,
                      const HeadGroup &group, DotProductAttrInterface dot,
                      mlir::Value e, HeadSums &sums, AccumulatorShare share);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H
