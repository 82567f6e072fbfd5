//===- tern/InitAll.h - Dialects and passes for every tool ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_INITALL_H
#define TERN_INITALL_H

#include "mlir/IR/DialectRegistry.h"

namespace tern {

/// The tern dialect with its targets, and all upstream dialects and extensions.
void registerAllDialects(mlir::DialectRegistry &registry);

/// All of tern's passes and pipelines, and all upstream passes.
void registerAllPasses();

} // namespace tern

#endif // TERN_INITALL_H
