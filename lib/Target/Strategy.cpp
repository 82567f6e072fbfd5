//===- Strategy.cpp - Costs of products -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/Strategy.h"

#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

/// Issue slots of one digit times one code in loops that know any layout.
static constexpr double kPortableSlots = 8;

/// Issue slots of compacting one code.
static constexpr double kCompactionSlots = 6;

/// While codes are prepared for a tile of columns, the stream of weights stops,
/// and it begins anew: together that many times the slots of preparing them.
static constexpr double kRestart = 20;

namespace {
/// A weight as it is stored, in numbers that may be parts of a whole.
struct StoredSize {
  double rows, columns, bytes;
};
} // namespace

static StoredSize getStoredSize(const Strategy &strategy,
                                const ProductShape &shape) {
  if (!strategy.layout)
    return {double(shape.rows), double(shape.columns),
            double(shape.rows) * double(shape.columns)};
  const Layout &layout = *strategy.layout;
  return {double(layout.paddedRows(shape.rows)),
          double(layout.paddedColumns(shape.columns)),
          double(layout.storageBytes(shape.rows, shape.columns))};
}

/// Each kernel takes as many tokens as it can, the next one those that are
/// left, and the last one all of these.
static void addKernels(StrategyAttr kernels, const StoredSize &size,
                       const ProductShape &shape, ProductCost &cost) {
  int64_t left = shape.tokens;
  for (unsigned i = 0; i < kernels.getKernels().size() && left; ++i) {
    MicroKernelAttrInterface kernel = kernels.getKernel(i);
    MicroTile tile = kernel.getTile();
    MicroCost step = kernel.getCost();
    bool isLast = i + 1 == kernels.getKernels().size();
    int64_t groups =
        isLast ? llvm::divideCeil(left, tile.tokens) : left / tile.tokens;
    left -= groups * tile.tokens;
    double steps = size.rows / double(tile.rows) * size.columns /
                   double(tile.columns) * shape.share;
    cost.slots += double(groups) * steps * double(step.slots);
    if (shape.groupSize)
      cost.slots += double(groups) * size.rows / double(tile.rows) *
                    size.columns / double(shape.groupSize) *
                    double(step.groupSlots);
    cost.before +=
        double(groups * tile.tokens) * size.columns * step.setupSlots;
    if (MicroPreparation preparation = kernel.getPreparation();
        preparation.steps)
      cost.before +=
          kRestart * size.columns * step.setupSlots *
          double(llvm::divideCeil(groups * tile.tokens, preparation.tokens));
  }
}

ProductCost tern::rate(const Strategy &strategy, const ProductShape &shape,
                       const MachineSpeed &speed) {
  StoredSize size = getStoredSize(strategy, shape);
  ProductCost cost{};
  cost.bytes = shape.share * size.bytes;
  if (StrategyAttr rated = strategy.rated ? strategy.rated : strategy.kernels)
    addKernels(rated, size, shape, cost);
  else
    cost.slots = kPortableSlots * shape.share * size.rows * size.columns *
                 double(shape.tokens);
  if (strategy.recodeTokens)
    cost.slots += strategy.recodeSlots * cost.bytes *
                  double(llvm::divideCeil(shape.tokens, strategy.recodeTokens));
  if (shape.listsColumns)
    cost.before += kCompactionSlots * double(shape.columns);
  bool isRuns = shape.listsRows || shape.listsColumns;
  double bandwidth = isRuns ? speed.runBytes * strategy.speed.runs
                            : speed.streamBytes * strategy.speed.reach;
  double issue = cost.slots * strategy.speed.stall / speed.issueWidth;
  cost.cycles =
      std::max(cost.bytes / bandwidth, issue) + cost.before / speed.issueWidth;
  return cost;
}

Strategy tern::getPortableStrategy(StringRef layoutName, const Layout &layout) {
  Strategy strategy;
  strategy.layoutName = layoutName;
  strategy.layout = layout;
  return strategy;
}

StringRef tern::getReasonAgainst(const Strategy &strategy,
                                 const ProductShape &shape) {
  if ((shape.integerBits == 8) != !strategy.layout)
    return strategy.layout ? "expected a weight in a layout"
                           : "expected rows of int8";
  if (shape.layout && !(shape.layout == strategy.layout))
    return "expected a weight in another layout";
  if (!strategy.kernels)
    return "";
  ProductShape stored = shape;
  stored.layout = strategy.layout;
  return stored.getReasonAgainst(strategy.kernels);
}

StrategyAttr tern::findStrategy(TargetAttr target, MatmulOp product) {
  ProductShape shape = ProductShape::of(product);
  if (shape.integerBits != 8 && !shape.layout)
    return {};
  MachineSpeed speed = target.getTarget()->getSpeed(target);
  StrategyAttr best;
  double least = 0;
  for (const Strategy &strategy :
       target.getTarget()->getStrategies(target, shape)) {
    if (!strategy.kernels || !getReasonAgainst(strategy, shape).empty())
      continue;
    double cycles = rate(strategy, shape, speed).cycles;
    if (!best || cycles < least) {
      best = strategy.kernels;
      least = cycles;
    }
  }
  return best;
}
