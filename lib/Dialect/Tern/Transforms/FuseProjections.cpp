//===- FuseProjections.cpp - Merge projections of the same input ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "tern-fuse-projections"

namespace tern {
#define GEN_PASS_DEF_FUSEPROJECTIONSPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// A gate or up projection of a ReLU^2 unit: up must stay on its own so that
/// its rows can be skipped.
bool feedsReLU2(BitLinearOp op) {
  return llvm::any_of(op->getUsers(), [](Operation *user) {
    auto glu = dyn_cast<GluOp>(user);
    return glu && glu.getKind() == GluKind::ReLU2;
  });
}

/// Projections that may become one weight: everything but the weight is equal.
using GroupKey = std::tuple<Block *, Value, Attribute, Value, Type, unsigned>;

/// Equal for scales that can be concatenated: one each, or one for each of any
/// number of rows, and of as many groups.
Type getScaleKind(BitLinearOp op) {
  auto type = cast<RankedTensorType>(op.getScale().getType());
  SmallVector<int64_t> shape(type.getShape());
  if (shape[0] != 1)
    shape[0] = ShapedType::kDynamic;
  return type.clone(shape);
}

std::optional<GroupKey> getGroupKey(BitLinearOp op) {
  auto weight = op.getWeight().getDefiningOp<GetWeightOp>();
  auto scale = op.getScale().getDefiningOp<GetWeightOp>();
  bool bias = op.getBias() != nullptr;
  if (!weight || !scale || op.getTopK() || op.getNumResults() != 1 ||
      (bias && !op.getBias().getDefiningOp<GetWeightOp>()) || feedsReLU2(op))
    return std::nullopt;
  return GroupKey{op->getBlock(),    op.getInput(),    op.getActQuant(),
                  weight.getLayer(), getScaleKind(op), bias};
}

using Groups = llvm::MapVector<GroupKey, SmallVector<BitLinearOp>>;

/// Projections of one input that only their scales or biases keep apart.
void explainApart(const Groups &groups) {
  for (const auto &[index, group] : llvm::enumerate(groups)) {
    auto [block, input, quant, layer, scale, bias] = group.first;
    for (const auto &before : ArrayRef(groups.begin(), index)) {
      auto [block1, input1, quant1, layer1, scale1, bias1] = before.first;
      if (block != block1 || input != input1 || quant != quant1 ||
          layer != layer1)
        continue;
      BitLinearOp op = group.second.front(), other = before.second.front();
      remark::missed(
          op.getLoc(),
          remark::RemarkOpts::name("ApartProjections")
              .category(DEBUG_TYPE)
              .function(op->getParentOfType<func::FuncOp>().getName()))
          << remark::reason("{0} is not merged with {1}, whose input it reads: "
                            "{2}",
                            op.getProjection(), other.getProjection(),
                            scale != scale1
                                ? "their scales are of different kinds"
                                : "only one of them has a bias");
      break;
    }
  }
}

/// Gate and up, which are apart on purpose.
void explainGates(func::FuncOp function) {
  function.walk([&](GluOp glu) {
    auto gate = glu.getGate().getDefiningOp<BitLinearOp>();
    auto up = glu.getUp().getDefiningOp<BitLinearOp>();
    if (glu.getKind() != GluKind::ReLU2 || !gate || !up)
      return;
    remark::analysis(glu.getLoc(), remark::RemarkOpts::name("Gates")
                                       .category(DEBUG_TYPE)
                                       .function(function.getName()))
        << remark::reason("{0} and {1} stay two products: rows of {1} behind "
                          "closed gates need not be read",
                          gate.getProjection(), up.getProjection());
  });
}

struct FuseProjections : tern::impl::FuseProjectionsPassBase<FuseProjections> {
  void runOnOperation() override {
    symbols.emplace(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Groups groups;
      function.walk([&](BitLinearOp op) {
        if (std::optional<GroupKey> key = getGroupKey(op))
          groups[*key].push_back(op);
      });
      explainApart(groups);
      explainGates(function);
      for (auto &[key, group] : groups)
        if (group.size() > 1)
          merge(group);
    }
  }

private:
  /// The weights read by `reads`, concatenated along rows, as one weight.
  WeightOp concatenate(ArrayRef<GetWeightOp> reads) {
    SmallVector<Attribute> sources;
    SmallVector<StringRef> names;
    int64_t rows = 0;
    WeightOp first;
    for (GetWeightOp read : reads) {
      auto weight = symbols->lookup<WeightOp>(read.getWeight());
      if (!first)
        first = weight;
      llvm::append_range(sources, weight.getSources());
      names.push_back(weight.getSymName());
      rows += cast<RankedTensorType>(weight.getType()).getDimSize(0);
    }
    std::string name = llvm::join(names, "+");
    if (auto existing = symbols->lookup<WeightOp>(name))
      return existing;
    auto type = cast<RankedTensorType>(first.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = rows;
    OpBuilder builder(first);
    auto merged = cast<WeightOp>(builder.clone(*first));
    merged.setSymName(name);
    merged.setSourcesAttr(builder.getArrayAttr(sources));
    merged.setTypeAttr(
        TypeAttr::get(RankedTensorType::get(shape, type.getElementType())));
    symbols->insert(merged, Block::iterator(first));
    return merged;
  }

  Value readMerged(OpBuilder &builder, ArrayRef<GetWeightOp> reads) {
    WeightOp merged = concatenate(reads);
    GetWeightOp first = reads.front();
    return GetWeightOp::create(builder, first.getLoc(), merged.getType(),
                               FlatSymbolRefAttr::get(merged.getSymNameAttr()),
                               first.getLayer());
  }

  void merge(ArrayRef<BitLinearOp> group) {
    SmallVector<GetWeightOp> weights, scales, biases;
    SmallVector<Type> types;
    SmallVector<Location> locs;
    SmallVector<std::string> names;
    for (BitLinearOp op : group) {
      weights.push_back(op.getWeight().getDefiningOp<GetWeightOp>());
      scales.push_back(op.getScale().getDefiningOp<GetWeightOp>());
      if (op.getBias())
        biases.push_back(op.getBias().getDefiningOp<GetWeightOp>());
      llvm::append_range(types, op.getResultTypes());
      locs.push_back(op.getLoc());
      names.push_back(op.getProjection().str());
    }
    BitLinearOp first = group.front();
    OpBuilder builder(first);
    Value weight = readMerged(builder, weights);
    Value scale = readMerged(builder, scales);
    Value bias = biases.empty() ? Value() : readMerged(builder, biases);
    auto merged = BitLinearOp::create(
        builder, builder.getFusedLoc(locs), types, llvm::join(names, "+"),
        first.getInput(), weight, scale, bias, first.getActQuant(), TopKAttr());
    LDBG() << "merged " << merged.getProjection();
    auto type = cast<RankedTensorType>(weight.getType());
    remark::passed(
        merged.getLoc(),
        remark::RemarkOpts::name("MergedProjections")
            .category(DEBUG_TYPE)
            .function(first->getParentOfType<func::FuncOp>().getName()))
        << remark::add("{0} are one product of {1} x {2} digits: they read one "
                       "input, quantized alike",
                       llvm::join(names, ", "), type.getDimSize(0),
                       type.getDimSize(1));
    for (auto [op, result] : llvm::zip_equal(group, merged.getResults())) {
      op->getResult(0).replaceAllUsesWith(result);
      op->erase();
    }
    numMerged += group.size() - 1;
    for (GetWeightOp read : llvm::concat<GetWeightOp>(weights, scales, biases))
      if (read->use_empty())
        read->erase();
  }

  std::optional<SymbolTable> symbols;
};

} // namespace
