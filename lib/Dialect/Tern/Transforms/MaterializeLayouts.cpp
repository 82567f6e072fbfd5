//===- MaterializeLayouts.cpp - Choose the bytes of ternary weights ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Choosing is the target's business (Target::pickLayout); this file finds out
// how a weight is used, asks, and records the answer in the types.

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "tern-materialize-layouts"

namespace tern {
#define GEN_PASS_DEF_MATERIALIZELAYOUTSPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// The most selective way in which any product touches the weight.
WeightAccess getAccess(ArrayRef<GetWeightOp> reads) {
  WeightAccess access = WeightAccess::Dense;
  for (GetWeightOp read : reads)
    for (Operation *user : read->getUsers())
      if (auto product = dyn_cast<MatmulOp>(user)) {
        if (product.getColumnIndices())
          return WeightAccess::ActiveColumns;
        if (product.getRowIndices())
          access = WeightAccess::ActiveRows;
      }
  return access;
}

/// The same for people.
StringRef describe(WeightAccess access) {
  switch (access) {
  case WeightAccess::Dense:
    return "every step reads all of it";
  case WeightAccess::ActiveRows:
    return "decode reads the rows behind open gates";
  case WeightAccess::ActiveColumns:
    return "decode reads the columns of activations that are not zero";
  }
  llvm_unreachable("all accesses are handled");
}

/// `codes` with zero columns up to `width`.
Value padColumns(OpBuilder &b, Location loc, Value codes, int64_t width) {
  auto type = cast<RankedTensorType>(codes.getType());
  int64_t columns = type.getDimSize(1);
  if (columns == width)
    return codes;
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  auto padded =
      RankedTensorType::get({type.getDimSize(0), width}, type.getElementType());
  SmallVector<OpFoldResult> low(2, b.getIndexAttr(0));
  SmallVector<OpFoldResult> high = {b.getIndexAttr(0),
                                    b.getIndexAttr(width - columns)};
  return tensor::PadOp::create(b, loc, padded, codes, low, high, zero);
}

/// `init` with `width` columns.
Value widenInit(OpBuilder &b, Location loc, Value init, int64_t width) {
  auto type = cast<RankedTensorType>(init.getType());
  if (auto fill = init.getDefiningOp<linalg::FillOp>()) {
    Value out = widenInit(b, loc, fill.getOutputs()[0], width);
    return linalg::FillOp::create(b, loc, fill.getInputs(), out).getResult(0);
  }
  if (!init.getDefiningOp<tensor::EmptyOp>())
    return padColumns(b, loc, init, width);
  SmallVector<OpFoldResult> sizes = {tensor::getMixedSize(b, loc, init, 0),
                                     b.getIndexAttr(width)};
  return tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
}

/// Gives the product's result `width` columns; its users see the first ones, as
/// many as there were.
void widenResult(MatmulOp product, int64_t width) {
  Value result = product.getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getDimSize(1) == width)
    return;
  OpBuilder b(product);
  Value init = widenInit(b, product.getLoc(), product.getInit(), width);
  product.getInitMutable().assign(init);
  result.setType(cast<RankedTensorType>(init.getType()));
  b.setInsertionPointAfter(product);
  SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, product->getLoc(), result, 0),
      b.getIndexAttr(type.getDimSize(1))};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  auto slice = tensor::ExtractSliceOp::create(b, product->getLoc(), type,
                                              result, offsets, sizes, strides);
  result.replaceUsesWithIf(slice, [&](OpOperand &use) {
    return use.getOwner() != slice && !isa<tensor::DimOp>(use.getOwner());
  });
}

struct MaterializeLayouts
    : tern::impl::MaterializeLayoutsPassBase<MaterializeLayouts> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetAttr target = TargetAttr::lookup(module);
    if (!target || !target.getTarget()) {
      InFlightDiagnostic error = module.emitError(
          "expected a `tern.target` that a registered target handles, got ");
      if (target)
        error << target;
      else
        error << "none";
      return signalPassFailure();
    }
    llvm::MapVector<StringAttr, SmallVector<GetWeightOp>> reads;
    module.walk([&](GetWeightOp read) {
      reads[read.getWeightAttr().getAttr()].push_back(read);
    });
    SymbolTable symbols(module);
    for (auto &[name, users] : reads) {
      auto weight = symbols.lookup<WeightOp>(name);
      auto type = cast<RankedTensorType>(weight.getType());
      if (isa<TritType>(type.getElementType()))
        pack(target, weight, type, users);
    }
    module.walk([&](MatmulOp product) {
      if (auto strategy = target.getTarget()->pickStrategy(target, product))
        product.setStrategyAttr(strategy);
    });
  }

private:
  void pack(TargetAttr target, WeightOp weight, RankedTensorType type,
            ArrayRef<GetWeightOp> reads) {
    int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
    WeightAccess access = getAccess(reads);
    Layout layout =
        target.getTarget()->pickLayout(target, access, rows, columns);
    auto attr = LayoutAttr::get(&getContext(), layout);
    LDBG() << weight.getSymName() << " -> " << attr;
    remark::analysis(weight.getLoc(),
                     remark::RemarkOpts::name("Layout").category(DEBUG_TYPE))
        << remark::reason("{0}: {1} x {2} digits in {3} bytes, layout {4}: {5}",
                          weight.getSymName(), rows, columns,
                          layout.storageBytes(rows, columns), layout.str(),
                          describe(access));
    auto packed =
        RankedTensorType::get(type.getShape(), type.getElementType(), attr);
    weight.setTypeAttr(TypeAttr::get(packed));
    for (GetWeightOp read : reads) {
      read.getResult().setType(attr.getGridType(type.getShape()));
      for (Operation *user : llvm::to_vector(read->getUsers()))
        if (auto product = dyn_cast<MatmulOp>(user))
          adapt(product, packed);
    }
    ++numWeights;
    numPaddedBytes += layout.storageBytes(rows, columns) -
                      layout.unpaddedBytes(rows, columns);
  }

  /// Says which weight the bytes are, and pads the other operands.
  static void adapt(MatmulOp product, RankedTensorType packed) {
    const Layout &layout = cast<LayoutAttr>(packed.getEncoding()).getLayout();
    product.setWeightType(packed);
    if (!product.getColumnIndices()) {
      OpBuilder b(product);
      product.getCodesMutable().assign(
          padColumns(b, product.getLoc(), product.getCodes(),
                     layout.paddedColumns(packed.getDimSize(1))));
    }
    widenResult(product, layout.paddedRows(packed.getDimSize(0)));
  }
};

} // namespace
