//===- PlanWeights.cpp - Place weights in the artifact ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/LayerKinds.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "tern-plan-weights"

namespace tern {
#define GEN_PASS_DEF_PLANWEIGHTSPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

int64_t tern::getWeightBytes(RankedTensorType type) {
  if (auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    return layout.getStorageBytes(type.getShape());
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

namespace {

constexpr int64_t kAlignment = 64;

/// FNV-1a, so that the fingerprint is the same in every version and build.
struct Fingerprint {
  uint64_t hash = 0xcbf29ce484222325ull;
  void add(StringRef text) {
    for (unsigned char c : text)
      hash = (hash ^ c) * 0x100000001b3ull;
    hash = (hash ^ 0xffu) * 0x100000001b3ull;
  }
  template <typename T> void addPrinted(const T &value) {
    std::string text;
    llvm::raw_string_ostream(text) << value;
    add(text);
  }
};

struct PlanWeights : tern::impl::PlanWeightsPassBase<PlanWeights> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    if (!model) {
      module.emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    llvm::SetVector<Operation *> weights = collectInReadingOrder(module);
    for (Operation *op : weights)
      if (failed(hasBytes(cast<WeightOp>(op))))
        return signalPassFailure();
    for (WeightOp weight :
         llvm::make_early_inc_range(module.getOps<WeightOp>()))
      if (!weights.contains(weight))
        weight.erase();

    LayerKinds kinds = LayerKinds::of(module);
    DenseMap<Operation *, unsigned> kindOfWeight;
    if (failed(findKinds(module, kinds, kindOfWeight)))
      return signalPassFailure();
    int64_t end = 0;
    for (Operation *op : weights)
      if (!cast<WeightOp>(op).getPerLayer())
        end = place(cast<WeightOp>(op), end);
    Builder b(&getContext());
    int64_t stride = 0;
    for (auto [kind, name] : llvm::enumerate(kinds.names())) {
      int64_t start = end;
      SmallVector<WeightOp> own;
      for (Operation *op : weights)
        if (auto weight = cast<WeightOp>(op);
            weight.getPerLayer() && kindOfWeight.lookup(op) == kind) {
          end = place(weight, end);
          own.push_back(weight);
        }
      stride = end - start;
      end = start + kinds.count(kind) * stride;
      if (kinds.names().size() == 1)
        continue;
      for (WeightOp weight : own) {
        weight.setKindAttr(b.getStringAttr(name));
        weight.setStrideAttr(b.getI64IntegerAttr(stride));
      }
    }
    finish(module, weights, kinds, stride, end);
  }

private:
  /// Weights in the order in which functions first read them.
  static llvm::SetVector<Operation *> collectInReadingOrder(ModuleOp module) {
    SymbolTable symbols(module);
    llvm::SetVector<Operation *> weights;
    module.walk([&](GetWeightOp read) {
      weights.insert(symbols.lookup<WeightOp>(read.getWeight()));
    });
    return weights;
  }

  static LogicalResult hasBytes(WeightOp weight) {
    auto type = cast<RankedTensorType>(weight.getType());
    if (isa_and_present<LayoutAttr>(type.getEncoding()) ||
        type.getElementType().isIntOrFloat())
      return success();
    return weight.emitOpError("expected numbers or digits with a layout, as "
                              "tern-select-strategies leaves them, got ")
           << type;
  }

  /// The kind whose functions read a weight of layers: one has its instances.
  static LogicalResult
  findKinds(ModuleOp module, const LayerKinds &kinds,
            DenseMap<Operation *, unsigned> &kindOfWeight) {
    SymbolTable symbols(module);
    for (auto function : module.getOps<func::FuncOp>()) {
      unsigned kind = kinds.numberOf(kinds.kindOf(function.getSymName()));
      WalkResult result = function.walk([&](GetWeightOp read) {
        auto weight = symbols.lookup<WeightOp>(read.getWeight());
        if (!weight.getPerLayer() || kinds.names().size() == 1)
          return WalkResult::advance();
        if (kind == kinds.names().size())
          return WalkResult(read.emitOpError(
              "expected a weight of layers to be read by a kind's function"));
        auto [entry, isNew] = kindOfWeight.try_emplace(weight, kind);
        if (!isNew && entry->second != kind)
          return WalkResult(read.emitOpError("expected a weight of one kind of "
                                             "layers, which ")
                            << kinds.names()[entry->second] << " reads too");
        return WalkResult::advance();
      });
      if (result.wasInterrupted())
        return failure();
    }
    return success();
  }

  int64_t place(WeightOp weight, int64_t offset) {
    weight.setOffset(offset);
    ++numPlanned;
    return offset + llvm::alignTo(getWeightBytes(
                                      cast<RankedTensorType>(weight.getType())),
                                  kAlignment);
  }

  static void finish(ModuleOp module,
                     const llvm::SetVector<Operation *> &weights,
                     const LayerKinds &kinds, int64_t stride, int64_t bytes) {
    Fingerprint fingerprint;
    fingerprint.addPrinted(ModelAttr::lookup(module));
    for (Operation *op : weights) {
      auto weight = cast<WeightOp>(op);
      fingerprint.add(weight.getSymName());
      fingerprint.addPrinted(weight.getType());
      fingerprint.add(stringifyWeightEncoding(weight.getEncoding()));
      fingerprint.addPrinted(*weight.getOffset());
      if (weight.getKind())
        fingerprint.add(*weight.getKind());
    }
    // Which layer lies where depends on their order, too.
    if (kinds.names().size() > 1)
      for (LayerKinds::Layer layer : kinds.layers())
        fingerprint.addPrinted(layer.kind);
    remark::analysis(module.getLoc(),
                     remark::RemarkOpts::name("Weights").category(DEBUG_TYPE))
        << remark::reason("{0} weights take {1} bytes, {2} of them in each "
                          "layer",
                          weights.size(), bytes, stride);
    Builder b(module.getContext());
    module->setAttr(TernDialect::kLayerStrideAttr, b.getI64IntegerAttr(stride));
    module->setAttr(TernDialect::kWeightsBytesAttr, b.getI64IntegerAttr(bytes));
    module->setAttr(TernDialect::kWeightsIdAttr,
                    b.getIntegerAttr(b.getIntegerType(64, false),
                                     APInt(64, fingerprint.hash)));
  }
};

} // namespace
