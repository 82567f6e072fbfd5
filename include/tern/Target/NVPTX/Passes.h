//===- tern/Target/NVPTX/Passes.h - Passes for NVIDIA -------------*- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_NVPTX_PASSES_H
#define TERN_TARGET_NVPTX_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tern::nvptx {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "tern/Target/NVPTX/Passes.h.inc"

} // namespace tern::nvptx

#endif // TERN_TARGET_NVPTX_PASSES_H
