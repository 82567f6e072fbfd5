//===- InitAll.cpp - Dialects and passes for every tool -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/InitAll.h"

#include "tern/Codegen/Passes.h"
#include "tern/Conversion/Passes.h"
#include "tern/Conversion/TernToLLVM.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Pipelines/Phases.h"
#include "tern/Target/Target.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

void tern::registerAllDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerTargets(registry);
  registerConvertTernToLLVMInterface(registry);
  registerBufferization(registry);
  registerMicroKernels(registry);
}

void tern::registerAllPasses() {
  mlir::registerAllPasses();
  registerTernConversionPasses();
  registerTernTransformsPasses();
  registerTernCodegenPasses();
  registerPhasePipelines();
  for (const Target *target : getTargets())
    target->registerPasses();
}
