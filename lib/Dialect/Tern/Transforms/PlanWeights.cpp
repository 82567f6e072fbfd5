//===- PlanWeights.cpp - Place weights in the artifact ===//
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

    int64_t end = 0;
    for (Operation *op : weights)
      if (!cast<WeightOp>(op).getPerLayer())
        end = place(cast<WeightOp>(op), end);
    int64_t layerStart = end;
    for (Operation *op : weights)
      if (cast<WeightOp>(op).getPerLayer())
        end = place(cast<WeightOp>(op), end);
    int64_t stride = end - layerStart;
    finish(module, weights, stride, layerStart + model.getLayers() * stride);
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
                              "tern-materialize-layouts leaves them, got ")
           << type;
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
                     int64_t stride, int64_t bytes) {
    Fingerprint fingerprint;
    fingerprint.addPrinted(ModelAttr::lookup(module));
    for (Operation *op : weights) {
      auto weight = cast<WeightOp>(op);
      fingerprint.add(weight.getSymName());
      fingerprint.addPrinted(weight.getType());
      fingerprint.add(stringifyWeightEncoding(weight.getEncoding()));
      fingerprint.addPrinted(*weight.getOffset());
    }
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
