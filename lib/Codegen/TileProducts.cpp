//===- TileProducts.cpp - Products to loops around micro kernels ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductNest.h"

#include "tern/Codegen/Passes.h"
#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

#define DEBUG_TYPE "tern-tile-products"

namespace tern {
#define GEN_PASS_DEF_TILEPRODUCTSPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// The operation that tiling goes on with. It is found again by this mark after
/// each clean-up.
constexpr StringLiteral kRoot = "tern.tiling_root";

/// Bytes of the weight behind one row, or one column.
int64_t bytesOfLine(MatmulOp op, Axis line) {
  RankedTensorType type = op.getWeightTensorType();
  LayoutAttr attr = op.getLayout();
  if (!attr)
    return type.getDimSize(line == Axis::Row ? 1 : 0);
  const Layout layout = attr.getLayout();
  int64_t lines = line == Axis::Row ? layout.paddedRows(type.getDimSize(0))
                                    : layout.paddedColumns(type.getDimSize(1));
  int64_t shared = line == Axis::Row ? layout.wordRows() : layout.wordColumns();
  return attr.getStorageBytes(type.getShape()) / lines * shared;
}

int64_t bytesOfWeight(MatmulOp op) {
  RankedTensorType type = op.getWeightTensorType();
  if (LayoutAttr layout = op.getLayout())
    return layout.getStorageBytes(type.getShape());
  return type.getNumElements();
}

/// Tiles one product.
class Tiler {
public:
  Tiler(func::FuncOp function, const FrozenRewritePatternSet &cleanUps)
      : function(function), rewriter(function.getContext()),
        cleanUps(cleanUps) {}

  LogicalResult tile(MatmulOp op) {
    strategy = op.getStrategyAttr();
    describe(op);
    addCodeSums(op);
    countRead(op);
    op->setAttr(kRoot, rewriter.getUnitAttr());
    if (failed(op.getRowIndices() ? tileList(op) : tileUnits(op)) ||
        failed(tileRows()) || failed(tileTokens()))
      return failure();
    if (Operation *root = findRoot())
      root->removeAttr(kRoot);
    return success();
  }

private:
  using Loops = SmallVector<LoopLikeOpInterface>;

  static int64_t getTokens(MatmulOp op) {
    return cast<ShapedType>(op.getCodes().getType()).getDimSize(0);
  }

  MatmulOp findRoot() {
    MatmulOp root;
    function.walk([&](MatmulOp op) {
      if (op->hasAttr(kRoot))
        root = op;
    });
    return root;
  }

  void cleanUp() { (void)applyPatternsGreedily(function, cleanUps); }

  //===--------------------------------------------------------------------===//
  // Around the nest
  //===--------------------------------------------------------------------===//

  void describe(MatmulOp op) {
    MicroKernelAttrInterface kernel =
        strategy.getKernel(strategy.getKernels().size() - 1);
    RankedTensorType type = op.getWeightTensorType();
    StringRef list = op.getRowIndices()      ? ", listed rows"
                     : op.getColumnIndices() ? ", listed columns"
                                             : "";
    remark::passed(op.getLoc(), remark::RemarkOpts::name("Kernel")
                                    .category(DEBUG_TYPE)
                                    .function(function.getName()))
        << remark::add("{0}: {1}{2} of {3} x {4} {5}", op.getProjection(),
                       kernel.getKernelName(), list, type.getDimSize(0),
                       type.getDimSize(1),
                       op.getLayout()
                           ? "digits in " + op.getLayout().getLayout().str()
                           : std::string("int8"));
  }

  /// Weights with an offset need the sums of the codes, once for all rows.
  void addCodeSums(MatmulOp op) {
    if (!strategy.getKernel(0).getOffset())
      return;
    rewriter.setInsertionPoint(op);
    int64_t groups =
        op.getScales()
            ? cast<ShapedType>(op.getScales().getType()).getDimSize(1)
            : 1;
    auto type =
        RankedTensorType::get({getTokens(op), groups}, rewriter.getI32Type());
    Value sums =
        SumCodesOp::create(rewriter, op.getLoc(), TypeRange(type),
                           op.getCodes(), op.getColumnCount(), ValueRange())
            .getResult(0);
    op.getCodeSumsMutable().assign(sums);
  }

  Value getCount(Value count) {
    KernelBuilder b(count.getLoc(), rewriter);
    return b.toIndex(
        tensor::ExtractOp::create(b, count, ValueRange{b.index(0)}));
  }

  /// Ternary weights are counted; lists make a step read less.
  void countRead(MatmulOp op) {
    if (!op.getLayout())
      return;
    rewriter.setInsertionPointAfter(op);
    KernelBuilder b(op.getLoc(), rewriter);
    Value held = b.index(bytesOfWeight(op)), read = held;
    if (op.getRowIndices())
      read = b.mul(getCount(op.getRowCount()),
                   b.index(bytesOfLine(op, Axis::Row)));
    if (op.getColumnIndices()) {
      int64_t step = strategy.getKernel(0).getTile().columns;
      Value columns =
          b.mul(b.div(b.add(getCount(op.getColumnCount()), b.index(step - 1)),
                      b.index(step)),
                b.index(step));
      read = b.mul(columns, b.index(bytesOfLine(op, Axis::Column)));
    }
    CountReadOp::create(b, op.getProjectionAttr(), held, read);
  }

