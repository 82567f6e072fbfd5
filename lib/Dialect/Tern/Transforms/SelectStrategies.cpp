//===- SelectStrategies.cpp - Choose layouts and kernels of products ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The target lists what there is to choose from, its table of strategies; this
// file finds out who reads a weight, takes the cheapest layout for all of them,
// and records it in the types.

#include "PackedProducts.h"
#include "WeightReaders.h"

#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Dialect/Tern/Transforms/StrategyRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"

#define DEBUG_TYPE "tern-select-strategies"

namespace tern {
#define GEN_PASS_DEF_SELECTSTRATEGIESPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct Wish {
  StrategyRule rule;
  bool isUsed = false;

  /// True for a projection, or one that was merged into it.
  bool matches(StringRef projection) const {
    llvm::GlobPattern pattern =
        llvm::cantFail(llvm::GlobPattern::create(rule.pattern));
    SmallVector<StringRef> parts;
    projection.split(parts, '+');
    return pattern.match(projection) ||
           llvm::any_of(parts, [&](StringRef p) { return pattern.match(p); });
  }
};

/// "decode listed_rows, prefill contiguous_rows".
std::string describe(const WeightReaders &readers, const Plan &plan) {
  if (plan.readings.empty())
    return "no product of a table's kernels";
  std::string text;
  for (auto [i, product] : llvm::enumerate(readers.getProducts())) {
    auto type = cast<RankedTensorType>(product.getCodes().getType());
    std::string part = (type.getDimSize(0) == 1 ? "decode " : "prefill ") +
                       plan.readings[i].strategy.kernel.str();
    if (!StringRef(text).contains(part))
      text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

std::string getRatio(double cycles, double of) {
  return of == 0 ? "-" : llvm::formatv("{0:F2}", cycles / of).str();
}

struct SelectStrategies
    : tern::impl::SelectStrategiesPassBase<SelectStrategies> {
  using SelectStrategiesPassBase::SelectStrategiesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    target = TargetAttr::lookup(module);
    if (!target || !target.getTarget()) {
      InFlightDiagnostic error = module.emitError(
          "expected a `tern.target` that a registered target handles, got ");
      if (target)
        error << target;
      else
        error << "none";
      return signalPassFailure();
    }
    if (failed(readWishes()))
      return signalPassFailure();
    llvm::MapVector<StringAttr, SmallVector<GetWeightOp>> reads;
    module.walk([&](GetWeightOp read) {
      reads[read.getWeightAttr().getAttr()].push_back(read);
    });
    SymbolTable symbols(module);
    for (auto &[name, users] : reads) {
      auto weight = symbols.lookup<WeightOp>(name);
      auto type = cast<RankedTensorType>(weight.getType());
      if (needsLayout(type.getElementType()) && !type.getEncoding())
        if (failed(select(weight, type, users)))
          return signalPassFailure();
    }
    if (failed(checkWishes()))
      return signalPassFailure();
    module.walk([&](MatmulOp product) {
      if (auto strategy = target.getTarget()->pickStrategy(target, product))
        product.setStrategyAttr(strategy);
    });
  }

private:
  //===--------------------------------------------------------------------===//
  // Wishes
  //===--------------------------------------------------------------------===//

  LogicalResult readWishes() {
    wishes.clear();
    projections.clear();
    ArrayRef<StringLiteral> known = target.getTarget()->getLayoutNames();
    for (const std::string &text : strategies) {
      llvm::Expected<StrategyRule> rule = parseStrategyRule(text);
      if (!rule)
        return getOperation().emitError(llvm::toString(rule.takeError()));
      if (!llvm::is_contained(known, rule->layoutName)) {
        InFlightDiagnostic error = getOperation().emitError("strategy `")
                                   << text << "`: expected a layout of target "
                                   << target.getTarget()->getName() << " (";
        llvm::interleaveComma(known, error);
        return error << "), got " << rule->layoutName;
      }
      llvm::Expected<llvm::GlobPattern> pattern =
          llvm::GlobPattern::create(rule->pattern);
      if (!pattern)
        return getOperation().emitError("strategy `")
               << text << "`: " << llvm::toString(pattern.takeError());
      wishes.push_back({std::move(*rule)});
    }
    return success();
  }

  /// The first wish about a product of the weight; null if there is none.
  Wish *findWish(const WeightReaders &readers) {
    for (Wish &wish : wishes)
      for (MatmulOp product : readers.getProducts())
        if (wish.matches(product.getProjection())) {
          wish.isUsed = true;
          return &wish;
        }
    return nullptr;
  }

  LogicalResult checkWishes() {
    for (const Wish &wish : wishes)
      if (!wish.isUsed) {
        InFlightDiagnostic error =
            getOperation().emitError("strategy `")
            << printStrategyRule(wish.rule)
            << "`: expected a pattern of a projection that no rule before it "
               "takes; there are ";
        llvm::interleaveComma(projections, error, [&](StringAttr name) {
          error << name.getValue();
        });
        return error;
      }
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Choice
  //===--------------------------------------------------------------------===//

  LogicalResult select(WeightOp weight, RankedTensorType type,
                       ArrayRef<GetWeightOp> reads) {
    auto maxTokens =
        getOperation()->getAttrOfType<IntegerAttr>(TernDialect::kMaxTokensAttr);
    SmallVector<MatmulOp> products;
    for (GetWeightOp read : reads)
      for (Operation *user : read->getUsers())
        if (auto product = dyn_cast<MatmulOp>(user))
          products.push_back(product);
    for (MatmulOp product : products)
      projections.insert(product.getProjectionAttr());
    WeightReaders readers(target, maxTokens ? maxTokens.getInt() : 32,
                          products);
    SmallVector<Plan> plans = readers.plan(ListUse::Cheaper);
    Wish *wish = findWish(readers);
    const Plan *chosen = plans.empty() ? nullptr : &plans.front();
    SmallVector<Plan> wished;
    if (wish) {
      wished =
          readers.plan(wish->rule.usesLists ? ListUse::Always : ListUse::Never);
      const auto *found = llvm::find_if(wished, [&](const Plan &plan) {
        return plan.layoutName == wish->rule.layoutName;
      });
      if (found == wished.end())
        return weight.emitError("strategy `")
               << printStrategyRule(wish->rule) << "`: no kernels of target "
               << target.getTarget()->getName()
               << " take all products of this weight in that layout";
      chosen = found;
    }
    Plan fallback = getFallback(type);
    report(weight, type, readers, chosen ? *chosen : fallback, plans, wish);
    apply(weight, type, reads, readers, chosen ? *chosen : fallback, wish);
    return success();
  }

  /// The layout of dense products, for a weight whose products no row of the
  /// table fits; portable loops take those.
  Plan getFallback(RankedTensorType type) {
    ProductShape shape{type.getDimSize(0), type.getDimSize(1)};
    if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
      shape.integerBits = integer.getWidth();
    Strategy strategy =
        target.getTarget()->getStrategies(target, shape).front();
    return {strategy.layout, strategy.layoutName, {}};
  }

  void apply(WeightOp weight, RankedTensorType type,
             ArrayRef<GetWeightOp> reads, const WeightReaders &readers,
             const Plan &plan, const Wish *wish) {
    auto attr = LayoutAttr::get(&getContext(), plan.layout);
    LDBG() << weight.getSymName() << " -> " << attr;
    auto packed =
        RankedTensorType::get(type.getShape(), type.getElementType(), attr);
    weight.setTypeAttr(TypeAttr::get(packed));
    for (GetWeightOp read : reads)
      read.getResult().setType(attr.getGridType(type.getShape()));
    for (auto [i, product] : llvm::enumerate(readers.getProducts())) {
      if (i < plan.readings.size()) {
        const Reading &reading = plan.readings[i];
        bool dropsRows = product.getRowIndices() && !reading.keepsRows;
        bool dropsColumns = product.getColumnIndices() && !reading.keepsColumns;
        if (dropsRows || dropsColumns)
          reportReadAll(product, wish);
        if (dropsRows)
          readAllRows(product);
        if (dropsColumns)
          readAllColumns(product);
        numDense += dropsRows || dropsColumns;
      }
      packProduct(product, packed);
    }
    ++numWeights;
    numPaddedBytes +=
        plan.layout.storageBytes(type.getDimSize(0), type.getDimSize(1)) -
        plan.layout.unpaddedBytes(type.getDimSize(0), type.getDimSize(1));
  }

  //===--------------------------------------------------------------------===//
  // Remarks
  //===--------------------------------------------------------------------===//

  void report(WeightOp weight, RankedTensorType type,
              const WeightReaders &readers, const Plan &plan,
              ArrayRef<Plan> plans, const Wish *wish) {
    int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
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
        weight.getSymName(), plan.layoutName, wish ? ", as asked for," : "",
        plan.total(), other->layoutName, describe(readers, *other),
        getRatio(other->total(), plan.total()),
        getRatio(other->decode, plan.decode),
        getRatio(other->prefill, plan.prefill));
    remark::analysis(weight.getLoc(),
                     remark::RemarkOpts::name("Strategy").category(DEBUG_TYPE))
        << remark::reason("{0}", text);
    reportPrefill(weight, readers, plan, plans);
  }

  static void reportReadAll(MatmulOp product, const Wish *wish) {
    remark::analysis(
        product.getLoc(),
        remark::RemarkOpts::name("ReadAll")
            .category(DEBUG_TYPE)
            .function(product->getParentOfType<func::FuncOp>().getName()))
        << remark::reason("{0}: all {1} are read: {2}", product.getProjection(),
                          product.getRowIndices() ? "rows" : "columns",
                          wish ? "as asked for"
                               : "a list of them saves less than its layout "
                                 "costs");
  }

  /// Decode skips, and prefill pays for the layout that it takes.
  void reportPrefill(WeightOp weight, const WeightReaders &readers,
                     const Plan &plan, ArrayRef<Plan> plans) {
    bool skips = llvm::any_of(plan.readings, [](const Reading &reading) {
      return reading.keepsRows || reading.keepsColumns;
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

  TargetAttr target;
  std::vector<Wish> wishes;
  llvm::SetVector<StringAttr> projections;
};

} // namespace
