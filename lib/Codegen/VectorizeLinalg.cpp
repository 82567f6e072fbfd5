//===- VectorizeLinalg.cpp - Elementwise linalg on buffers to vectors -----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenRows.h"

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/TilingInterface.h"

#define DEBUG_TYPE "tern-vectorize-linalg"

namespace tern {
#define GEN_PASS_DEF_VECTORIZELINALGPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Why `operand` cannot be read or written at one place of its innermost
/// dimension per lane; null if it can.
const char *getObstacle(AffineMap map, MemRefType type, unsigned lanesDim) {
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!isa<AffineDimExpr>(expr) && !(expr == 0))
      return "expected every index to be a loop or zero";
    if (expr.isFunctionOfDim(lanesDim) && i + 1 != map.getNumResults())
      return "expected the innermost loop to walk the innermost dimension";
  }
  if (map.isFunctionOfDim(lanesDim)) {
    if (!type.isLastDimUnitStride())
      return "expected elements next to each other";
    Type element = type.getElementType();
    if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8)
      return "expected elements of whole bytes";
  }
  return nullptr;
}

/// Bufferization leaves such copies where a result was written in place.
bool copiesToItself(Operation *op) {
  auto copy = dyn_cast<linalg::CopyOp>(op);
  return copy && copy.getInputs()[0] == copy.getOutputs()[0];
}

/// Why `op` cannot become vectors; null if it can.
const char *getObstacle(linalg::GenericOp op) {
  if (op.getNumLoops() == 0 || op.getNumParallelLoops() != op.getNumLoops())
    return "expected parallel loops";
  for (auto [map, operand] :
       llvm::zip_equal(op.getIndexingMapsArray(), op->getOperands())) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      continue; // a scalar
    if (const char *why = getObstacle(map, type, op.getNumLoops() - 1))
      return why;
  }
  for (OpOperand &out : op.getDpsInitsMutable())
    if (op.getMatchingIndexingMap(&out).getNumResults() != op.getNumLoops())
      return "expected every iteration to write an element of its own";
  for (Operation &nested : op.getBody()->without_terminator())
    if (!nested.hasTrait<OpTrait::ConstantLike>() &&
        !OpTrait::hasElementwiseMappableTraits(&nested))
      return "expected elementwise operations only";
  return nullptr;
}

