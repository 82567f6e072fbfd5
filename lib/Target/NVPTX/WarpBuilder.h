//===- WarpBuilder.h - What the lanes of a warp do together -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_WARPBUILDER_H
#define TERN_LIB_TARGET_NVPTX_WARPBUILDER_H

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace tern::nvptx {

constexpr int64_t kLanes = 32;

/// Values of a vector that a warp holds: element 32 r + l is the rth of lane l.
using Registers = llvm::SmallVector<mlir::Value, 2>;

/// Element i of a vector is scale * (i / divide % modulus) + offset.
struct Cycle {
  int64_t divide, modulus, scale, offset;

  /// Empty if `elements` follow none.
  static std::optional<Cycle> find(llvm::ArrayRef<int64_t> elements);
};

class WarpBuilder : public mlir::OpBuilder {
public:
  WarpBuilder(mlir::OpBuilder at, mlir::Location loc)
      : mlir::OpBuilder(at), loc(loc) {}

  /// Reads the lane's number, and keeps it.
  void begin();

  mlir::Value i32(int64_t value);
  mlir::Value readRegister(llvm::StringRef name);
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);

  /// The lane's number, as an i32 and as an index.
  mlir::Value getLane() const { return lane; }
  mlir::Value getLaneIndex() const { return laneIndex; }
  mlir::Value isBelow(int64_t lanes);

  /// Every lane sees what all have written.
  void synchronize();

  /// `value` of lane `from`, which each lane chooses (an i32).
  mlir::Value shuffle(mlir::Value value, mlir::Value from);
  /// `value` of the lane `by` lanes up; the last `by` keep theirs.
  mlir::Value shuffleDown(mlir::Value value, int64_t by);

  /// Of all that lanes hold, the element that each lane chooses (an i32).
  mlir::Value gather(const Registers &from, mlir::Value element);

  /// Numbers of 32 bits of all lanes to one, which all get; null for a kind
  /// that takes another way.
  mlir::Value reduce(mlir::vector::CombiningKind kind, mlir::Value value,
                     int64_t lanes);

  /// What `cycle` has for the lane's element of register `number`, as an i32.
  mlir::Value compute(const Cycle &cycle, int64_t number);

  mlir::Location loc;

private:
  mlir::Value throughWords(mlir::Value value,
                           llvm::function_ref<mlir::Value(mlir::Value)> move);

  mlir::Value lane, laneIndex, all;
};

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_WARPBUILDER_H
