//===- tern/Target/X86/Passes.h - Passes of x86-64 --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_X86_PASSES_H
#define TERN_TARGET_X86_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tern::x86 {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "tern/Target/X86/Passes.h.inc"

} // namespace tern::x86

#endif // TERN_TARGET_X86_PASSES_H
