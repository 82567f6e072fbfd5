//===- StrategyRemarks.cpp - Why weights are stored as they are -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StrategyRemarks.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "tern-select-strategies" // the remarks' category

using namespace mlir;
using namespace tern;

/// "listed_rows" or "scaled_rows_in_lanes": the kernels of a reading.
static std::string getKernelName(MatmulOp product, const Reading &reading) {
  if (!reading.strategy.kernels)
    return "portable loops";
  std::string name = reading.strategy.layoutName.str();
  if (reading.shape.listsRows || reading.shape.listsColumns)
    name = "listed" + name.substr(name.rfind('_'));
  return product.getGroups() ? "scaled_" + name : name;
}

/// "decode listed_rows, prefill contiguous_rows".
static std::string describe(const WeightReaders &readers, const Plan &plan) {
  if (plan.readings.empty())
    return "no product reads it";
  std::string text;
  SmallVector<MatmulOp> products = readers.getProducts();
  for (auto [product, reading] : llvm::zip_equal(products, plan.readings)) {
    std::string part = (reading.shape.tokens == 1 ? "decode "
                        : reading.isFew           ? "few "
                                                  : "prefill ") +
                       getKernelName(product, reading);
    if (!StringRef(text).contains(part))
      text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

static std::string getRatio(double cycles, double of) {
  return of == 0 ? "-" : llvm::formatv("{0:F2}", cycles / of).str();
}

/// Layouts of the table whose kernels do not serve all products.
static void reportRefused(WeightOp weight, const WeightReaders &readers) {
  auto target = TargetAttr::lookup(weight->getParentOfType<ModuleOp>());
  for (StringRef name : target.getTarget()->getLayoutNames()) {
    std::string reason = readers.getReasonAgainst(name, ListUse::Cheaper);
    if (reason.empty() || !readers.hasEntry(name))
      continue;
    remark::analysis(weight.getLoc(),
                     remark::RemarkOpts::name("Refused").category(DEBUG_TYPE))
        << remark::reason("{0}: not {1}: {2}", weight.getSymName(), name,
                          reason);
  }
}

/// Decode skips, and prefill pays for the layout that it takes.
static void reportPrefill(WeightOp weight, const WeightReaders &readers,
                          const Plan &plan, ArrayRef<Plan> plans) {
  bool skips = llvm::any_of(plan.readings, [](const Reading &reading) {
    return reading.shape.listsRows || reading.shape.listsColumns;
  });
  const auto *fastest = std::min_element(
      plans.begin(), plans.end(),
      [](const Plan &a, const Plan &b) { return a.prefill < b.prefill; });
  if (!skips || fastest->prefill >= plan.prefill)
    return;
  remark::analysis(
      weight.getLoc(),
      remark::RemarkOpts::name("SkippingCost").category(DEBUG_TYPE))
      << remark::reason("{0}: so that decode may skip, prefill takes {1} "
                        "times as long as with {2}",
                        weight.getSymName(),
                        getRatio(plan.prefill, fastest->prefill),
                        fastest->layoutName);
}

void tern::reportChoice(WeightOp weight, RankedTensorType type,
                        const WeightReaders &readers, const Plan &plan,
                        ArrayRef<Plan> plans, const StrategyRule *wish) {
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  reportRefused(weight, readers);
  remark::analysis(weight.getLoc(),
                   remark::RemarkOpts::name("Layout").category(DEBUG_TYPE))
      << remark::reason("{0}: {1} x {2} digits in {3} bytes, layout {4}: {5}",
                        weight.getSymName(), rows, columns,
                        plan.layout.storageBytes(rows, columns),
                        plan.layout.str(), describe(readers, plan));
  const auto *other = llvm::find_if(plans, [&](const Plan &candidate) {
    return candidate.layoutName != plan.layoutName;
  });
  if (other == plans.end() || plan.readings.empty())
    return;
  // A runner-up of a wish may have been better.
  std::string text = llvm::formatv(
      "{0}: {1}{2} takes {3:F0} thousand cycles for a token and its share of "
      "the prompt; the runner-up {4} ({5}) {6} times that: decode {7} times, "
      "prefill {8} times",
      weight.getSymName(), plan.layoutName,
      !wish                  ? ""
      : wish->weight.empty() ? ", as asked for,"
                             : ", as measured,",
      plan.total(), other->layoutName, describe(readers, *other),
      getRatio(other->total(), plan.total()),
      getRatio(other->decode, plan.decode),
      getRatio(other->prefill, plan.prefill));
  remark::analysis(weight.getLoc(),
                   remark::RemarkOpts::name("Strategy").category(DEBUG_TYPE))
      << remark::reason("{0}", text);
  reportPrefill(weight, readers, plan, plans);
}

void tern::reportShared(WeightOp weight, const Plan &plan, const Plan &alone) {
  if (plan.total() < 1.01 * alone.total())
    return;
  bool isPortable = llvm::any_of(plan.readings, [](const Reading &reading) {
    return !reading.strategy.kernels;
  });
  remark::missed(weight.getLoc(),
                 remark::RemarkOpts::name("Shared").category(DEBUG_TYPE))
      << remark::reason("{0}: code for other CPUs reads it too; alone this "
                        "code would take {1} times as long, with {2}{3}",
                        weight.getSymName(),
                        getRatio(alone.total(), plan.total()), alone.layoutName,
                        isPortable ? ": no kernel of its target reads the "
                                     "others' layout"
                                   : "");
}

void tern::reportReadAll(MatmulOp product, const StrategyRule *wish) {
  remark::analysis(
      product.getLoc(),
      remark::RemarkOpts::name("ReadAll")
          .category(DEBUG_TYPE)
          .function(product->getParentOfType<func::FuncOp>().getName()))
      << remark::reason("{0}: all {1} are read: {2}", product.getProjection(),
                        product.getRowIndices() ? "rows" : "columns",
                        wish ? wish->weight.empty() ? "as asked for"
                                                    : "as measured"
                             : "a list of them saves less than its layout "
                               "costs");
}
