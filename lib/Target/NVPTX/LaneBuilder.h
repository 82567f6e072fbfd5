//===- LaneBuilder.h - Kernels written for a lane ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Not everything is vectors of 32: where a lane's place in an mma matters, code
// is that of one lane, and a block has several warps.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_LANEBUILDER_H
#define TERN_LIB_TARGET_NVPTX_LANEBUILDER_H

#include "tern/Kernels/KernelBuilder.h"

namespace tern::nvptx {

class LaneBuilder : public KernelBuilder {
public:
  /// Of a block of `warps` warps.
  LaneBuilder(mlir::Location loc, mlir::OpBuilder &builder, int64_t warps);

  const int64_t warps;
  Value thread, warp;   ///< numbers in the block, i32
  Value laneId;         ///< in the warp
  Value group, inGroup; ///< laneId / 4, laneId % 4: a place in an mma

  Value i32(int64_t value) { return constant(getI32Type(), value); }
  Value f32(double value) { return constant(getF32Type(), value); }
  Value toWord(Value index);       ///< an index of less than 2^31 as i32
  Value isBelow(Value x, Value y); ///< integers and indices, unsigned
  Value isBelow(Value x, int64_t y) {
    return isBelow(x, constant(x.getType(), y));
  }
  Value isEqual(Value x, int64_t y);
  /// x shifted by a number of bits that lanes choose.
  Value shiftRightBy(Value x, Value by);
  /// min(x, most) of an i32; x itself if that is never more than `bound`.
  Value clamp(Value x, int64_t most, int64_t bound);

  /// All warps of the block, and all that they have written.
  void barrier();
  void meetWarp();                    ///< the same of the warp
  Value shuffle(Value x, Value from); ///< of 32 bits, from lane `from`
  Value shuffleXor(Value x, int64_t bits);
  Value shuffleDown(Value x, int64_t by);
  Value sumOfLanes(Value x);  ///< i32, to all lanes
  Value mostOfLanes(Value x); ///< i32, unsigned
  /// Combines lanes whose numbers differ in `bits`.
  Value reduceLanes(Value x, llvm::ArrayRef<int64_t> bits,
                    llvm::function_ref<Value(Value, Value)> combine);

  using Words = llvm::SmallVector<Value>;
  /// c += a b of unsigned bytes a and bytes b, 16 x 32 and 32 x 8.
  Words mma(llvm::ArrayRef<Value> a, llvm::ArrayRef<Value> b,
            llvm::ArrayRef<Value> c, bool isSigned);

  /// `count` words at byte `at` (or place `at`) of memory of bytes, aligned.
  Words loadWords(Value memory, mlir::ValueRange at, int64_t count);
  /// f32 of the f16 at byte `at`.
  Value loadHalf(Value memory, Value at);
  /// `count` elements in a row, aligned.
  Words loadRun(Value memory, mlir::ValueRange at, int64_t count);
  void storeRun(llvm::ArrayRef<Value> run, Value memory, mlir::ValueRange at);

  void onFirstLane(llvm::function_ref<void()> body) {
    ifTrue(isEqual(laneId, 0), body);
  }

private:
  Value intrinsic(llvm::StringRef name, Type result, mlir::ValueRange operands);
};

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_LANEBUILDER_H
