//===- Targets.cpp - Registration of targets ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

void tern::registerTargets(DialectRegistry &registry) {
  registry.insert<TernDialect>();
  registry.addExtension(+[](MLIRContext *, TernDialect *dialect) {
#define TERN_TARGET(Name) dialect->registerTarget(create##Name##Target());
#include "tern/Target/Targets.def"
  });
}
