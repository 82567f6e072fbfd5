//===- VectorizeLinalg.cpp - Elementwise linalg on buffers to vectors -----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Written out; the pass's description says why upstream's steps are not taken.
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "tern-vectorize-linalg"

namespace tern {
#define GEN_PASS_DEF_VECTORIZELINALGPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;

namespace {

/// Why `operand` cannot be read or written at one place of its innermost
/// dimension per lane; null if it can.
const char *getObstacle(AffineMap map, MemRefType type, unsigned lanesDim) {
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!isa<AffineDimExpr, AffineConstantExpr>(expr))
      return "expected every index to be a loop or a constant";
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

/// Emits the loops of one elementwise linalg.generic.
class RowVectorizer {
public:
  RowVectorizer(OpBuilder &builder, linalg::GenericOp op)
      : b(op.getLoc(), builder), op(op), maps(op.getIndexingMapsArray()),
        indices(op.getNumLoops()) {}

  void run(int64_t lanes) {
    auto linalgOp = cast<linalg::LinalgOp>(op.getOperation());
    SmallVector<Range> ranges = linalgOp.createLoopRanges(b, b.getLoc());
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    for (unsigned dim = 0; dim + 1 < sizes.size(); ++dim)
      indices[dim] = enterLoop(ranges[dim].size, sizes[dim]);
    hoistScalars();

    int64_t size = sizes.back();
    if (ShapedType::isDynamic(size) || size == 1 || lanes == 1) {
      indices.back() = enterLoop(ranges.back().size, size);
      emit(/*width=*/0);
      return;
    }
    int64_t whole = size / lanes * lanes;
    if (whole != 0) {
      OpBuilder::InsertionGuard guard(b);
      indices.back() = whole == lanes ? buildIndex(0) : enterLoop(whole, lanes);
      emit(lanes);
    }
    if (whole != size) {
      indices.back() = buildIndex(whole);
      emit(size - whole);
    }
  }

private:
  Value buildIndex(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  /// From here on code is emitted inside a loop over `size`; returns its index.
  Value enterLoop(OpFoldResult size, int64_t staticSize) {
    if (staticSize == 1)
      return buildIndex(0);
    Value bound = getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
    return enterLoop(bound, buildIndex(1));
  }
  Value enterLoop(int64_t size, int64_t step) {
    return enterLoop(buildIndex(size), buildIndex(step));
  }
  Value enterLoop(Value size, Value step) {
    auto loop = scf::ForOp::create(b, buildIndex(0), size, step);
    b.setInsertionPointToStart(loop.getBody());
    return loop.getInductionVar();
  }

  bool isAlongLanes(unsigned operand) {
    return maps[operand].isFunctionOfDim(op.getNumLoops() - 1);
  }

  /// Indices into operand number `operand` at the current place.
  SmallVector<Value> getIndices(unsigned operand) {
    return llvm::map_to_vector(
        maps[operand].getResults(), [&](AffineExpr expr) -> Value {
          if (auto dim = dyn_cast<AffineDimExpr>(expr))
            return indices[dim.getPosition()];
          return buildIndex(cast<AffineConstantExpr>(expr).getValue());
        });
  }

  /// Loads what is the same for all lanes before the innermost loop: a store in
  /// the loop would keep LLVM from moving the load.
  void hoistScalars() {
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (isAlongLanes(i) || op.getBody()->getArgument(i).use_empty())
        continue;
      Value scalar = operand;
      if (isa<MemRefType>(operand.getType()))
        scalar = memref::LoadOp::create(b, operand, getIndices(i));
      scalars.map(op.getBody()->getArgument(i), scalar);
    }
  }

  static Type getLanesType(Type element, int64_t width) {
    return width == 0 ? element : VectorType::get(width, element);
  }

  /// `width` lanes with the value of `scalar`.
  Value spread(Value scalar, int64_t width) {
    if (width == 0)
      return scalar;
    return vector::BroadcastOp::create(b, getLanesType(scalar.getType(), width),
                                       scalar);
  }

  Value load(unsigned operand, int64_t width) {
    Value memref = op->getOperand(operand);
    SmallVector<Value> place = getIndices(operand);
    if (width == 0)
      return memref::LoadOp::create(b, memref, place);
    Type element = cast<MemRefType>(memref.getType()).getElementType();
    return vector::LoadOp::create(
        b, cast<VectorType>(getLanesType(element, width)), memref, place);
  }

  void store(Value value, unsigned operand, int64_t width) {
    Value memref = op->getOperand(operand);
    if (width == 0)
      memref::StoreOp::create(b, value, memref, getIndices(operand));
    else
      vector::StoreOp::create(b, value, memref, getIndices(operand));
  }

  /// The body at the current place, for `width` lanes or, if 0, one element.
  void emit(int64_t width) {
    IRMapping lanes;
    for (BlockArgument argument : op.getBody()->getArguments()) {
      if (argument.use_empty())
        continue;
      lanes.map(argument, isAlongLanes(argument.getArgNumber())
                              ? load(argument.getArgNumber(), width)
                              : spread(scalars.lookup(argument), width));
    }
    auto get = [&](Value value) {
      if (!lanes.contains(value)) // from outside of the body
        lanes.map(value, spread(value, width));
      return lanes.lookup(value);
    };
    for (Operation &nested : op.getBody()->without_terminator()) {
      for (Value operand : nested.getOperands())
        get(operand);
      emit(&nested, width, lanes);
    }
    unsigned firstOut = op.getNumDpsInputs();
    for (auto [i, value] :
         llvm::enumerate(op.getBody()->getTerminator()->getOperands()))
      store(get(value), firstOut + i, width);
  }

  void emit(Operation *nested, int64_t width, IRMapping &lanes) {
    if (nested->hasTrait<OpTrait::ConstantLike>()) {
      lanes.map(nested->getResult(0),
                spread(b.clone(*nested)->getResult(0), width));
      return;
    }
    Operation *clone = b.clone(*nested, lanes);
    for (auto [result, original] :
         llvm::zip_equal(clone->getResults(), nested->getResults()))
      result.setType(getLanesType(original.getType(), width));
  }

  ImplicitLocOpBuilder b;
  linalg::GenericOp op;
  SmallVector<AffineMap> maps;
  SmallVector<Value> indices; // of the loops entered so far
  IRMapping scalars;
};

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

  LogicalResult vectorize(IRRewriter &rewriter, linalg::LinalgOp op) {
    rewriter.setInsertionPoint(op);
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    const char *why = generic ? getObstacle(generic)
                              : "expected an operation with a general form";
    if (!why) {
      RowVectorizer(rewriter, generic).run(getLanes(op));
      ++numVectorized;
    } else {
      remark::missed(
          op.getLoc(),
          remark::RemarkOpts::name("ScalarLoops").category(DEBUG_TYPE))
          << remark::reason("{0}", why);
      if (failed(linalg::linalgOpToLoops(rewriter, op)))
        return op.emitOpError("expected an operation with a loop form");
    }
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
      if (failed(vectorize(rewriter, linalgOp)))
        return signalPassFailure();
    }
  }
};

} // namespace
