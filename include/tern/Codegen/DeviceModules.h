//===- tern/Codegen/DeviceModules.h - A device's code and its plan -*- C++ -*-//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_DEVICEMODULES_H
#define TERN_CODEGEN_DEVICEMODULES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tern {

/// Code for devices is made of a module in the form `llvm` without the model's
/// description, which is a program's of this machine.
struct DeviceModules {
  mlir::OwningOpRef<mlir::ModuleOp> kernels;
  mlir::OwningOpRef<mlir::ModuleOp> description;
};
DeviceModules splitDeviceModule(mlir::ModuleOp module);

/// The array of images that the description refers to and does not have.
inline constexpr llvm::StringLiteral kImagesSymbol = "tern_images";

/// True if a plan of launches is the same for both, which are in the form
/// `llvm`.
bool haveSamePlan(mlir::ModuleOp a, mlir::ModuleOp b);

/// Text for a driver of devices with `capability`, or later ones.
struct DeviceImage {
  std::string text;
  unsigned capability;
};

/// Gives the description of `splitDeviceModule` its code: an image for each of
/// the versions that the module names, better ones later.
void addDeviceImages(mlir::ModuleOp description,
                     llvm::ArrayRef<DeviceImage> images);

} // namespace tern

#endif // TERN_CODEGEN_DEVICEMODULES_H
