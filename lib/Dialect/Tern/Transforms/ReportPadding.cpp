//===- ReportPadding.cpp - Say which weights are mostly padding -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "tern-report-padding"

namespace tern {
#define GEN_PASS_DEF_REPORTPADDINGPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct ReportPadding : tern::impl::ReportPaddingPassBase<ReportPadding> {
  using ReportPaddingPassBase::ReportPaddingPassBase;

  void runOnOperation() override {
    for (WeightOp weight : getOperation().getOps<WeightOp>())
      report(weight);
  }

private:
  void report(WeightOp weight) {
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (!type || !isa_and_nonnull<LayoutAttr>(type.getEncoding()))
      return;
    int64_t held = getWeightBytes(type);
    int64_t padding = held - llvm::divideCeil(type.getNumElements(), 4);
    if (padding * 100 <= held * percent)
      return;
    ++numReported;
    remark::analysis(weight.getLoc(),
                     remark::RemarkOpts::name("Padding").category(DEBUG_TYPE))
        << remark::reason("{0}: {1} of {2} bytes are padding",
                          weight.getSymName(), padding, held);
  }
};

} // namespace
