//===- HalfWords.h - Bytes as half words, and SMLAD ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_ARM_HALFWORDS_H
#define TERN_LIB_TARGET_ARM_HALFWORDS_H

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/ARM/ARM.h"

namespace tern {
namespace arm {

/// Of a column that is prepared: five instructions for four. The rating takes
/// them twenty-fold, for streams of weights that stop meanwhile; flash has
/// none.
constexpr double kPrepareSlots = 1.25 / 20;

/// The codes of `steps` steps, all there are, as half words for all rows; of 0,
/// codes are taken as they are.
MicroPreparation prepareAll(int64_t steps);

mlir::VectorType vectorOf(mlir::Attribute attr, unsigned bits,
                          llvm::ArrayRef<int64_t> shape);

mlir::Value rotateRight(ValueBuilder &b, mlir::Value word, int64_t by);

/// SMLAD: `sum` and the products of both half words of two words.
mlir::Value addProducts(ValueBuilder &b, mlir::Value halves, mlir::Value others,
                        mlir::Value sum);

/// Words of a vector of bytes.
llvm::SmallVector<mlir::Value> splitWords(ValueBuilder &b, mlir::Value bytes);

/// Bytes 0 and 2 of a word as half words, then bytes 1 and 3; and those of all
/// words of a vector.
llvm::SmallVector<mlir::Value>
extendWord(ValueBuilder &b, mlir::Value word,
           llvm::StringRef instruction = "llvm.arm.sxtb16");
llvm::SmallVector<mlir::Value>
extendBytes(ValueBuilder &b, mlir::Value bytes,
            llvm::StringRef instruction = "llvm.arm.sxtb16");

/// The address of the first of the elements that a vector is read from; null if
/// it is not read, or not all of it.
mlir::Value findAddress(ValueBuilder &b, mlir::Value vector);

} // namespace arm
} // namespace tern

#endif // TERN_LIB_TARGET_ARM_HALFWORDS_H
