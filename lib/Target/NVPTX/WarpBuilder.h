//===- WarpBuilder.h - What the lanes of a warp do together -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_WARPBUILDER_H
#define TERN_LIB_TARGET_NVPTX_WARPBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace tern::nvptx {

constexpr int64_t kLanes = 32;

/// On a kernel that multiplies in tensor cores: the registers that it may take.
inline constexpr llvm::StringLiteral kRegistersAttr = "tern_nvptx.registers";

/// Memory spaces of NVVM.
constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

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

  /// Reads the lane's number, and keeps it; of several warps theirs, too.
  void begin(int64_t warps = 1);

  mlir::Value i32(int64_t value);
  mlir::Value f32Zero();
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value div(mlir::Value x, int64_t y);
  mlir::Value rem(mlir::Value x, int64_t y);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value toIndex(mlir::Value word);
  mlir::Value readRegister(llvm::StringRef name);
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);

  /// The lane's number, an i32.
  mlir::Value getLane() const { return lane; }
  mlir::Value isBelow(int64_t lanes);
  mlir::Value isThreadBelow(int64_t threads);
  mlir::Value isEqual(mlir::Value x, int64_t y);

  int64_t countWarps() const { return warps; }
  /// The warp's number in the block, an i32, and that of the thread.
  mlir::Value getWarp();
  mlir::Value getThread() const { return thread; }

  /// Every lane sees what all have written.
  void synchronize();
  /// The same of all warps of the block, which must all come here.
  void barrier();

  /// Memory of the block, `name` in the module.
  mlir::Value allocateShared(mlir::MemRefType type, llvm::StringRef name);

  /// Where an element of `memory` is: an address of its memory space, global
  /// memory if it has none.
  mlir::Value pointTo(mlir::Value memory, mlir::ValueRange indices);
  /// `bytes` (4, 8 or 16) go to shared memory, if `present` (an i1); otherwise
  /// zeros. They are there when their group was waited for.
  void copyAsync(mlir::Value to, mlir::Value from, int64_t bytes,
                 mlir::Value present = {});
  void commitCopies();
  void waitForCopies(int64_t pending);
  /// The number at `place` (pointTo) before; no barrier for other memory.
  mlir::Value atomic(mlir::arith::AtomicRMWKind kind, mlir::Value place,
                     mlir::Value value);

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

  int64_t warps = 1;
  mlir::Value thread, lane, all;
};

/// Elements of a vector of `count` that a lane has.
inline int64_t getShare(int64_t count) {
  return count > kLanes ? count / kLanes : 1;
}

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_WARPBUILDER_H
