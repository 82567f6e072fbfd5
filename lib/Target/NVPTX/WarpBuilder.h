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

/// Element i of a vector is scale * (i / divide % modulus) + offset.
struct Cycle {
  int64_t divide, modulus, scale, offset;

  /// Empty if `elements` follow none.
  static std::optional<Cycle> find(llvm::ArrayRef<int64_t> elements);
};

/// A vector of up to 32 elements has one in each lane, and nothing that means
/// something in the lanes behind them. Of a longer one each lane has a vector
/// of elements that follow each other.
class WarpBuilder : public mlir::OpBuilder {
public:
  WarpBuilder(mlir::OpBuilder at, mlir::Location loc)
      : mlir::OpBuilder(at), loc(loc) {}

  /// Reads the lane's number, and keeps it.
  void begin();

  mlir::Value i32(int64_t value);
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value div(mlir::Value x, int64_t y);
  mlir::Value rem(mlir::Value x, int64_t y);
  mlir::Value toIndex(mlir::Value word);
  mlir::Value readRegister(llvm::StringRef name);
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);

  /// The lane's number, an i32.
  mlir::Value getLane() const { return lane; }
  mlir::Value isBelow(int64_t lanes);
  mlir::Value isEqual(mlir::Value x, int64_t y);

  /// Every lane sees what all have written.
  void synchronize();

  /// `value` of lane `from`, which each lane chooses (an i32).
  mlir::Value shuffle(mlir::Value value, mlir::Value from);
  /// `value` of the lane `by` lanes up; the last `by` keep theirs.
  mlir::Value shuffleDown(mlir::Value value, int64_t by);

  /// Of a vector that lanes hold, the element that each lane chooses (an i32).
  mlir::Value gather(mlir::Value held, mlir::Value element);

  /// Numbers of 32 bits of all lanes to one, which all get; null for a kind
  /// that takes another way.
  mlir::Value reduce(mlir::vector::CombiningKind kind, mlir::Value value,
                     int64_t lanes);

  /// The number that `cycle` has for part `number` of the `share` elements of
  /// the lane.
  mlir::Value compute(const Cycle &cycle, int64_t share, int64_t number);
  /// An i32 as an integer of `type`.
  mlir::Value resize(mlir::Value word, mlir::Type type);

  /// Element `number` of what a lane holds: the value itself, or a part.
  mlir::Value getPart(mlir::Value held, int64_t number);
  /// The reverse.
  mlir::Value join(llvm::ArrayRef<mlir::Value> parts);

  mlir::Location loc;

private:
  mlir::Value throughWords(mlir::Value value,
                           llvm::function_ref<mlir::Value(mlir::Value)> move);

  mlir::Value lane, all;
};

/// Elements of a vector of `count` that a lane has.
inline int64_t getShare(int64_t count) {
  return count > kLanes ? count / kLanes : 1;
}

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_WARPBUILDER_H
