//===- tern/Target/NVPTX/NVPTX.h - The NVIDIA target's dialect --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_NVPTX_NVPTX_H
#define TERN_TARGET_NVPTX_NVPTX_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "tern/Target/NVPTX/NVPTXDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/NVPTX/NVPTXAttrs.h.inc"

#define GET_OP_CLASSES
#include "tern/Target/NVPTX/NVPTXOps.h.inc"

namespace tern::nvptx {

/// Positions that one launch attends to.
constexpr int64_t kShortPositions = 512;

/// tern.attention and tern.kv_append.
void populateAttentionPatterns(mlir::RewritePatternSet &patterns);
void populateAppendPatterns(mlir::RewritePatternSet &patterns);
} // namespace tern::nvptx

#endif // TERN_TARGET_NVPTX_NVPTX_H
