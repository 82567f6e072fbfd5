//===- ReportTraffic.cpp - Say which weights a function reads -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "tern-report-traffic"

namespace tern {
#define GEN_PASS_DEF_REPORTTRAFFICPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct ReportTraffic : tern::impl::ReportTrafficPassBase<ReportTraffic> {
  using ReportTrafficPassBase::ReportTrafficPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t held = 0, always = 0, products = 0;
    function.walk([&](CountReadOp count) {
      held += getConstantIntValue(count.getHeld()).value_or(0);
      always += getConstantIntValue(count.getRead()).value_or(0);
      ++products;
    });
    numProducts += products;
    if (held < leastBytes)
      return;
    remark::analysis(function.getLoc(), remark::RemarkOpts::name("Traffic")
                                            .category(DEBUG_TYPE)
                                            .function(function.getName()))
        << remark::reason("{0} products hold {1} bytes of ternary weights, of "
                          "which {2} are read for any input",
                          products, held, always);
  }
};

} // namespace
