//===- DevicePlan.h - A model's functions as launches -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_DEVICEPLAN_H
#define TERN_LIB_CODEGEN_DEVICEPLAN_H

#include "AbiConstants.h"

#include "tern/Dialect/Tern/IR/LayerKinds.h"

namespace tern {

/// True if `module`, whose functions are launches, has one of that name.
bool hasLaunches(mlir::ModuleOp module, llvm::StringRef function);

/// The address of a tern_device_plan; null without launches. Its code comes
/// later (addDeviceImage).
mlir::Attribute describeDevicePlan(Constants &constants, mlir::ModuleOp module,
                                   const LayerKinds &kinds);

} // namespace tern

#endif // TERN_LIB_CODEGEN_DEVICEPLAN_H
