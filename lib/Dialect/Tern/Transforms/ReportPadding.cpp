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
    auto layout =
        type ? dyn_cast_or_null<LayoutAttr>(type.getEncoding()) : LayoutAttr();
    if (!layout)
      return;
    int64_t held = getWeightBytes(type);
    int64_t padding = held - layout.getLayout().unpaddedBytes(
                                 type.getDimSize(0), type.getDimSize(1));
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
