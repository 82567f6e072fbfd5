//===- ProductCode.h - Code of products alone ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TUNING_PRODUCTCODE_H
#define TERN_LIB_TUNING_PRODUCTCODE_H

#include "tern/Artifact/Emitter.h"
#include "tern/Tuning/ProductLibrary.h"

namespace tern {

/// Code of a function for each trial, for any target. With `isCalled` there is
/// another one, `_mlir_ciface_` and the name, that takes descriptors.
llvm::Expected<std::unique_ptr<Emitter>>
emitProducts(TargetAttr target, llvm::ArrayRef<ProductTrial> trials,
             llvm::ArrayRef<std::string> names, bool isCalled);

} // namespace tern

#endif // TERN_LIB_TUNING_PRODUCTCODE_H
