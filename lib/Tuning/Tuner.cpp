//===- Tuner.cpp - Strategies by measurement ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/Tuner.h"

#include "tern/Artifact/TargetSelection.h"
#include "tern/Dialect/Tern/Transforms/WeightReaders.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <tuple>

using namespace mlir;
using namespace tern;
using llvm::Error;
using llvm::Expected;

/// Measurements of the same code differ by that.
static constexpr double kNoise = 1.03;

namespace {

/// A strategy without its distance.
struct StrategyKey {
  std::string shape;
  StrategyAttr kernels;
  bool operator<(const StrategyKey &other) const {
    return std::tuple(shape, kernels.getAsOpaquePointer()) <
           std::tuple(other.shape, other.kernels.getAsOpaquePointer());
  }
};

StrategyAttr withAhead(StrategyAttr strategy, int64_t ahead) {
  return StrategyAttr::get(strategy.getContext(), strategy.getKernels(),
                           strategy.getUnits(), ahead, strategy.getPanel());
}

class Tuner {
public:
  Tuner(ModuleOp module, TargetAttr target, const TuneOptions &options)
      : module(module), target(target), options(options) {}

  Expected<TuneResult> run() {
    collect();
    if (Error error = compile())
      return std::move(error);
    for (auto &[shape, members] : byShape)
      if (Error error = measure(shape, members))
        return std::move(error);
    choose();
    return std::move(result);
  }

private:
  void collect();
  void add(MatmulOp product, const ProductShape &shape, Strategy strategy);
  Error compile();
  Error measure(const std::string &shape, ArrayRef<unsigned> trials);
  void choose();
  std::optional<StrategyRule> chooseFor(unsigned weight);

  static StrategyKey keyOf(const ProductShape &shape,
                           const Strategy &strategy) {
    return {shape.str(), withAhead(strategy.kernels, 0)};
  }

  ModuleOp module;
  TargetAttr target;
  const TuneOptions &options;
  TuneResult result;
  std::vector<ProductTrial> trials, references; ///< one reference per shape
  std::vector<llvm::SetVector<StringRef>> projections; ///< of trials
  llvm::MapVector<std::string, SmallVector<unsigned>,
                  std::map<std::string, unsigned>>
      byShape;
  std::unique_ptr<ProductLibrary> library, generic;
  std::map<StrategyKey, const MeasuredProduct *> best;
};

} // namespace

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

void Tuner::add(MatmulOp product, const ProductShape &shape,
                Strategy strategy) {
  SmallVector<unsigned> &known = byShape[shape.str()];
  for (unsigned i : known)
    if (trials[i].strategy.kernels == strategy.kernels &&
        trials[i].strategy.layout == strategy.layout) {
      projections[i].insert(product.getProjection());
      return;
    }
  known.push_back(trials.size());
  trials.push_back({shape, std::move(strategy)});
  projections.emplace_back();
  projections.back().insert(product.getProjection());
}

/// Distances that are worth a trial, beside the table's.
static SmallVector<int64_t> getDistances(const ProductShape &shape,
                                         const Strategy &strategy) {
  if (shape.listsRows || shape.listsColumns)
    return {4, 8, 16};
  if (shape.tokens == 1 && strategy.layout &&
      strategy.layout->outer == Axis::Row)
    return {0, 1024};
  return {};
}

void Tuner::collect() {
  auto addAll = [&](MatmulOp product, const ProductShape &shape,
                    const Strategy &strategy) {
    add(product, shape, strategy);
    for (int64_t ahead : getDistances(shape, strategy)) {
      Strategy other = strategy;
      other.kernels = withAhead(strategy.kernels, ahead);
      add(product, shape, std::move(other));
    }
  };
  for (const WeightReaders &readers : WeightReaders::collect(module, target)) {
    SmallVector<MatmulOp> products = readers.getProducts();
    for (auto [product, readings] :
         llvm::zip_equal(products, readers.getReadings()))
      for (const Reading &reading : readings)
        addAll(product, reading.shape, reading.strategy);
  }
  module.walk([&](MatmulOp product) {
    ProductShape shape = ProductShape::of(product);
    if (shape.integerBits != 8)
      return;
    for (Strategy &strategy : target.getTarget()->getStrategies(target, shape))
      if (getReasonAgainst(strategy, shape).empty())
        addAll(product, shape, strategy);
  });
}

