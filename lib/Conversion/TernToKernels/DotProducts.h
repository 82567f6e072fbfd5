//===- DotProducts.h - Products over a target's dot product -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The three layout families, each in a file of its own. All take stored digits,
// digit + 1, as the unsigned side and subtract the sum of the codes in the end.
// L is the number of lanes of the dot product, so 4L the bytes of a vector.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CONVERSION_TERNTOKERNELS_DOTPRODUCTS_H
#define TERN_CONVERSION_TERNTOKERNELS_DOTPRODUCTS_H

#include "Products.h"

#include "tern/Target/Target.h"

namespace tern {

/// The largest stored digit.
inline constexpr unsigned kMaxStoredDigit = 2;

/// A product that is being built.
struct DotKernel {
  using Value = mlir::Value;

  KernelBuilder &b;
  const DotProduct &dot;
  const WeightInfo &weight;

  int64_t lanes() const { return dot.getLanes(); }
  int64_t vectorBytes() const { return 4 * lanes(); }
  mlir::VectorType bytesType() const {
    return b.vectorOf(vectorBytes(), b.getI8Type());
  }
  mlir::VectorType sumsType() const {
    return b.vectorOf(lanes(), b.getI32Type());
  }

  /// acc + dot of `u`, at most `maxUnsigned`, and `s`.
  Value accumulate(Value acc, Value u, Value s, unsigned maxUnsigned) const {
    return dot.build(b, b.getLoc(), acc, u, s, maxUnsigned);
  }
  /// 4L bytes of a one-dimensional weight.
  Value loadWeight(Value at) const {
    return b.load(bytesType(), weight.bytes, at);
  }
  /// Field `f` where it is in the byte: the digits times 4^f.
  Value fieldInPlace(Value bytes, int64_t f) const {
    return b.bitAnd(bytes, 3 << 2 * f);
  }
  static unsigned maxInPlace(int64_t f) { return kMaxStoredDigit << 2 * f; }
  /// Field `f` moved to the lowest bits.
  Value fieldMoved(Value bytes, int64_t f) const {
    return b.bitAnd(b.shiftRight(bytes, 2 * f), 3);
  }
  /// codes[token][column .. column + count) and zeros up to four, in each lane.
  Value broadcastCodes(Value codes, Value token, Value column,
                       int64_t count = 4) const;
  /// Tiles of tokens one register tile takes, largest first; ends with 1.
  mlir::ArrayRef<int64_t> tokenTiles() const;
};

/// Calls body(first, count) for all tokens: tiles of the first size while there
/// are, then of the next. The last size is 1. One static token is one call.
void forEachTokenTile(KernelBuilder &b, mlir::Value tokens,
                      mlir::ArrayRef<int64_t> sizes,
                      llvm::function_ref<void(mlir::Value, int64_t)> body);

/// RowsInLanes of tern/Packing/LayoutFamilies.h.
void multiplyRowsInLanes(const DotKernel &kernel, mlir::Value codes,
                         mlir::Value out);

/// The same for groups of `groupSize` columns, whole tiles, that have scales.
void multiplyScaledRowsInLanes(const DotKernel &kernel, mlir::Value codes,
                               mlir::Value scale, int64_t groupSize,
                               mlir::Value out);

/// ContiguousRows, or int8 rows.
void multiplyContiguousRows(const DotKernel &kernel, mlir::Value codes,
                            mlir::Value out);
/// Rows indices[0][0 .. count) of one token; others are not written.
void multiplyListedRows(const DotKernel &kernel, mlir::Value codes,
                        mlir::Value indices, mlir::Value count,
                        mlir::Value out);

/// ContiguousColumns.
void multiplyContiguousColumns(const DotKernel &kernel, mlir::Value codes,
                               mlir::Value out);
/// Columns indices[0][0 .. count) of one token with codes values[0].
void multiplyListedColumns(const DotKernel &kernel, mlir::Value indices,
                           mlir::Value values, mlir::Value count,
                           mlir::Value out);

} // namespace tern

#endif // TERN_CONVERSION_TERNTOKERNELS_DOTPRODUCTS_H
