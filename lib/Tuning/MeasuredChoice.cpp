//===- MeasuredChoice.cpp - Layouts by measured times ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/MeasuredChoice.h"

#include "tern/Dialect/Tern/Transforms/WeightReaders.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace mlir;
using namespace tern;

/// A lead that is never taken for one: so much do measurements of the same code
/// differ, however little each of them is spread.
static constexpr double kLeastSpread = 0.015;

namespace {

/// A way to compute a product, without its distance. Kernels alone do not say
/// which layout a panel is repacked from.
struct StrategyKey {
  std::string shape;
  uint64_t layout;
  StrategyAttr kernels;
  bool operator<(const StrategyKey &other) const {
    return std::tuple(shape, layout, kernels.getAsOpaquePointer()) <
           std::tuple(other.shape, other.layout,
                      other.kernels.getAsOpaquePointer());
  }
};

class Choice {
public:
  Choice(ModuleOp module, TargetAttr target, ArrayRef<MeasuredProduct> products)
      : module(module), target(target), products(products) {}

  void choose();
  std::vector<StrategyRule> rules;

private:
  std::optional<StrategyRule> chooseFor(unsigned weight);
  static StrategyKey keyOf(const ProductShape &shape,
                           const Strategy &strategy) {
    return {shape.str(), strategy.layout ? strategy.layout->fingerprint() : 0,
            StrategyAttr::get(
                strategy.kernels.getContext(), strategy.kernels.getKernels(),
                strategy.kernels.getUnits(), 0, strategy.kernels.getPanel())};
  }

  ModuleOp module;
  TargetAttr target;
  ArrayRef<MeasuredProduct> products;
  std::map<StrategyKey, const MeasuredProduct *> best;
};

} // namespace

static double getSpread(const ProductTime &time) {
  return std::max(time.spread, kLeastSpread);
}

/// True if `time` is shorter than `other` by more than both are spread.
static bool leads(const ProductTime &time, const ProductTime &other) {
  return time.seconds * (1 + getSpread(time)) <
         other.seconds * (1 - getSpread(other));
}

void Choice::choose() {
  for (bool ofTable : {true, false})
    for (const MeasuredProduct &product : products) {
      if (!product.trial.strategy.kernels || !product.time.isExact ||
          product.isOfTable != ofTable)
        continue;
      auto [known, isNew] = best.try_emplace(
          keyOf(product.trial.shape, product.trial.strategy), &product);
      const MeasuredProduct &former = *known->second;
      if (!isNew &&
          (former.isOfTable ? leads(product.time, former.time)
                            : product.time.seconds < former.time.seconds))
        known->second = &product;
    }
  for (unsigned i = 0, end = WeightReaders::collect(module, target).size();
       i < end; ++i)
    if (std::optional<StrategyRule> rule = chooseFor(i))
      if (llvm::none_of(rules, [&](const StrategyRule &other) {
            return other.weight == rule->weight;
          }))
        rules.push_back(std::move(*rule));
}

static const Plan *findPlan(ArrayRef<Plan> plans, StringRef layoutName) {
  for (const Plan &plan : plans)
    if (plan.layoutName == layoutName)
      return &plan;
  return nullptr;
}

/// Times in place of costs; nanoseconds, of which a plan counts thousands.
std::optional<StrategyRule> Choice::chooseFor(unsigned weight) {
  auto find = [&](const Strategy &strategy, const ProductShape &shape) {
    auto found =
        strategy.kernels ? best.find(keyOf(shape, strategy)) : best.end();
    return found == best.end() ? nullptr : found->second;
  };
  // `side`: 1 as slow as times are spread, -1 as fast.
  auto plansBy = [&](int side) {
    auto measured = [&](const Strategy &strategy, const ProductShape &shape) {
      const MeasuredProduct *product = find(strategy, shape);
      if (!product)
        return 1e15;
      return product->time.seconds * 1e9 *
             (1 + side * getSpread(product->time));
    };
    return WeightReaders::collect(module, target, measured)[weight].plan(
        ListUse::Cheaper);
  };
  WeightReaders readers = WeightReaders::collect(module, target)[weight];
  StringRef byCost = readers.plan(ListUse::Cheaper).front().layoutName;
  std::vector<Plan> plans = plansBy(0), slow = plansBy(1), fast = plansBy(-1);
  const Plan *chosen = &plans.front();
  const Plan *slowest = findPlan(slow, chosen->layoutName);
  const Plan *fastest = findPlan(fast, byCost);
  bool isClose = chosen->layoutName != byCost && slowest && fastest &&
                 slowest->total() >= fastest->total();
  if (isClose)
    chosen = findPlan(plans, byCost);
  StrategyRule rule;
  rule.pattern = "*";
  rule.layoutName = chosen->layoutName.str();
  rule.weight = readers.str();
  SmallVector<MatmulOp> products = readers.getProducts();
  for (auto [product, reading] : llvm::zip_equal(products, chosen->readings)) {
    const MeasuredProduct *time = find(reading.strategy, reading.shape);
    if (!time)
      return std::nullopt;
    bool hasList = product.getRowIndices() || product.getColumnIndices();
    if (hasList && !reading.shape.listsRows && !reading.shape.listsColumns)
      rule.usesLists = false;
    if (reading.shape.tokens == 1)
      rule.ahead = time->trial.strategy.kernels.getPrefetch();
  }
  const Plan *other = nullptr;
  for (const Plan &plan : plans)
    if (!other && &plan != chosen)
      other = &plan;
  rule.why = llvm::formatv("{0}: {1:F1} us for a token and its share of prompt",
                           products.front().getProjection(), chosen->total());
  if (other)
    rule.why +=
        llvm::formatv(", {0} {1:F1} us", other->layoutName, other->total())
            .str();
  if (isClose)
    rule.why += ", which is within the spread";
  return rule;
}

std::vector<StrategyRule>
tern::chooseMeasured(ModuleOp module, TargetAttr target,
                     ArrayRef<MeasuredProduct> products) {
  Choice choice(module, target, products);
  choice.choose();
  return std::move(choice.rules);
}