  void describeLoop(Operation *loop, MatmulOp op, int64_t bytes) {
    loop->setAttr("tern.name", op.getProjectionAttr());
    loop->setAttr("tern.bytes_per_iteration",
                  rewriter.getI64IntegerAttr(bytes));
  }

  //===--------------------------------------------------------------------===//
  // Levels
  //===--------------------------------------------------------------------===//

  FailureOr<Loops> tileRoot(int64_t tokens, int64_t steps, bool parallel) {
    MatmulOp root = findRoot();
    scf::SCFTilingOptions options;
    options.setTileSizes(
        {rewriter.getIndexAttr(tokens), rewriter.getIndexAttr(steps)});
    if (parallel)
      options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    rewriter.setInsertionPoint(root);
    auto tiled = scf::tileUsingSCF(
        rewriter, cast<TilingInterface>(root.getOperation()), options);
    if (failed(tiled))
      return root.emitOpError("expected a product that can be tiled"),
             failure();
    rewriter.replaceOp(root, tiled->replacements);
    return tiled->loops;
  }

  /// A parallel loop over units of rows. One unit is what a worker takes at
  /// least; the runtime hands them out in runs.
  LogicalResult tileUnits(MatmulOp op) {
    int64_t steps = cast<ShapedType>(op.getWeight().getType())
                        .getDimSize(op.getRowDimension());
    int64_t units = std::min(strategy.getUnits(), steps);
    // Not known before: a quarter of the columns is usual.
    int64_t bytes = bytesOfWeight(op) / (op.getColumnIndices() ? 4 : 1);
    FailureOr<Loops> loops = tileRoot(0, units, /*parallel=*/true);
    if (failed(loops))
      return failure();
    if (!loops->empty())
      describeLoop(loops->front(), op, bytes * units / steps);
    cleanUp();
    return success();
  }

