//===- tern/Target/X86/X86.h - The x86-64 target's dialect ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_X86_X86_H
#define TERN_TARGET_X86_X86_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/IR/Dialect.h"

#include "tern/Target/X86/X86Enums.h.inc"

#include "tern/Target/X86/X86Dialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/X86/X86Attrs.h.inc"

#endif // TERN_TARGET_X86_X86_H
