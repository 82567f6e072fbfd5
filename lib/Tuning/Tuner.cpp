//===- Tuner.cpp - Strategies by measurement ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/Tuner.h"

#include "tern/Artifact/TargetSelection.h"
#include "tern/Dialect/Tern/Transforms/WeightReaders.h"
#include "tern/Packing/LayoutFamilies.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <set>

using namespace mlir;
using namespace tern;
using llvm::Error;
using llvm::Expected;

namespace {

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
    result.threads = options.threads;
    result.rules = chooseMeasured(module, target, result.products);
    return std::move(result);
  }

private:
  void collect();
  void add(MatmulOp product, const ProductShape &shape, Strategy strategy,
           bool isOfTable);
  Error compile();
  Error measure(const std::string &shape, ArrayRef<unsigned> trials);

  ModuleOp module;
  TargetAttr target;
  const TuneOptions &options;
  TuneResult result;
  std::vector<ProductTrial> trials, references; ///< one reference per shape
  std::vector<bool> ofTable; ///< trials with the table's own distance
  std::vector<llvm::SetVector<StringRef>> projections; ///< of trials
  llvm::MapVector<std::string, SmallVector<unsigned>,
                  std::map<std::string, unsigned>>
      byShape;
  std::unique_ptr<ProductLibrary> library, generic;
};

} // namespace

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

void Tuner::add(MatmulOp product, const ProductShape &shape, Strategy strategy,
                bool isOfTable) {
  SmallVector<unsigned> &known = byShape[shape.str()];
  for (unsigned i : known)
    if (trials[i].strategy.kernels == strategy.kernels &&
        trials[i].strategy.layout == strategy.layout) {
      projections[i].insert(product.getProjection());
      return;
    }
  known.push_back(trials.size());
  trials.push_back({shape, std::move(strategy)});
  ofTable.push_back(isOfTable);
  projections.emplace_back();
  projections.back().insert(product.getProjection());
}

/// Distances that are worth a trial, beside the table's.
static SmallVector<int64_t> getDistances(const ProductShape &shape,
                                         const Strategy &strategy) {
  if (shape.listsRows || shape.listsColumns)
    return {4, 8, 16, 32};
  if (shape.tokens == 1 && strategy.layout &&
      (strategy.layout->outer == Axis::Row ||
       GroupsInLanes::match(*strategy.layout)))
    return {0, 1024, 4096};
  return {};
}

void Tuner::collect() {
  auto addAll = [&](MatmulOp product, const ProductShape &shape,
                    const Strategy &strategy) {
    add(product, shape, strategy, true);
    for (int64_t ahead : getDistances(shape, strategy)) {
      Strategy other = strategy;
      other.kernels = withAhead(strategy.kernels, ahead);
      add(product, shape, std::move(other), false);
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
  return ProductLibrary::compile(target, trials, options.threads)
      .moveInto(library);
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

Error Tuner::measure(const std::string &shape, ArrayRef<unsigned> members) {
  if (options.onShape)
    options.onShape(shape);
  unsigned number = byShape.find(shape) - byShape.begin();
  const ProductTrial &reference = references[number];
  ProductBench bench(reference.shape,
                     {reference.strategy, generic.get(), number});
  std::vector<Candidate> candidates;
  std::set<uint64_t> layouts;
  for (unsigned i : members) {
    candidates.push_back({trials[i].strategy, library.get(), i});
    if (const std::optional<Layout> &layout = trials[i].strategy.layout)
      layouts.insert(layout->fingerprint());
  }
  CopySize copies = getCopySize(layouts.size());
  if (!result.copies.bytes || copies.bytes < result.copies.bytes)
    result.copies = copies;
  TrialOptions settings;
  settings.threads = options.threads;
  settings.rounds = options.rounds;
  settings.weightBytes = copies.bytes;
  Expected<std::vector<ProductTime>> times =
      bench.measure(candidates, settings);
  if (!times)
    return times.takeError();
  std::vector<MeasuredProduct> measured;
  for (auto [i, time] : llvm::zip_equal(members, *times))
    measured.push_back(
        {trials[i], llvm::join(projections[i], ", "), time, ofTable[i]});
  llvm::stable_sort(measured, [](const auto &a, const auto &b) {
    return std::tuple(!a.time.isExact, a.time.seconds) <
           std::tuple(!b.time.isExact, b.time.seconds);
  });
  llvm::append_range(result.products, measured);
  return Error::success();
}

Expected<TuneResult> tern::tuneProducts(ModuleOp module, TargetAttr target,
                                        const TuneOptions &options) {
  return Tuner(module, target, options).run();
}
