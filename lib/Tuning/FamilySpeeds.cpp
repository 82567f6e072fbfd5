//===- FamilySpeeds.cpp - Numbers of a CPU family -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/FamilySpeeds.h"

#include "ProductCode.h"

#include "tern/Target/Target.h"
#include "tern/Tuning/WeightCopies.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <set>

using namespace mlir;
using namespace tern;
using llvm::Error;
using llvm::Expected;

/// A second level cache holds the weight of as many rows, and the first level
/// one the codes of a token.
static constexpr int64_t kColumns = 2560, kFewRows = 256, kManyRows = 2560;

EntrySpeed tern::fitEntry(const ProductTrial &trial, const EntryTimes &times,
                          const EntryTimes &first, const KernelSpeed &ofFirst) {
  auto slotsOf = [](const EntryTimes &entry, double stall) {
    return entry.cost.slots * stall + entry.cost.before;
  };
  double slotsPerSecond = slotsOf(first, ofFirst.stall) / first.cached.seconds;
  EntrySpeed speed{trial, {}, false, 0, 0, 0};
  speed.measured.stall =
      (times.cached.seconds * slotsPerSecond - times.cost.before) /
      times.cost.slots;
  speed.cached = times.cached.products / times.cached.seconds;
  speed.bytes = times.streamed.bytes / times.streamed.seconds;
  speed.measured.reach = ofFirst.reach * speed.bytes /
                         (first.streamed.bytes / first.streamed.seconds);
  // As fast from memory as from a cache: memory is not the bound.
  speed.isReachKnown =
      times.streamed.seconds > 1.1 * times.timesLarger * times.cached.seconds;
  speed.spread = std::max(times.cached.spread, times.streamed.spread);
  return speed;
}

namespace {

/// Products of one size, by all entries of the table that take them.
struct Trials {
  Trials(TargetAttr target, const ProductShape &shape) : shape(shape) {
    for (Strategy &strategy : target.getTarget()->getStrategies(target, shape))
      if (strategy.kernels && getReasonAgainst(strategy, shape).empty())
        trials.push_back({shape, strategy});
  }

  Error compile(TargetAttr target, unsigned threads) {
    return ProductLibrary::compile(target, trials, threads).moveInto(library);
  }
  /// With copies of `bytes` in all for each layout; 0: one, which stays in a
  /// cache.
  Expected<std::vector<ProductTime>> measure(TrialOptions options,
                                             uint64_t bytes) {
    std::vector<Candidate> candidates;
    for (auto [i, trial] : llvm::enumerate(trials))
      candidates.push_back({trial.strategy, library.get(), unsigned(i)});
    options.weightBytes = bytes;
    return ProductBench(shape, candidates.front()).measure(candidates, options);
  }
  unsigned countLayouts() const {
    std::set<uint64_t> layouts;
    for (const ProductTrial &trial : trials)
      layouts.insert(trial.strategy.layout->fingerprint());
    return layouts.size();
  }

  ProductShape shape;
  std::vector<ProductTrial> trials;
  std::unique_ptr<ProductLibrary> library;
};

} // namespace

static Error measureSize(TargetAttr target, ProductShape shape,
                         const TrialOptions &options,
                         std::vector<EntrySpeed> &speeds) {
  shape.rows = kFewRows;
  Trials small(target, shape);
  shape.rows = kManyRows;
  Trials large(target, shape);
  for (Trials *trials : {&small, &large})
    if (Error error = trials->compile(target, options.threads))
      return error;
  Expected<std::vector<ProductTime>> cached = small.measure(options, 0);
  if (!cached)
    return cached.takeError();
  Expected<std::vector<ProductTime>> streamed =
      large.measure(options, getCopySize(large.countLayouts()).bytes);
  if (!streamed)
    return streamed.takeError();
  MachineSpeed machine = target.getTarget()->getSpeed(target);
  std::vector<EntryTimes> times;
  for (auto [trial, inCache, fromMemory] :
       llvm::zip_equal(small.trials, *cached, *streamed))
    times.push_back({rate(trial.strategy, trial.shape, machine), inCache,
                     fromMemory, double(kManyRows) / double(kFewRows)});
  for (auto [trial, own] : llvm::zip_equal(small.trials, times))
    speeds.push_back(fitEntry(trial, own, times.front(),
                              small.trials.front().strategy.speed));
  return Error::success();
}

