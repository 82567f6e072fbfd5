//===- tern/Dialect/Tern/IR/Launches.h - Lists of launches ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module for a device has kernels in place of functions, and says in which
// order each function is made of them (tern-outline-launches).
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_LAUNCHES_H
#define TERN_DIALECT_TERN_IR_LAUNCHES_H

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// On a module: the kernels of each function, in order:
/// {layer.decode = [@layer_decode_0, ...]}.
inline constexpr llvm::StringLiteral kLaunchesAttr = "tern.launches";

/// On a module: bytes of weights that a call of each function has to do with
/// and reads, two numbers for each projection of the module:
/// {layer.decode = [20480, 20480, ...]}.
inline constexpr llvm::StringLiteral kCountsAttr = "tern.counts";

/// On a kernel: the blocks that it is launched with, and their threads.
inline constexpr llvm::StringLiteral kBlocksAttr = "tern.blocks";
inline constexpr llvm::StringLiteral kThreadsAttr = "tern.threads";

/// On a kernel: bytes of shared memory that the launch adds, and the rows that
/// each block along the grid's second dimension takes.
inline constexpr llvm::StringLiteral kSharedBytesAttr = "tern.shared_bytes";
inline constexpr llvm::StringLiteral kRowsPerBlockAttr = "tern.rows_per_block";

/// On a loop of a kernel that carries no values: iterations write to different
/// memory, so the warps of a block may take some each.
inline constexpr llvm::StringLiteral kByWarpsAttr = "tern.by_warps";

/// On such a loop: an element of a vector that is written depends on the same
/// elements of those that are read, so the lanes of a warp need not wait for
/// each other.
inline constexpr llvm::StringLiteral kElementwiseAttr = "tern.elementwise";

/// On an attention of one token, on a parallel loop, on a kernel: for sequences
/// of at most Device::shortPositions, "short", or for "long" ones.
inline constexpr llvm::StringLiteral kWhenAttr = "tern.when";
inline constexpr llvm::StringLiteral kWhenShort = "short", kWhenLong = "long";

inline int64_t getNumberOr(mlir::Operation *op, llvm::StringRef name,
                           int64_t otherwise) {
  auto attr = op->getAttrOfType<mlir::IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}
inline int64_t getBlocks(mlir::Operation *kernel) {
  return getNumberOr(kernel, kBlocksAttr, 1);
}
inline int64_t getThreads(mlir::Operation *kernel) {
  return getNumberOr(kernel, kThreadsAttr, 32);
}

} // namespace tern

#endif // TERN_DIALECT_TERN_IR_LAUNCHES_H
