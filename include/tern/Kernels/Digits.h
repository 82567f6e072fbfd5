//===- tern/Kernels/Digits.h - Digits of a word of any codec ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The codec's record as arithmetic, for kernels that take digit by digit. Its
// digits must lie in fields of a word of at most four bytes (Codec::fields).
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_DIGITS_H
#define TERN_KERNELS_DIGITS_H

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Packing/Codec.h"

namespace tern {

/// True if digits of the codec can be built.
bool hasWords(const Codec &codec);

/// The word of the codec, i32, whose byte i is `byteAt(i)`, an i8.
mlir::Value buildWord(ValueBuilder &b, const Codec &codec,
                      llvm::function_ref<mlir::Value(int64_t)> byteAt);

/// Digit `digit` of `word`, which was extended by zeros to the integer type
/// that the result has; of each lane, if it is a vector.
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
