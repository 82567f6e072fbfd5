//===- RepackGroups.h - Loops that repack to groups in lanes ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_REPACKGROUPS_H
#define TERN_LIB_CODEGEN_REPACKGROUPS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"

namespace tern {

/// Loops that write `op`, one tile of groups of codec t4 or n2 in lanes, into
/// `panel`. Returns the panel.
mlir::Value buildGroupsNest(RepackOp op, KernelBuilder &b, mlir::Value panel);

} // namespace tern

#endif // TERN_LIB_CODEGEN_REPACKGROUPS_H
