//===- WeightReaders.cpp - Products of one weight -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/Transforms/WeightReaders.h"

#include "PackedProducts.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tern;

/// Tokens of prompt for each one that is generated. In a conversation the cache
/// keeps all that was read before, and answers are as long as questions.
static constexpr double kPromptShare = 1;

/// Of a ReLU^2 unit, the share of gates that are open and of activations that
/// are not zero: a third and a sixth (BitNet a4.8, arXiv 2411.04965, table 2).
static constexpr double kOpenGates = 1.0 / 3, kActiveFeatures = 1.0 / 6;

/// The share of columns in the list of `product`.
static double getColumnShare(MatmulOp product) {
  auto sparsify = product.getColumnIndices().getDefiningOp<SparsifyOp>();
  auto keep =
      sparsify ? sparsify.getInput().getDefiningOp<KeepTopKOp>() : KeepTopKOp();
  if (!keep)
    return kActiveFeatures;
  auto type = cast<RankedTensorType>(keep.getInput().getType());
  return double(keep.getTopK().getKeep()) / double(type.getDimSize(1));
}

/// Of the codes that `products` read, those expected not to be zero: as many as
/// one of them has a list of.
static double getDensity(ArrayRef<MatmulOp> products) {
  double density = 1;
  for (MatmulOp product : products)
    if (product.getColumnIndices())
      density = std::min(density, getColumnShare(product));
  return density;
}

/// The shape of `product`, one of `products` that read the same weight, if it
/// keeps these of its lists.
static ProductShape getShape(ArrayRef<MatmulOp> products, MatmulOp product,
                             bool keepsRows, bool keepsColumns) {
  ProductShape shape = ProductShape::of(product);
  shape.listsRows = keepsRows;
  shape.listsColumns = keepsColumns;
  if (keepsRows)
    shape.share *= kOpenGates;
  if (keepsColumns)
    shape.share *= getColumnShare(product);
  if (shape.getTokenClass() == TokenClass::Many)
    shape.density = getDensity(products);
  return shape;
}

/// Subsets of the lists of `product` that it may keep: {rows, columns}, the
/// empty one first.
static SmallVector<std::pair<bool, bool>> getListSubsets(MatmulOp product,
                                                         ListUse lists) {
  SmallVector<std::pair<bool, bool>> subsets;
  for (bool rows : {false, true})
    for (bool columns : {false, true}) {
      bool dropsRows = product.getRowIndices() && !rows;
      bool dropsColumns = product.getColumnIndices() && !columns;
      if ((rows && !product.getRowIndices()) ||
          (columns && !product.getColumnIndices()) ||
          (dropsRows && !mayReadAllRows(product)) ||
          (dropsColumns && !mayReadAllColumns(product)))
        continue;
      subsets.emplace_back(rows, columns);
    }
  if (lists == ListUse::Never)
    subsets.truncate(1);
  return subsets;
}

WeightReaders::WeightReaders(TargetAttr target, RankedTensorType type,
                             SmallVector<MatmulOp> products,
                             StrategyRating rating)
    : target(target), type(type), products(std::move(products)),
      rating(std::move(rating)) {
  if (!this->rating)
    this->rating = [speed = target.getTarget()->getSpeed(target)](
                       const Strategy &strategy, const ProductShape &shape) {
      return rate(strategy, shape, speed).cycles;
    };
}

std::vector<WeightReaders> WeightReaders::collect(ModuleOp module,
                                                  TargetAttr target,
                                                  StrategyRating rating) {
  llvm::MapVector<StringAttr, SmallVector<MatmulOp>> products;
  module.walk([&](GetWeightOp read) {
    for (Operation *user : read->getUsers())
      if (auto product = dyn_cast<MatmulOp>(user))
        products[read.getWeightAttr().getAttr()].push_back(product);
  });
  SymbolTable symbols(module);
  std::vector<WeightReaders> all;
  for (auto &[name, readers] : products) {
    auto type =
        cast<RankedTensorType>(symbols.lookup<WeightOp>(name).getType());
    if (needsLayout(type.getElementType()) && !type.getEncoding())
      all.emplace_back(target, type, readers, rating);
  }
  return all;
}

std::string WeightReaders::str() const {
  std::string text;
  for (MatmulOp product : products)
    text += (text.empty() ? "" : "+") +
            getShape(products, product, bool(product.getRowIndices()),
                     bool(product.getColumnIndices()))
                .str();
  return text;
}

/// All ways to compute `product`, in loops around micro kernels or in portable
/// ones; those that do not fit have a reason. With a layout that was chosen,
/// those that are made for it.
std::vector<Reading>
WeightReaders::getReadings(MatmulOp product, ListUse lists, bool isPortable,
                           const std::optional<Layout> &layout) const {
  std::vector<Reading> readings;
  for (auto [rows, columns] : getListSubsets(product, lists)) {
    ProductShape shape = getShape(products, product, rows, columns);
    shape.layout = layout;
    for (Strategy &strategy :
         target.getTarget()->getStrategies(target, shape)) {
      if (isPortable)
        strategy = getPortableStrategy(strategy.layoutName, *strategy.layout);
      StringRef reason = tern::getReasonAgainst(strategy, shape);
      double cycles = reason.empty() ? rating(strategy, shape) : 0;
      readings.push_back(
          {std::move(strategy), shape, isOfFewTokens(product), cycles, reason});
    }
  }
  return readings;
}

