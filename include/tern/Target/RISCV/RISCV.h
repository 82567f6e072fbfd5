//===- tern/Target/RISCV/RISCV.h - The RISC-V target's dialect --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_RISCV_RISCV_H
#define TERN_TARGET_RISCV_RISCV_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/IR/Dialect.h"

#include "tern/Target/RISCV/RISCVDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/RISCV/RISCVAttrs.h.inc"

#endif // TERN_TARGET_RISCV_RISCV_H
