//===- Strategies.h - The table of WebAssembly ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_WEBASSEMBLY_STRATEGIES_H
#define TERN_LIB_TARGET_WEBASSEMBLY_STRATEGIES_H

#include "tern/Target/Strategy.h"
#include "tern/Target/WebAssembly/WebAssembly.h"

namespace tern::wasm {

llvm::ArrayRef<llvm::StringLiteral> layoutNames();
llvm::SmallVector<Strategy> findStrategies(DotAttr dot,
                                           const ProductShape &shape);

} // namespace tern::wasm

#endif // TERN_LIB_TARGET_WEBASSEMBLY_STRATEGIES_H
