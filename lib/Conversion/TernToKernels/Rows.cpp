//===- Rows.cpp                                                             ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

void tern::populateRowPatterns(TargetAttr target, RewritePatternSet &patterns) {}
