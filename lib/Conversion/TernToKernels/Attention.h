//===- Attention.h - Parts of attention over the KV cache -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One piece of work is one token and one kv head: all query heads that read it.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H
#define TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H

#include "CacheAccess.h"

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

  /// A float per head and position.
  mlir::MemRefType getScoresType(KernelBuilder &b) const {
    return mlir::MemRefType::get({heads, capacity}, b.getF32Type());
  }
  mlir::Value getColumn(KernelBuilder &b, mlir::Value head) const {
    return b.add(column, b.mul(head, headDim));
  }
  /// Blocks of 64 positions that are seen at least in part.
  mlir::Value getBlocks(KernelBuilder &b) const;
};

/// A static temporary.
mlir::Value buildScratch(KernelBuilder &b, llvm::ArrayRef<int64_t> shape,
                         mlir::Type element);

/// Writes the scores of all seen positions; what follows is unspecified.
void buildHalfScores(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                     mlir::Value scores);
void buildCodedScores(KernelBuilder &b, HeadCache &cache,
                      const HeadGroup &group, DotProductAttrInterface dot,
                      mlir::Value scores);

/// Scores of one head to e = exp(score - largest), 0 from `count` to the end of
/// its block. Returns R32(e).
mlir::Value buildSoftmax(KernelBuilder &b, const HeadGroup &group,
                         mlir::Value scores, mlir::Value head);

/// Sums of a row of floats that are R32 over something else than its elements:
/// accumulator j of dimension i is sums[head][j][i].
class RowSums {
public:
  /// `terms` terms will be added, at most `maxTerms`.
  RowSums(KernelBuilder &b, int64_t heads, int64_t width, mlir::Value terms,
          int64_t maxTerms);

  /// Adds term number `index`, of dimensions i and up.
  void add(mlir::Value head, mlir::Value index, mlir::Value i, mlir::Value x);
  /// The tree: sums are in accumulator 0 then.
  void finish(mlir::Value head);
  mlir::Value load(mlir::Value head, mlir::Value i, int64_t width);

private:
  KernelBuilder &b;
  int64_t rows, width;
  mlir::Value used; ///< accumulators that get a term
  mlir::Value sums;
};

/// Adds up the values of all seen positions, weighted by e.
void buildHalfValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
                     mlir::Value e, RowSums &sums);
void buildCodedValues(KernelBuilder &b, HeadCache &cache,
                      const HeadGroup &group, DotProductAttrInterface dot,
                      mlir::Value e, RowSums &sums);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_ATTENTION_H