  /// A parallel loop over a list of rows, each a product of its own.
  LogicalResult tileList(MatmulOp op) {
    rewriter.setInsertionPoint(op);
    KernelBuilder b(op.getLoc(), rewriter);
    Value count = getCount(op.getRowCount());
    SmallVector<OpFoldResult> from = {b.getIndexAttr(0)}, to = {count},
                              step = {b.getIndexAttr(1)};
    auto loop = scf::ForallOp::create(b, from, to, step, op.getInit(),
                                      /*mapping=*/std::nullopt);
    describeLoop(loop, op, bytesOfLine(op, Axis::Row));
    b.setInsertionPointToStart(loop.getBody());
    Value entry = loop.getInductionVar(0);
    prefetchRow(b, op, entry, count);
    Value row = getEntry(b, op.getRowIndices(), entry);
    MatmulOp product = takeRow(b, op, row, loop.getRegionIterArgs()[0]);
    b.setInsertionPointToStart(loop.getTerminator().getBody());
    SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), row},
                              ones(2, b.getIndexAttr(1));
    tensor::ParallelInsertSliceOp::create(b, product.getResult(0),
                                          loop.getRegionIterArgs()[0], offsets,
                                          ones, ones);
    rewriter.replaceOp(op, loop.getResults());
    cleanUp();
    return success();
  }

  static Value getEntry(KernelBuilder &b, Value list, Value at) {
    return b.toIndex(
        tensor::ExtractOp::create(b, list, ValueRange{b.index(0), at}));
  }

  /// The processor does not see the next row coming.
  void prefetchRow(KernelBuilder &b, MatmulOp op, Value entry, Value count) {
    if (!strategy.getPrefetch())
      return;
    Value last = b.sub(count, b.index(1));
    Value then =
        b.minUnsigned(b.add(entry, b.index(strategy.getPrefetch())), last);
    Value row = getEntry(b, op.getRowIndices(), then);
    SmallVector<Value> at(cast<ShapedType>(op.getWeight().getType()).getRank(),
                          b.index(0));
    at[op.getRowDimension()] = row;
    PrefetchOp::create(b, op.getWeight(), at, bytesOfLine(op, Axis::Row));
  }

  /// The product of one row of a list.
  MatmulOp takeRow(KernelBuilder &b, MatmulOp op, Value row, Value init) {
    auto slice = [&](Value source, unsigned dimension, OpFoldResult at) {
      SmallVector<OpFoldResult> sizes =
          tensor::getMixedSizes(b, b.getLoc(), source);
      SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
          strides(sizes.size(), b.getIndexAttr(1));
      offsets[dimension] = at;
      sizes[dimension] = b.getIndexAttr(1);
      return tensor::ExtractSliceOp::create(b, source, offsets, sizes, strides)
          .getResult();
    };
    Value out = slice(init, 1, row);
    Value weight = slice(op.getWeight(), op.getRowDimension(), row);
    Value scales = op.getScales() ? slice(op.getScales(), 0, row) : Value();
    auto product = cast<MatmulOp>(mlir::clone(
        b, op, {out.getType()}, SmallVector<Value>(op->getOperands())));
    product.getWeightMutable().assign(weight);
    product.getInitMutable().assign(out);
    if (scales)
      product.getScalesMutable().assign(scales);
    product.getRowIndicesMutable().clear();
    product.getRowCountMutable().clear();
    return product;
  }

  /// A unit's rows, as many as a kernel takes at a time.
  LogicalResult tileRows() {
    MatmulOp root = findRoot();
    int64_t steps = cast<ShapedType>(root.getWeight().getType())
                        .getDimSize(root.getRowDimension());
    MicroKernelAttrInterface kernel = strategy.getKernel(0);
    int64_t rows = kernel.getTile().rows * kernel.getParts().size();
    int64_t taken = rows / root.getRowsPerStep();
    if (steps == taken)
      return success();
    if (taken == 0 || steps % taken)
      return root.emitOpError("expected a strategy whose kernels take a part "
                              "of its units, but a unit has ")
             << steps << " steps of rows and a kernel takes " << taken;
    FailureOr<Loops> loops = tileRoot(0, taken, /*parallel=*/false);
    cleanUp();
    return loops;
  }

  /// Tokens, as many as each kernel takes; those that it leaves are the next
  /// one's. Upstream would peel a loop for each kernel out of the one before,
  /// and cannot simplify the bounds of the second.
  LogicalResult tileTokens() {
    MatmulOp root = findRoot();
    bool one = getTokens(root) == 1;
    if (one) {
      root.setStrategyAttr(keepKernel(strategy.getKernels().size() - 1));
      return success();
    }
    rewriter.setInsertionPoint(root);
    KernelBuilder b(root.getLoc(), rewriter);
    Value tokens = b.createOrFold<tensor::DimOp>(root.getCodes(), 0);
    Value done = b.index(0), result = root.getInit();
    for (unsigned i = 0; i < strategy.getKernels().size(); ++i) {
      int64_t taken = strategy.getKernel(i).getTile().tokens;
      Value left = b.sub(tokens, done);
      Value end = b.add(done, b.sub(left, b.rem(left, taken)));
      if (taken == 1)
        end = tokens;
      SmallVector<Value> loop =
          b.loop(done, end, taken, result,
                 [&](Value first, ValueRange carried) -> SmallVector<Value> {
                   return {takeTokens(b, root, first, taken, carried[0],
                                      keepKernel(i))};
                 });
      result = loop[0];
      done = end;
    }
    rewriter.replaceOp(root, result);
    cleanUp();
    return success();
  }

  StrategyAttr keepKernel(unsigned i) {
    return StrategyAttr::get(function.getContext(), strategy.getKernels()[i],
                             strategy.getUnits(), strategy.getPrefetch());
  }

  /// `out` with the results of some tokens.
  static Value takeTokens(KernelBuilder &b, MatmulOp root, Value first,
                          int64_t count, Value out, StrategyAttr kernel) {
    int64_t steps = cast<ShapedType>(root.getWeight().getType())
                        .getDimSize(root.getRowDimension());
    SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(count),
                                       b.getIndexAttr(steps)};
    TilingResult tile = *root.getTiledImplementation(b, offsets, sizes);
    auto product = cast<MatmulOp>(tile.tiledOps.front());
    product->removeAttr(kRoot);
    product.setStrategyAttr(kernel);
    auto destination =
        product.getInit().getDefiningOp<tensor::ExtractSliceOp>();
    destination.getSourceMutable().assign(out);
    return tensor::InsertSliceOp::create(
        b, product.getResult(0), out, destination.getMixedOffsets(),
        destination.getMixedSizes(), destination.getMixedStrides());
  }

  func::FuncOp function;
  IRRewriter rewriter;
  const FrozenRewritePatternSet &cleanUps;
  StrategyAttr strategy;
};

struct TileProducts : tern::impl::TileProductsPassBase<TileProducts> {
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet patterns(context);
    for (Dialect *dialect : context->getLoadedDialects())
      dialect->getCanonicalizationPatterns(patterns);
    for (RegisteredOperationName op : context->getRegisteredOperations())
      op.getCanonicalizationPatterns(patterns, context);
    tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
    cleanUps = std::move(patterns);
    return success();
  }

  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation().walk([&](MatmulOp op) {
      StrategyAttr strategy = op.getStrategyAttr();
      if (strategy && !strategy.getKernels().empty() && !op.isBufferForm())
        products.push_back(op);
    });
    for (MatmulOp op : products) {
      StringRef reason = op.getReasonAgainst(op.getStrategyAttr());
      if (!reason.empty()) {
        op.emitOpError() << reason;
        return signalPassFailure();
      }
      if (failed(Tiler(getOperation(), cleanUps).tile(op)))
        return signalPassFailure();
      ++numTiled;
    }
    RewritePatternSet patterns(&getContext());
    populateProductNestPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    // A weight's scales are transposed once for all tokens.
    getOperation().walk([](scf::ForOp loop) { moveLoopInvariantCode(loop); });
    (void)applyPatternsGreedily(getOperation(), cleanUps);
  }

private:
  FrozenRewritePatternSet cleanUps;
};

} // namespace
