//===- WeightReaders.cpp - Products of one weight -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightReaders.h"

#include "PackedProducts.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tern;

/// Tokens of prompt for each one that is generated. In a conversation the cache
/// keeps all that was read before, and answers are as long as questions.
static constexpr double kPromptShare = 1;

/// Of a ReLU^2 unit, the share of gates that are open and of activations that
/// are not zero: a third and a sixth (BitNet a4.8, arXiv 2411.04965, table 2).
static constexpr double kOpenGates = 1.0 / 3, kActiveFeatures = 1.0 / 6;

/// Issue slots of compacting one code.
static constexpr double kCompactionSlots = 6;

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

int64_t WeightReaders::getTokens(MatmulOp product) const {
  int64_t tokens =
      cast<RankedTensorType>(product.getCodes().getType()).getDimSize(0);
  return ShapedType::isDynamic(tokens) ? maxTokens : tokens;
}

double WeightReaders::getCycles(const Strategy &strategy,
                                const ProductShape &shape,
                                MatmulOp product) const {
  MachineSpeed speed = target.getTarget()->getSpeed(target);
  double share = shape.kind == ProductKind::ListedRows ? kOpenGates
                 : shape.kind == ProductKind::ListedColumns
                     ? getColumnShare(product)
                     : 1;
  double bytes =
      share * double(strategy.layout.storageBytes(shape.rows, shape.columns));
  double products = share * double(shape.rows) * double(shape.columns) *
                    double(getTokens(product));
  double memory = bytes / (strategy.walk == Walk::Runs ? speed.runBytes
                                                       : speed.streamBytes);
  double issue = products * strategy.slots / speed.issueWidth;
  double compaction =
      shape.kind == ProductKind::ListedColumns
          ? kCompactionSlots * double(shape.columns) / speed.issueWidth
          : 0;
  return std::max(memory, issue) + compaction;
}

void WeightReaders::addReadings(MatmulOp product, ListUse lists,
                                SmallVectorImpl<Reading> &readings) const {
  RankedTensorType type = product.getWeightTensorType();
  int64_t tokens = getTokens(product);
  ProductShape shape{type.getDimSize(0), type.getDimSize(1)};
  shape.tokens = tokens == 1    ? TokenClass::One
                 : tokens <= 16 ? TokenClass::Few
                                : TokenClass::Many;
  if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
    shape.integerBits = integer.getWidth();
  shape.lowest = product.getCodeRange()[0];
  shape.highest = product.getCodeRange()[1];
  if (product.getScales())
    shape.groupSize = product.getGroupSize();
  bool hasRows = bool(product.getRowIndices());
  bool hasColumns = bool(product.getColumnIndices());
  bool needsRows = hasRows && !mayReadAllRows(product);
  bool needsColumns = hasColumns && !mayReadAllColumns(product);
  auto add = [&](ProductKind kind, bool keepsRows, bool keepsColumns) {
    if ((needsRows && !keepsRows) || (needsColumns && !keepsColumns) ||
        (keepsRows && !hasRows) || (keepsColumns && !hasColumns))
      return;
    shape.kind = kind;
    for (Strategy &strategy :
         target.getTarget()->getStrategies(target, shape)) {
      double cycles = getCycles(strategy, shape, product);
      readings.push_back(
          {std::move(strategy), keepsRows, keepsColumns, cycles});
    }
  };
  add(product.getScales() ? ProductKind::Scaled : ProductKind::Dense, false,
      false);
  if (product.getScales() || (lists == ListUse::Never && !readings.empty()))
    return;
  add(ProductKind::ListedRows, true, false);
  add(ProductKind::ListedColumns, false, true);
}

SmallVector<Plan> WeightReaders::plan(ListUse lists) const {
  SmallVector<SmallVector<Reading>> readings(products.size());
  SmallVector<Plan> plans;
  for (auto [product, ways] : llvm::zip_equal(products, readings)) {
    addReadings(product, lists, ways);
    for (const Reading &way : ways)
      if (llvm::none_of(plans, [&](const Plan &plan) {
            return plan.layout == way.strategy.layout;
          }))
        plans.push_back({way.strategy.layout, way.strategy.layoutName, {}});
  }
  llvm::erase_if(plans, [&](Plan &plan) {
    for (auto [product, ways] : llvm::zip_equal(products, readings)) {
      auto isBetter = [&](const Reading &a, const Reading &b) {
        bool aSkips = a.keepsRows || a.keepsColumns;
        bool bSkips = b.keepsRows || b.keepsColumns;
        if (lists == ListUse::Always && aSkips != bSkips)
          return aSkips;
        return a.cycles < b.cycles;
      };
      const Reading *best = nullptr;
      for (const Reading &way : ways)
        if (way.strategy.layout == plan.layout &&
            (!best || isBetter(way, *best)))
          best = &way;
      if (!best)
        return true;
      plan.readings.push_back(*best);
      double tokens = getTokens(product), cycles = best->cycles / 1000;
      if (tokens == 1)
        plan.decode += cycles;
      else
        plan.prefill += cycles * kPromptShare / tokens;
    }
    return false;
  });
  llvm::stable_sort(plans, [](const Plan &a, const Plan &b) {
    return a.total() < b.total();
  });
  return plans;
}
