//===- KernelBuilder.h - Words that kernels are written in ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory and control, beside the words that values are computed in.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_KERNELS_KERNELBUILDER_H
#define TERN_KERNELS_KERNELBUILDER_H

#include "tern/Kernels/ValueBuilder.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace tern {

/// Vector registers that a row is taken by: the latency of an addition is about
/// four additions.
constexpr int64_t kRowRegisters = 4;

class KernelBuilder : public ValueBuilder {
public:
  using ValueBuilder::ValueBuilder;
  /// `rowLanes` is getRowLanes() of the operation that is expanded.
  KernelBuilder(mlir::Location loc, mlir::PatternRewriter &rewriter,
                int64_t rowLanes)
      : ValueBuilder(loc, rewriter), rowLanes(rowLanes) {}

  /// Elements of a row to take at a time.
  int64_t getRowLanes() const { return rowLanes; }

  // Memory; a scalar, or a vector along the last dimension.
  Value load(Type type, Value memory, mlir::ValueRange indices);
  Value load(Value memory, mlir::ValueRange indices); ///< one element
  void store(Value x, Value memory, mlir::ValueRange indices);
  /// Length of the first dimension.
  Value length(Value memory);
  /// A temporary of `size` elements, or of `rows` x `columns`.
  Value alloc(Type element, Value size);
  Value alloc(Type element, Value rows, int64_t columns);
  Value alloc(Type element, int64_t rows, int64_t columns) {
    return alloc(element, index(rows), columns);
  }
  /// Asks for the cache line of an element, into the second level.
  void prefetch(Value memory, mlir::ValueRange indices);

  // Control.
  using Body = llvm::function_ref<void(Value)>;
  using CarryingBody =
      llvm::function_ref<llvm::SmallVector<Value>(Value, mlir::ValueRange)>;
  void loop(Value from, Value to, int64_t step, Body body);
  void loop(int64_t from, int64_t to, int64_t step, Body body) {
    loop(index(from), index(to), step, body);
  }
  /// The body returns what the next iteration gets and, in the end, the caller.
  llvm::SmallVector<Value> loop(Value from, Value to, int64_t step,
                                mlir::ValueRange carried, CarryingBody body);
  /// A loop that runs once at most needs no loop: `count` static 1.
  void forEachToken(Value rows, Body body);
  /// Calls body(first, width) for 0 .. n in steps of `width`: a loop, and the
  /// rest, narrower, after it.
  void forEachChunk(int64_t n, int64_t width,
                    llvm::function_ref<void(Value, int64_t)> body);
  void ifTrue(Value condition, llvm::function_ref<void()> body);
  /// The name of the parallel loops built from now on.
  void nameLoops(const llvm::Twine &name) { loopName = name.str(); }
  /// One-dimensional, iterations in any order.
  void parallel(Value count, int64_t bytesPerIteration, Body body);

private:
  int64_t rowLanes = 1;
  std::string loopName = "task";
};

} // namespace tern

#endif // TERN_KERNELS_KERNELBUILDER_H