/// How Generic computes it; by portable loops if by no kernel.
static Strategy getReference(TargetAttr generic, ProductShape shape) {
  SmallVector<Strategy> strategies =
      generic.getTarget()->getStrategies(generic, shape);
  for (Strategy &strategy : strategies)
    if (getReasonAgainst(strategy, shape).empty())
      return strategy;
  const Strategy &first = strategies.front();
  return getPortableStrategy(first.layoutName, *first.layout);
}

Error Tuner::compile() {
  Expected<TargetAttr> portable =
      selectTarget(module.getContext(), "generic", "");
  if (!portable)
    return portable.takeError();
  for (auto &[shape, members] : byShape) {
    const ProductShape &one = trials[members.front()].shape;
    references.push_back({one, getReference(*portable, one)});
  }
  if (Error error =
          ProductLibrary::compile(*portable, references).moveInto(generic))
    return error;
  return ProductLibrary::compile(target, trials).moveInto(library);
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

Error Tuner::measure(const std::string &shape, ArrayRef<unsigned> members) {
  if (options.onShape)
    options.onShape(shape);
  unsigned number = byShape.find(shape) - byShape.begin();
  ProductBench bench(references[number], generic->get(number));
  TrialOptions settings;
  settings.seconds = options.seconds;
  std::vector<MeasuredProduct> measured;
  for (unsigned i : members) {
    settings.threads = trials[i].shape.tokens == 1 ? options.threads : 1;
    Expected<ProductTime> time =
        bench.measure(trials[i].strategy, library->get(i), settings);
    if (!time)
      return time.takeError();
    measured.push_back({trials[i], llvm::join(projections[i], ", "), *time});
  }
  llvm::stable_sort(measured, [](const auto &a, const auto &b) {
    return std::tuple(!a.time.isExact, a.time.seconds) <
           std::tuple(!b.time.isExact, b.time.seconds);
  });
  llvm::append_range(result.products, measured);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

void Tuner::choose() {
  for (const MeasuredProduct &product : result.products)
    if (product.trial.strategy.layout && product.time.isExact)
      best.try_emplace(keyOf(product.trial.shape, product.trial.strategy),
                       &product);
  for (unsigned i = 0, end = WeightReaders::collect(module, target).size();
       i < end; ++i)
    if (std::optional<StrategyRule> rule = chooseFor(i))
      if (llvm::none_of(result.rules, [&](const StrategyRule &other) {
            return other.weight == rule->weight;
          }))
        result.rules.push_back(std::move(*rule));
}

/// Times in place of costs; nanoseconds, of which a plan counts thousands.
std::optional<StrategyRule> Tuner::chooseFor(unsigned weight) {
  auto find = [&](const Strategy &strategy, const ProductShape &shape) {
    auto found =
        strategy.kernels ? best.find(keyOf(shape, strategy)) : best.end();
    return found == best.end() ? nullptr : found->second;
  };
  auto measured = [&](const Strategy &strategy, const ProductShape &shape) {
    const MeasuredProduct *product = find(strategy, shape);
    return product ? product->time.seconds * 1e9 : 1e15;
  };
  WeightReaders readers =
      WeightReaders::collect(module, target, measured)[weight];
  std::vector<Plan> plans = readers.plan(ListUse::Cheaper);
  StringRef byCost = WeightReaders::collect(module, target)[weight]
                         .plan(ListUse::Cheaper)
                         .front()
                         .layoutName;
  const Plan *chosen = &plans.front();
  for (const Plan &plan : plans)
    if (plan.layoutName == byCost &&
        plan.total() < kNoise * plans.front().total())
      chosen = &plan;
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
  return rule;
}

Expected<TuneResult> tern::tuneProducts(ModuleOp module, TargetAttr target,
                                        const TuneOptions &options) {
  return Tuner(module, target, options).run();
}
