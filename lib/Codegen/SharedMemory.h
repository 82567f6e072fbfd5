//===- SharedMemory.h - Buffers of a block's threads ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_SHAREDMEMORY_H
#define TERN_LIB_CODEGEN_SHAREDMEMORY_H

#include "tern/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tern {

/// Makes allocations in the parallel loops of `function` views of memory that
/// the threads of a block share, for each loop the smallest as long as they
/// fit. Returns their number.
int64_t placeInSharedMemory(mlir::func::FuncOp function, const Device &device);

} // namespace tern

#endif // TERN_LIB_CODEGEN_SHAREDMEMORY_H
