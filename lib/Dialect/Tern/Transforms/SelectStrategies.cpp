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
#include "StrategyRemarks.h"

#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Dialect/Tern/Transforms/SharedWeights.h"
#include "tern/Dialect/Tern/Transforms/StrategyRules.h"
#include "tern/Packing/LayoutFamilies.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/DebugLog.h"
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

  ListUse getLists() const {
    return rule.usesLists ? ListUse::Always : ListUse::Never;
  }

  /// True if the rule is for such weights. One that was measured counts as long
  /// as the table has kernels for it.
  bool fits(const SharedWeight &shared) const {
    return rule.weight.empty() ||
           (rule.weight == shared.own().str() &&
            shared.getReasonAgainst(rule.layoutName, getLists()).empty());
  }

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
    // Of weights that no layout was chosen for: int8 rows, and those that came
    // with one.
    module.walk([&](MatmulOp product) {
      if (!chosen.contains(product))
        if (StrategyAttr strategy = findStrategy(target, product))
          product.setStrategyAttr(strategy);
    });
  }

private:
  //===--------------------------------------------------------------------===//
  // Wishes
  //===--------------------------------------------------------------------===//

  LogicalResult readWishes() {
    wishes.clear();
    chosen.clear();
    projections.clear();
    SmallVector<StringLiteral> known;
    for (TargetAttr version : getVersionTargets(getOperation()))
      for (StringLiteral name : version.getTarget()->getLayoutNames())
        if (!llvm::is_contained(known, name))
          known.push_back(name);
    for (const std::string &text : strategies) {
      llvm::Expected<StrategyRule> rule = parseStrategyRule(text);
      if (!rule)
        return getOperation().emitError(llvm::toString(rule.takeError()));
      bool isKnown = llvm::is_contained(known, rule->layoutName);
      if (!isKnown && !rule->weight.empty())
        continue;
      if (!isKnown) {
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
  Wish *findWish(const SharedWeight &shared) {
    for (Wish &wish : wishes)
      for (MatmulOp product : shared.own().getProducts())
        if (wish.fits(shared) && wish.matches(product.getProjection())) {
          wish.isUsed = true;
          return &wish;
        }
    return nullptr;
  }

  LogicalResult checkWishes() {
    for (const Wish &wish : wishes)
      if (!wish.isUsed && wish.rule.weight.empty()) {
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
    SmallVector<MatmulOp> products;
    SmallVector<GatherRowsOp> lookups;
    for (GetWeightOp read : reads)
      for (Operation *user : read->getUsers()) {
        if (auto product = dyn_cast<MatmulOp>(user))
          products.push_back(product);
        if (auto lookup = dyn_cast<GatherRowsOp>(user))
          lookups.push_back(lookup);
      }
    for (MatmulOp product : products)
      projections.insert(product.getProjectionAttr());
    SharedWeight shared(getOperation(), type, products);
    const WeightReaders &readers = shared.own();
    bool isOnlyLookedUp = products.empty() && !lookups.empty();
    std::vector<Plan> plans = isOnlyLookedUp ? std::vector<Plan>{planLookups()}
                                             : shared.plan(ListUse::Cheaper);
    Wish *wish = findWish(shared);
    FailureOr<Plan> plan =
        wish ? getWished(weight, shared, *wish) : plans.front();
    if (failed(plan))
      return failure();
    reportChoice(weight, type, readers, *plan, plans,
                 wish ? &wish->rule : nullptr);
    if (std::optional<Plan> alone =
            shared.findOwnChoice(*plan, ListUse::Cheaper))
      reportShared(weight, *plan, *alone);
    RankedTensorType packed = apply(weight, type, reads, readers, *plan, wish);
    for (GatherRowsOp lookup : lookups)
      packLookup(lookup, packed);
    return success();
  }

  /// Of a table that no product reads, whatever the target: a row is one run.
  static Plan planLookups() {
    return {PlainWords{&codecs::b2, Axis::Row}.layout(), "plain_rows", {}};
  }

  /// Scales that went into the layout, which are made of the table's own
  /// tensors, are no operand.
  static void packLookup(GatherRowsOp lookup, RankedTensorType packed) {
    lookup.setWeightType(packed);
    auto scales = lookup.getScales().getDefiningOp<GetWeightOp>();
    if (!scales ||
        !cast<LayoutAttr>(packed.getEncoding()).getLayout().hasScales())
      return;
    lookup.getScalesMutable().clear();
    if (scales->use_empty())
      scales.erase();
  }

  FailureOr<Plan> getWished(WeightOp weight, const SharedWeight &shared,
                            const Wish &wish) {
    for (Plan &plan : shared.plan(wish.getLists()))
      if (plan.layoutName == wish.rule.layoutName)
        return plan;
    return weight.emitError("strategy `")
           << printStrategyRule(wish.rule) << "`: no kernels of target "
           << target.getTarget()->getName()
           << " take all products of this weight in that layout; "
           << shared.getReasonAgainst(wish.rule.layoutName, wish.getLists());
  }

  /// Returns the weight's type with its layout.
  RankedTensorType apply(WeightOp weight, RankedTensorType type,
                         ArrayRef<GetWeightOp> reads,
                         const WeightReaders &readers, const Plan &plan,
                         const Wish *wish) {
    auto attr = LayoutAttr::get(&getContext(), plan.layout);
    LDBG() << weight.getSymName() << " -> " << attr;
    auto packed =
        RankedTensorType::get(type.getShape(), type.getElementType(), attr);
    weight.setTypeAttr(TypeAttr::get(packed));
    llvm::SmallSetVector<Operation *, 4> scales;
    if (plan.layout.hasScales())
      for (MatmulOp product : readers.getProducts())
        if (Value operand = product.getScales())
          scales.insert(operand.getDefiningOp());
    for (GetWeightOp read : reads)
      read.getResult().setType(attr.getGridType(type.getShape()));
    SmallVector<MatmulOp> products = readers.getProducts();
    chosen.insert(products.begin(), products.end());
    for (auto [product, reading] : llvm::zip_equal(products, plan.readings)) {
      bool dropsRows = product.getRowIndices() && !reading.shape.listsRows;
      bool dropsColumns =
          product.getColumnIndices() && !reading.shape.listsColumns;
      if (dropsRows || dropsColumns)
        reportReadAll(product, wish ? &wish->rule : nullptr);
      if (dropsRows)
        readAllRows(product);
      if (dropsColumns)
        readAllColumns(product);
      numDense += dropsRows || dropsColumns;
      packProduct(product, packed);
      product.setStrategyAttr(getStrategy(reading, wish));
    }
    for (Operation *read : scales)
      if (read->use_empty())
        read->erase();
    ++numWeights;
    numPaddedBytes +=
        plan.layout.storageBytes(type.getDimSize(0), type.getDimSize(1)) -
        plan.layout.unpaddedBytes(type.getDimSize(0), type.getDimSize(1));
    return packed;
  }

  /// The strategy of a reading, with the distance that a wish has.
  static StrategyAttr getStrategy(const Reading &reading, const Wish *wish) {
    StrategyAttr kernels = reading.strategy.kernels;
    if (!kernels || !wish || !wish->rule.ahead || reading.shape.tokens != 1)
      return kernels;
    return StrategyAttr::get(kernels.getContext(), kernels.getKernels(),
                             kernels.getUnits(), *wish->rule.ahead);
  }

  TargetAttr target;
  llvm::DenseSet<Operation *> chosen;
  std::vector<Wish> wishes;
  llvm::SetVector<StringAttr> projections;
};

} // namespace
