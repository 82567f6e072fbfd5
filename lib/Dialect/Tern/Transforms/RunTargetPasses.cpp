//===- RunTargetPasses.cpp - Passes that a target adds to a phase
//----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Target/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#define DEBUG_TYPE "tern-run-target-passes"

namespace tern {
#define GEN_PASS_DEF_RUNTARGETPASSESPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct RunTargetPasses : tern::impl::RunTargetPassesPassBase<RunTargetPasses> {
  using RunTargetPassesPassBase::RunTargetPassesPassBase;

  void runOnOperation() override {
    TargetAttr attr = TargetAttr::lookup(getOperation());
    auto *dialect = getContext().getLoadedDialect<TernDialect>();
    const Target *target = attr ? dialect->lookupTarget(attr) : nullptr;
    if (!target)
      return;
    OpPassManager passes(ModuleOp::getOperationName());
    target->addPasses(phase, passes);
    if (passes.empty())
      return;
    // A pass cannot load dialects while others run.
    DialectRegistry needed;
    passes.getDependentDialects(needed);
    for (StringRef name : needed.getDialectNames())
      if (!getContext().getLoadedDialect(name)) {
        getOperation().emitError("the target ")
            << target->getName() << " adds passes to the phase " << phase
            << " that need the dialect " << name << ", which is not loaded";
        return signalPassFailure();
      }
    if (failed(runPipeline(passes, getOperation())))
      signalPassFailure();
  }
};

} // namespace
