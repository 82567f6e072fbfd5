//===- tern/Kernels/Digits.h - Digits of a word of any codec ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The codec's record (Codec::fields) as arithmetic, for kernels that take digit
// by digit.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_DIGITS_H
#define TERN_KERNELS_DIGITS_H

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/Codec.h"

namespace tern {

/// The word of the codec, i32 or, of more than four bytes, i64, whose byte i is
/// `byteAt(i)`, an i8.
mlir::Value buildWord(ValueBuilder &b, const Codec &codec,
                      llvm::function_ref<mlir::Value(int64_t)> byteAt);

/// Digit `digit` of `word`, which was extended by zeros to the integer type
/// that the result has, i32 if the word is i64; of each lane, if it is a
/// vector.
mlir::Value buildDigit(ValueBuilder &b, const Codec &codec, mlir::Value word,
                       int64_t digit);

/// The same for a number, an index, that is not known here.
mlir::Value buildDigit(ValueBuilder &b, const Codec &codec, mlir::Value word,
                       mlir::Value digit);

/// The byte of these ternary digits, of their type; of each lane, if they are
/// vectors.
mlir::Value buildByte(ValueBuilder &b, const Codec &codec,
                      mlir::ValueRange digits);

} // namespace tern

#endif // TERN_KERNELS_DIGITS_H
