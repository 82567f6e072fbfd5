//===- tern/Kernels/Unpacking.h - Digits to bytes of their own --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Vectors of bytes of codec b2, four fields of a digit each, to vectors of
// stored digits, and what brings the bytes of a row into its lane before that.
// Bytes of codec s5, five digits each, first become such fields.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_UNPACKING_H
#define TERN_KERNELS_UNPACKING_H

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/Codec.h"

namespace tern {

/// The digits of a byte, two bits each.
inline constexpr int64_t kFields = 4;

/// Field `f` of each byte, in its lowest bits.
mlir::Value unpackField(ValueBuilder &b, mlir::Value bytes, int64_t f);
/// The same for a field, an index, that is not known here; an even number of
/// bytes.
mlir::Value unpackField(ValueBuilder &b, mlir::Value bytes, mlir::Value f);

/// Digits of bytes as fields of two bits: four as bytes of codec b2, and the
/// fifth, if there is one, as it is stored, in a byte of its own.
struct FourAndOne {
  mlir::Value four, last;
};
/// `bytes` are of codec b2 or s5.
FourAndOne splitBytes(ValueBuilder &b, const Codec &codec, mlir::Value bytes);
/// Digit `d` of each byte, in its lowest bits.
mlir::Value unpackDigit(ValueBuilder &b, const FourAndOne &bytes, int64_t d);
/// The same for a digit, an index, that is not known here; an even number of
/// bytes.
mlir::Value unpackDigit(ValueBuilder &b, const FourAndOne &bytes,
                        mlir::Value d);

/// `square` is L rows of 4L bytes, L a power of two. Vector j of the results
/// has in lane r, four bytes, those of row r from 4j on.
llvm::SmallVector<mlir::Value> transposeWords(ValueBuilder &b,
                                              mlir::Value square);

/// Bytes of four columns as ContiguousColumns has them, 4L of each: quarter
/// `quarter` of the rows, four bytes of each in a lane.
mlir::Value interleaveFour(ValueBuilder &b, mlir::ValueRange columns,
                           int64_t quarter);

} // namespace tern

#endif // TERN_KERNELS_UNPACKING_H
