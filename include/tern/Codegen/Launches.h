//===- tern/Codegen/Launches.h - Functions as lists of launches -*- C++ -*-===//
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

#ifndef TERN_CODEGEN_LAUNCHES_H
#define TERN_CODEGEN_LAUNCHES_H

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// On a module: the kernels of each function, in order:
/// {layer.decode = [@layer_decode_0, ...]}.
inline constexpr llvm::StringLiteral kLaunchesAttr = "tern.launches";

/// On a kernel: the blocks that it is launched with, and their threads.
inline constexpr llvm::StringLiteral kBlocksAttr = "tern.blocks";
inline constexpr llvm::StringLiteral kThreadsAttr = "tern.threads";

inline int64_t getNumber(mlir::Operation *op, llvm::StringRef name,
                         int64_t otherwise) {
  auto attr = op->getAttrOfType<mlir::IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}
inline int64_t getBlocks(mlir::Operation *kernel) {
  return getNumber(kernel, kBlocksAttr, 1);
}
inline int64_t getThreads(mlir::Operation *kernel) {
  return getNumber(kernel, kThreadsAttr, 32);
}

/// Code for devices is made of a module in the form `llvm` without the model's
/// description, which is a program's of this machine.
struct DeviceModules {
  mlir::OwningOpRef<mlir::ModuleOp> kernels;
  mlir::OwningOpRef<mlir::ModuleOp> description;
};
DeviceModules splitDeviceModule(mlir::ModuleOp module);

/// The array of images that the description refers to and does not have.
inline constexpr llvm::StringLiteral kImagesSymbol = "tern_images";

/// Gives the description of `splitDeviceModule` its code: text for a driver of
/// devices with `capability`.
void addDeviceImage(mlir::ModuleOp description, llvm::StringRef text,
                    unsigned capability);

} // namespace tern

#endif // TERN_CODEGEN_LAUNCHES_H