std::vector<Reading>
WeightReaders::getPortableReadings(MatmulOp product, ListUse lists,
                                   const Layout &layout,
                                   StringRef layoutName) const {
  std::vector<Reading> readings;
  Strategy strategy = getPortableStrategy(layoutName, layout);
  for (auto [rows, columns] : getListSubsets(product, lists)) {
    ProductShape shape = getShape(products, product, rows, columns);
    shape.layout = layout;
    readings.push_back({strategy, shape, isOfFewTokens(product),
                        rating(strategy, shape), /*reason=*/""});
  }
  return readings;
}

std::vector<std::vector<Reading>> WeightReaders::getReadings() const {
  std::vector<std::vector<Reading>> all;
  for (MatmulOp product : products) {
    all.push_back(getReadings(product, ListUse::Cheaper, false));
    llvm::erase_if(all.back(), [](const Reading &reading) {
      return !reading.reason.empty();
    });
  }
  return all;
}

/// The better one of two that fit.
static bool isBetter(const Reading &a, const Reading &b, ListUse lists) {
  bool aSkips = a.shape.listsRows || a.shape.listsColumns;
  bool bSkips = b.shape.listsRows || b.shape.listsColumns;
  if (lists == ListUse::Always && aSkips != bSkips)
    return aSkips;
  return a.cycles < b.cycles;
}

static const Reading *findBest(ArrayRef<Reading> readings, const Layout &layout,
                               ListUse lists) {
  const Reading *best = nullptr;
  for (const Reading &reading : readings)
    if (reading.reason.empty() && reading.strategy.layout == layout &&
        (!best || isBetter(reading, *best, lists)))
      best = &reading;
  return best;
}

/// Adds `reading` to the plan.
static void addReading(Plan &plan, const Reading &reading) {
  plan.readings.push_back(reading);
  double cycles = reading.cycles / 1000;
  // Few tokens are rare, next to one and to many.
  if (reading.shape.tokens == 1)
    plan.decode += cycles;
  else if (!reading.isFew)
    plan.prefill += cycles * kPromptShare / double(reading.shape.tokens);
}

/// A plan for each layout in which all products have a reading.
static std::vector<Plan> makePlans(ArrayRef<std::vector<Reading>> products,
                                   ListUse lists) {
  std::vector<Plan> plans;
  for (const std::vector<Reading> &readings : products)
    for (const Reading &reading : readings)
      if (llvm::none_of(plans, [&](const Plan &plan) {
            return plan.layout == reading.strategy.layout;
          }))
        plans.push_back(
            {*reading.strategy.layout, reading.strategy.layoutName, {}});
  llvm::erase_if(plans, [&](Plan &plan) {
    for (const std::vector<Reading> &readings : products) {
      const Reading *best = findBest(readings, plan.layout, lists);
      if (!best)
        return true;
      addReading(plan, *best);
    }
    return false;
  });
  llvm::stable_sort(plans, [](const Plan &a, const Plan &b) {
    return a.total() < b.total();
  });
  return plans;
}

std::vector<Plan> WeightReaders::plan(ListUse lists) const {
  if (products.empty()) {
    std::vector<Plan> plans;
    ProductShape shape{type.getDimSize(0), type.getDimSize(1)};
    if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
      shape.integerBits = integer.getWidth();
    for (const Strategy &strategy :
         target.getTarget()->getStrategies(target, shape))
      plans.push_back({*strategy.layout, strategy.layoutName, {}});
    return plans;
  }
  std::vector<std::vector<Reading>> readings;
  for (MatmulOp product : products) {
    readings.push_back(getReadings(product, lists, false));
    if (llvm::none_of(readings.back(), [](const Reading &reading) {
          return reading.reason.empty();
        }))
      readings.back() = getReadings(product, lists, true);
  }
  std::vector<Plan> plans = makePlans(readings, lists);
  if (!plans.empty())
    return plans;
  // Products that no layout serves together.
  for (auto [product, ways] : llvm::zip_equal(products, readings))
    llvm::append_range(ways, getReadings(product, lists, true));
  return makePlans(readings, lists);
}

Plan WeightReaders::planIn(const Layout &layout, StringRef layoutName,
                           ListUse lists) const {
  std::vector<std::vector<Reading>> readings;
  for (MatmulOp product : products) {
    readings.push_back(getReadings(product, lists, false, layout));
    if (findBest(readings.back(), layout, lists))
      continue;
    readings.back() = getPortableReadings(product, lists, layout, layoutName);
  }
  Plan plan{layout, layoutName, {}};
  for (const std::vector<Reading> &ways : readings)
    addReading(plan, *findBest(ways, layout, lists));
  return plan;
}

bool WeightReaders::hasEntry(StringRef layoutName) const {
  for (MatmulOp product : products)
    for (const Reading &reading :
         getReadings(product, ListUse::Cheaper, /*isPortable=*/false))
      if (reading.strategy.layoutName == layoutName)
        return true;
  return false;
}

std::string WeightReaders::getReasonAgainst(StringRef layoutName,
                                            ListUse lists) const {
  for (MatmulOp product : products) {
    StringRef reason =
        "the table has no entry for this machine and so many tokens";
    bool fits = false;
    for (const Reading &reading : getReadings(product, lists, false)) {
      if (reading.strategy.layoutName != layoutName)
        continue;
      fits |= reading.reason.empty();
      reason = reading.reason;
    }
    if (!fits)
      return (product.getProjection() + ": " + reason).str();
  }
  return "";
}