/// `op` on one tile of `sizes`, inside loops over all; a size of 0 is all of a
/// loop.
FailureOr<linalg::GenericOp> tile(RewriterBase &rewriter, linalg::GenericOp op,
                                  ArrayRef<int64_t> sizes) {
  if (llvm::all_of(sizes, [](int64_t size) { return size == 0; }))
    return op;
  scf::SCFTilingOptions options;
  options.setTileSizes(getAsIndexOpFoldResult(op.getContext(), sizes));
  rewriter.setInsertionPoint(op);
  FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(
      rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return failure();
  rewriter.eraseOp(op);
  return cast<linalg::GenericOp>(tiled->tiledOps.front());
}

/// The whole vectors of a row, and the rest of it if there is one.
SmallVector<linalg::GenericOp> splitRow(RewriterBase &rewriter,
                                        linalg::GenericOp row, int64_t lanes) {
  int64_t size = row.getStaticLoopRanges().back(), rest = size % lanes;
  if (rest == 0 || rest == size)
    return {row};
  rewriter.setInsertionPoint(row);
  auto [whole, last] = linalg::splitOp(
      rewriter, cast<TilingInterface>(row.getOperation()),
      row.getNumLoops() - 1, rewriter.getIndexAttr(size - rest));
  return {cast<linalg::GenericOp>(whole.getOperation()),
          cast<linalg::GenericOp>(last.getOperation())};
}

/// True if iterations of `op` write what no other one touches.
bool areIterationsApart(linalg::GenericOp op) {
  for (OpOperand &out : op.getDpsInitsMutable()) {
    Value written = getRowBase(out.get()).buffer;
    for (OpOperand &other : op->getOpOperands())
      if (isa<MemRefType>(other.get().getType()) &&
          getRowBase(other.get()).buffer == written &&
          (other.get() != out.get() || op.getMatchingIndexingMap(&other) !=
                                           op.getMatchingIndexingMap(&out)))
        return false;
  }
  return true;
}

/// Says of the loop around `vector` in `parent` what a device's warps share.
void markLoop(Operation *vector, Operation *parent) {
  Operation *outermost = nullptr;
  for (Operation *op = vector->getParentOp(); op != parent;
       op = op->getParentOp())
    outermost = op;
  if (!outermost)
    return;
  auto mark = UnitAttr::get(vector->getContext());
  outermost->setAttr(kByWarpsAttr, mark);
  outermost->setAttr(kElementwiseAttr, mark);
}

/// Makes `op`, which has no obstacle, loops over vectors of `lanes` elements.
LogicalResult vectorizeRows(RewriterBase &rewriter, linalg::GenericOp op,
                            int64_t lanes) {
  Operation *parent = op->getParentOp();
  bool isMarked = getDevice(op) && areIterationsApart(op);
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  for (int64_t &size : sizes)
    size = size != 1;
  sizes.back() = 0;
  FailureOr<linalg::GenericOp> row = tile(rewriter, op, sizes);
  if (failed(row))
    return failure();
  for (linalg::GenericOp part : splitRow(rewriter, *row, lanes)) {
    sizes.assign(sizes.size(), 0);
    if (part.getStaticLoopRanges().back() > lanes)
      sizes.back() = lanes;
    FailureOr<linalg::GenericOp> vector = tile(rewriter, part, sizes);
    if (failed(vector))
      return failure();
    if (isMarked)
      markLoop(*vector, parent);
    rewriter.setInsertionPoint(*vector);
    if (failed(linalg::vectorize(rewriter, *vector)))
      return failure();
    rewriter.eraseOp(*vector);
  }
  return success();
}

struct VectorizeLinalg : tern::impl::VectorizeLinalgPassBase<VectorizeLinalg> {
  using VectorizeLinalgPassBase::VectorizeLinalgPassBase;

  /// `op` as a linalg.generic; null if it has no such form.
  linalg::GenericOp generalize(IRRewriter &rewriter, Operation *op) {
    rewriter.setInsertionPoint(op);
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      auto generic = linalg::makeMemRefCopyOp(
          rewriter, op->getLoc(), copy.getSource(), copy.getTarget());
      rewriter.eraseOp(op);
      return generic;
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      return generic;
    auto generic =
        linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
    return succeeded(generic) ? *generic : nullptr;
  }

  int64_t getLanes(Operation *op) {
    return lanes != 0 ? int64_t(lanes) : tern::getRowLanes(op);
  }

  LogicalResult expand(IRRewriter &rewriter, linalg::LinalgOp op) {
    rewriter.setInsertionPoint(op);
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    const char *why = generic ? getObstacle(generic)
                              : "expected an operation with a general form";
    int64_t size = why ? 1 : generic.getStaticLoopRanges().back();
    if (!why && !ShapedType::isDynamic(size) && size != 1 &&
        getLanes(op) != 1) {
      ++numVectorized;
      if (failed(vectorizeRows(rewriter, generic, getLanes(op))))
        return emitError(op.getLoc(),
                         "expected an operation that can be made vectors");
      return success();
    }
    if (why)
      remark::missed(
          op.getLoc(),
          remark::RemarkOpts::name("ScalarLoops").category(DEBUG_TYPE))
          << remark::reason("{0}", why);
    if (failed(linalg::linalgOpToLoops(rewriter, op)))
      return op.emitOpError("expected an operation with a loop form");
    rewriter.eraseOp(op);
    return success();
  }

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<memref::CopyOp, linalg::LinalgOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      if (copiesToItself(op)) {
        rewriter.eraseOp(op);
        continue;
      }
      auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
      if (linalgOp && !linalgOp.hasPureBufferSemantics()) {
        op->emitOpError("expected buffers, but got tensors");
        return signalPassFailure();
      }
      if (linalg::GenericOp generic = generalize(rewriter, op))
        linalgOp = generic;
      if (failed(expand(rewriter, linalgOp)))
        return signalPassFailure();
    }
  }
};

} // namespace
