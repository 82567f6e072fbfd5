//===- WebAssembly.h - The dialect of WebAssembly ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_H
#define TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "mlir/IR/Dialect.h"

#include "tern/Target/WebAssembly/WebAssemblyEnums.h.inc"

#include "tern/Target/WebAssembly/WebAssemblyDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/WebAssembly/WebAssemblyAttrs.h.inc"

#endif // TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_H
