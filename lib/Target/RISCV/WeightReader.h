//===- WeightReader.h - Reads weights in the order of the code -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_RISCV_WEIGHTREADER_H
#define TERN_LIB_TARGET_RISCV_WEIGHTREADER_H

#include "tern/Kernels/ValueBuilder.h"

namespace tern::riscv {

/// Integers of the bytes of a step's weights.
class WeightReader {
public:
  /// `bytes` is a vector, which is read from memory or not.
  WeightReader(ValueBuilder &b, mlir::Value bytes);

  /// That of `type` from byte `first` on, whose address is a multiple of its
  /// bytes: of a vector of these, LLVM would read each.
  mlir::Value read(mlir::Type type, int64_t first);

  /// No instruction, but what is read from memory next waits for `sums`: LLVM
  /// would have all weights in registers first, and sums on the stack.
  void waitFor(llvm::MutableArrayRef<mlir::Value> sums);

private:
  ValueBuilder &b;
  mlir::Value bytes, address; ///< null if they are in registers
};

} // namespace tern::riscv

#endif // TERN_LIB_TARGET_RISCV_WEIGHTREADER_H