Expected<std::vector<EntrySpeed>>
tern::measureFamily(TargetAttr target, unsigned threads, unsigned rounds) {
  TrialOptions options;
  options.threads = threads;
  options.rounds = rounds;
  std::vector<EntrySpeed> speeds;
  for (int64_t tokens : {1, 8, 128})
    for (CodeRange codes : {CodeRange{-128, 127}, CodeRange{-8, 7}}) {
      ProductShape shape{kFewRows, kColumns};
      shape.tokens = tokens;
      shape.codes = codes;
      if (Error error = measureSize(target, shape, options, speeds))
        return std::move(error);
    }
  return speeds;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// All kinds of products, of rows that panels of any height divide.
static std::vector<ProductShape> listKinds() {
  std::vector<ProductShape> kinds;
  const ProductShape plain{/*rows=*/1536, kColumns};
  for (int64_t tokens : {1, 8, 128})
    for (CodeRange codes : {CodeRange{-128, 127}, CodeRange{-8, 7}}) {
      kinds.push_back(plain);
      kinds.back().tokens = tokens;
      kinds.back().codes = codes;
    }
  kinds.push_back(plain);
  kinds.back().listsRows = true;
  kinds.push_back(plain);
  kinds.back().listsColumns = true;
  kinds.push_back(plain);
  kinds.back().tokens = 128;
  kinds.back().density = 0.16;
  for (int64_t bits : {8, 6, 4}) {
    kinds.push_back(plain);
    kinds.back().integerBits = bits;
  }
  return kinds;
}

static std::string nameTrial(const ProductTrial &trial) {
  const ProductShape &shape = trial.shape;
  StrategyAttr kernels = trial.strategy.kernels;
  std::string name =
      llvm::formatv("t{0}.int{1}.", shape.tokens, shape.codes.low < -8 ? 8 : 4);
  if (shape.listsRows || shape.listsColumns)
    name += "listed.";
  name += shape.integerBits == 8 ? "rows" : trial.strategy.layoutName.str();
  if (shape.integerBits)
    name += llvm::formatv(".w{0}", shape.integerBits).str();
  if (LayoutAttr panel = kernels.getPanel())
    name += llvm::formatv(".{0}.{1}", kernels.getKernel(0).getKernelName(),
                          panel.getLayout().tileRows())
                .str();
  llvm::replace(name, ' ', '_');
  return name;
}

Expected<std::string> tern::emitFamily(TargetAttr target, StringRef layout) {
  std::vector<ProductTrial> trials;
  std::vector<std::string> names;
  std::set<std::string> known;
  auto isKnown = [&](const ProductTrial &trial) {
    return llvm::any_of(trials, [&](const ProductTrial &other) {
      return other.shape.tokens == trial.shape.tokens &&
             other.shape.listsRows == trial.shape.listsRows &&
             other.shape.listsColumns == trial.shape.listsColumns &&
             other.shape.integerBits == trial.shape.integerBits &&
             other.strategy.kernels == trial.strategy.kernels &&
             other.strategy.layout == trial.strategy.layout;
    });
  };
  for (const ProductShape &shape : listKinds())
    for (ProductTrial &trial : Trials(target, shape).trials) {
      if (!layout.empty() && trial.strategy.layoutName != layout)
        continue;
      std::string name = nameTrial(trial);
      if (isKnown(trial) || !known.insert(name).second)
        continue;
      names.push_back(std::move(name));
      trials.push_back(std::move(trial));
    }
  if (trials.empty())
    return llvm::createStringError(
        "no kernel reads '" + layout + "'; layouts: " +
        llvm::join(target.getTarget()->getLayoutNames(), ", "));
  Expected<std::unique_ptr<Emitter>> emitter =
      emitProducts(target, trials, names, /*isCalled=*/false);
  if (!emitter)
    return emitter.takeError();
  return (*emitter)->emitUncheckedObject();
}
