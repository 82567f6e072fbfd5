//===- tern/Target/ARM/ARM.h - The 32-bit ARM target's dialect --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_ARM_ARM_H
#define TERN_TARGET_ARM_ARM_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/IR/Dialect.h"

#include "tern/Target/ARM/ARMDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/ARM/ARMAttrs.h.inc"

#endif // TERN_TARGET_ARM_ARM_H
