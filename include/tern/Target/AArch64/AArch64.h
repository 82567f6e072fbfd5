//===- tern/Target/AArch64/AArch64.h - The dialect of AArch64 ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_AARCH64_AARCH64_H
#define TERN_TARGET_AARCH64_AARCH64_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/IR/Dialect.h"

#include "tern/Target/AArch64/AArch64Enums.h.inc"

#include "tern/Target/AArch64/AArch64Dialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/AArch64/AArch64Attrs.h.inc"

#endif // TERN_TARGET_AARCH64_AARCH64_H
