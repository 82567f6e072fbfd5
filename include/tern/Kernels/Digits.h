//===- tern/Kernels/Digits.h - Digits of a byte of any codec ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The codec's record as arithmetic, for kernels that take digit by digit. Its
// digits must lie in fields of a byte (Codec::fields).
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_DIGITS_H
#define TERN_KERNELS_DIGITS_H

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/Codec.h"

namespace tern {

/// Digit `digit` of `byte`, which was extended by zeros to the integer type
/// that the result has; of each lane, if it is a vector.
mlir::Value buildDigit(ValueBuilder &b, const Codec &codec, mlir::Value byte,
                       int64_t digit);

/// The same for a number, an index, that is not known here.
mlir::Value buildDigit(ValueBuilder &b, const Codec &codec, mlir::Value byte,
                       mlir::Value digit);

/// The byte of these digits, of their type; of each lane, if they are vectors.
mlir::Value buildByte(ValueBuilder &b, const Codec &codec,
                      mlir::ValueRange digits);

} // namespace tern

#endif // TERN_KERNELS_DIGITS_H
