//===- tern/Kernels/Unpacking.h - Digits to bytes of their own --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vectors of bytes of codec b2, four fields of a digit each, to vectors of
// stored digits, and what brings the bytes of a row into its lane before that.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_UNPACKING_H
#define TERN_KERNELS_UNPACKING_H

#include "tern/Kernels/ValueBuilder.h"

namespace tern {

/// The digits of a byte, two bits each.
inline constexpr int64_t kFields = 4;

/// Field `f` of each byte, in its lowest bits.
mlir::Value unpackField(ValueBuilder &b, mlir::Value bytes, int64_t f);
/// The same for a field, an index, that is not known here; an even number of
/// bytes.
mlir::Value unpackField(ValueBuilder &b, mlir::Value bytes, mlir::Value f);

/// `square` is L rows of 4L bytes, L a power of two. Vector j of the results
/// has in lane r, four bytes, those of row r from 4j on.
llvm::SmallVector<mlir::Value> transposeWords(ValueBuilder &b,
                                              mlir::Value square);

/// Bytes of four columns as ContiguousColumns has them, 4L of each: quarter
/// `quarter` of the rows, four bytes of each in a lane.
mlir::Value interleaveFour(ValueBuilder &b, mlir::ValueRange columns,
                           int64_t quarter);

/// Of bytes of the codec s5, in lanes, the five stored digits of each, by
/// digit.
llvm::SmallVector<mlir::Value> unpackGroups(ValueBuilder &b, mlir::Value bytes);

/// The bytes of four columns of 4L rows as L rows a vector, four bytes of a row
/// in a lane: rows rise, unlike those of `interleaveFour`. L is 16.
llvm::SmallVector<mlir::Value> interleaveRows(ValueBuilder &b,
                                              mlir::ValueRange columns);

} // namespace tern

#endif // TERN_KERNELS_UNPACKING_H
