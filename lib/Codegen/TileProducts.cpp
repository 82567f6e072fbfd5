//===- TileProducts.cpp - Products to loops around micro kernels ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ListedRows.h"
#include "PreparedNest.h"
#include "ProductConsumers.h"
#include "ProductNest.h"
#include "ProductTraffic.h"
#include "RepackNest.h"

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/ProductShape.h"
#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
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

/// Marks on the product that is being tiled and on the operation that tiling
/// goes on with, the product or its consumer: clean-ups make others of them.
constexpr StringLiteral kProduct = "tern.tiled_product",
                        kRoot = "tern.tiling_root";

int64_t getRowSteps(MatmulOp op) {
  return cast<ShapedType>(op.getWeight().getType())
      .getDimSize(op.getRowDimension());
}

bool hasOneToken(MatmulOp op) {
  return cast<ShapedType>(op.getCodes().getType()).getDimSize(0) == 1;
}

/// Tiles one product, with its consumer if that is elementwise.
class Tiler {
public:
  Tiler(func::FuncOp function, const FrozenRewritePatternSet &cleanUps)
      : function(function), rewriter(function.getContext()),
        cleanUps(cleanUps) {}

  LogicalResult tile(MatmulOp op) {
    strategy = op.getStrategyAttr();
    describe(op);
    addCodeSums(op);
    countRead(op, strategy.getKernel(0).getTile().columns, rewriter);
    if (strategy.getKernel(0).getPreparation().steps) {
      Value weight = op.getWeight();
      if (LayoutAttr panel = strategy.getPanel()) {
        scf::ForallOp loop = repackBefore(op, panel, rewriter);
        weight = loop.getResult(0);
        int64_t tiles = cast<ShapedType>(weight.getType()).getDimSize(0);
        describeLoop(loop, op, getBytesOfWeight(op) / tiles);
      }
      buildPreparedNest(op, findConsumer(op), weight, rewriter);
      cleanUp();
      return success();
    }
    bytesRead = getBytesRead(op);
    if (LayoutAttr panel = strategy.getPanel())
      repackWeight(op, panel, rewriter);
    Operation *root = op;
    if (linalg::GenericOp consumer = findConsumer(op))
      root = consumer;
    op->setAttr(kProduct, rewriter.getUnitAttr());
    root->setAttr(kRoot, rewriter.getUnitAttr());
    if (failed(op.getRowIndices() ? tileList(op) : tileUnits(op)))
      return failure();
    tileTokens();
    return tileRows();
  }

private:
  SmallVector<Operation *> findMarked(StringRef mark) {
    SmallVector<Operation *> found;
    function.walk([&](Operation *op) {
      if (op->hasAttr(mark))
        found.push_back(op);
    });
    return found;
  }
  /// There is one as long as no kernel was chosen.
  MatmulOp findProduct() {
    return cast<MatmulOp>(findMarked(kProduct).front());
  }

  void cleanUp() { (void)applyPatternsGreedily(function, cleanUps); }

  //===--------------------------------------------------------------------===//
  // Around the nest
  //===--------------------------------------------------------------------===//

  void describe(MatmulOp op) {
    MicroKernelAttrInterface kernel = strategy.getKernel(0);
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
    int64_t groups = std::max<int64_t>(op.getGroups(), 1);
    int64_t tokens = cast<ShapedType>(op.getCodes().getType()).getDimSize(0);
    auto type = RankedTensorType::get({tokens, groups}, rewriter.getI32Type());
    Value sums =
        SumCodesOp::create(rewriter, op.getLoc(), TypeRange(type),
                           op.getCodes(), op.getColumnCount(), ValueRange())
            .getResult(0);
    op.getCodeSumsMutable().assign(sums);
  }

  void describeLoop(Operation *loop, MatmulOp op, int64_t bytes) {
    OpBuilder b = OpBuilder::atBlockBegin(&loop->getRegion(0).front());
    IterationOp::create(b, op.getLoc(), op.getProjection(), bytes);
  }

  //===--------------------------------------------------------------------===//
  // Rows in parallel
  //===--------------------------------------------------------------------===//

  /// A parallel loop over units of rows. One unit is what a worker takes at
  /// least; the runtime hands them out in runs.
  LogicalResult tileUnits(MatmulOp op) {
    int64_t steps = getRowSteps(op);
    int64_t units = std::min(strategy.getUnits(), steps);
    Operation *root = findMarked(kRoot).front();
    int64_t size = root == op ? units : units * op.getRowsPerStep();
    // How many columns are listed is not known; a quarter is usual.
    int64_t bytes = bytesRead / (op.getColumnIndices() ? 4 : 1);
    scf::SCFTileAndFuseOptions options;
    options.tilingOptions.setTileSizes(
        {rewriter.getIndexAttr(0), rewriter.getIndexAttr(size)});
    options.tilingOptions.setLoopType(
        scf::SCFTilingOptions::LoopType::ForallOp);
    // Each unit would do again all else that the product needs.
    options.setFusionControlFn(
        [](tensor::ExtractSliceOp, OpResult producer,
           bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
          if (producer.getOwner()->hasAttr(kProduct) ||
              isa<RepackOp>(producer.getOwner()))
            return scf::SCFTileAndFuseOptions::ControlFnResult{};
          return std::nullopt;
        });
    rewriter.setInsertionPoint(root);
    FailureOr<scf::SCFTileAndFuseResult> tiled =
        scf::tileConsumerAndFuseProducersUsingSCF(
            rewriter, cast<TilingInterface>(root), options);
    if (failed(tiled))
      return root->emitOpError("expected a product that can be tiled");
    if (!tiled->loops.empty())
      describeLoop(tiled->loops.front(), op, bytes * units / steps);
    for (Value result : root->getResults())
      rewriter.replaceAllUsesWith(result, tiled->replacements.lookup(result));
    rewriter.eraseOp(root);
    cleanUp();
    return success();
  }

  LogicalResult tileList(MatmulOp op) {
    scf::ForallOp loop = buildListedRows(op, rewriter);
    loop.walk([&](MatmulOp one) { strategy = one.getStrategyAttr(); });
    describeLoop(loop, op, getBytesOfLine(op, Axis::Row));
    rewriter.replaceOp(op, loop.getResults());
    cleanUp();
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Tokens and rows of a unit
  //===--------------------------------------------------------------------===//

  /// Tokens, as many as each kernel takes; those that it leaves are the next
  /// one's. Upstream would peel the loop of each kernel out of the one before,
  /// and cannot simplify the bounds of the second.
  void tileTokens() {
    Operation *root = findMarked(kRoot).front();
    root->removeAttr(kRoot);
    MatmulOp product = findProduct();
    unsigned kernels = strategy.getKernels().size();
    if (hasOneToken(product)) {
      product.setStrategyAttr(keepKernel(kernels - 1));
      return;
    }
    rewriter.setInsertionPoint(root);
    KernelBuilder b(root->getLoc(), rewriter);
    Value tokens = b.createOrFold<tensor::DimOp>(product.getCodes(), 0);
    Value done = b.index(0);
    SmallVector<Value> carried = {
        cast<DestinationStyleOpInterface>(root).getDpsInits()[0]};
    auto repack = product.getWeight().getDefiningOp<RepackOp>();
    if (repack && mayRepackOnTheWay(repack, strategy.getKernel(0))) {
      auto panel = cast<RankedTensorType>(repack.getType());
      carried.push_back(
          tensor::EmptyOp::create(b, panel.getShape(), panel.getElementType()));
    }
    bool areMasked = strategy.getKernel(0).storesSums();
    if (areMasked && ProductShape::of(product).tokens <=
                         strategy.getKernel(0).getTile().tokens) {
      rewriter.replaceOp(root, chooseKernel(b, root, product, 0, tokens));
      cleanUp();
      return;
    }
    for (unsigned i = 0; i < kernels; ++i) {
      int64_t taken = strategy.getKernel(i).getTile().tokens;
      Value end = areMasked ? endOfMasked(b, i, tokens, done)
                            : endOfWhole(b, taken, tokens, done);
      carried = b.loop(
          done, end, taken, carried,
          [&](Value first, ValueRange carried) -> SmallVector<Value> {
            SmallVector<Value> next(carried);
            if (next.size() > 1)
              next[1] = repackFirst(b, repack, first, next[1]);
            OpFoldResult count = b.getIndexAttr(taken);
            if (areMasked)
              count = b.minUnsigned(b.sub(tokens, first), b.index(taken));
            next[0] = takeTokens(b, root, product, i, first, count, next);
            return next;
          });
      done = end;
    }
    rewriter.replaceOp(root, carried[0]);
    cleanUp();
  }

  /// All tokens at once by the smallest kernel, from number `i` on, that takes
  /// so many. A loop would keep the places of the next ones in registers.
  Value chooseKernel(KernelBuilder &b, Operation *root, MatmulOp product,
                     unsigned i, Value tokens) {
    Value init = cast<DestinationStyleOpInterface>(root).getDpsInits()[0];
    auto take = [&] {
      return takeTokens(b, root, product, i, b.index(0), tokens, {init});
    };
    if (i + 1 == strategy.getKernels().size())
      return take();
    int64_t next = strategy.getKernel(i + 1).getTile().tokens;
    Value areMore = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, tokens,
                                          b.index(next));
    auto either = scf::IfOp::create(b, TypeRange(init.getType()), areMore,
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(either.thenBlock());
    scf::YieldOp::create(b, take());
    b.setInsertionPointToStart(either.elseBlock());
    scf::YieldOp::create(b, chooseKernel(b, root, product, i + 1, tokens));
    return either.getResult(0);
  }

  /// Where the tokens end that a kernel takes `taken` of at a time.
  static Value endOfWhole(KernelBuilder &b, int64_t taken, Value tokens,
                          Value done) {
    if (taken == 1)
      return tokens;
    Value left = b.sub(tokens, done);
    return b.add(done, b.sub(left, b.rem(left, taken)));
  }

  /// The same for a kernel whose tokens need not all be there: it goes on while
  /// more are left than the next one takes.
  Value endOfMasked(KernelBuilder &b, unsigned i, Value tokens, Value done) {
    if (i + 1 == strategy.getKernels().size())
      return tokens;
    Value taken = b.index(strategy.getKernel(i).getTile().tokens);
    Value next = b.index(strategy.getKernel(i + 1).getTile().tokens);
    Value left = b.sub(tokens, done);
    Value over = b.sub(b.maxUnsigned(left, next), next);
    Value steps = b.div(b.add(over, b.sub(taken, b.index(1))), taken);
    return b.minUnsigned(b.add(done, b.mul(steps, taken)), tokens);
  }

  StrategyAttr keepKernel(unsigned i) {
    return StrategyAttr::get(function.getContext(), strategy.getKernels()[i],
                             strategy.getUnits(), strategy.getPrefetch());
  }

  /// `carried[0]` with the results of the tokens that kernel `i` takes; behind
  /// it the panel, if it is the first tokens that repack it.
  Value takeTokens(KernelBuilder &b, Operation *root, MatmulOp product,
                   unsigned i, Value first, OpFoldResult count,
                   ArrayRef<Value> carried) {
    auto tiling = cast<TilingInterface>(root);
    SmallVector<Range> domain = tiling.getIterationDomain(b);
    SmallVector<OpFoldResult> offsets = {first, b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {count, domain[1].size};
    TilingResult tile = *tiling.getTiledImplementation(b, offsets, sizes);
    auto tiled = cast<DestinationStyleOpInterface>(tile.tiledOps.front());
    auto destination =
        tiled.getDpsInits()[0].getDefiningOp<tensor::ExtractSliceOp>();
    destination.getSourceMutable().assign(carried[0]);
    if (root != product)
      fuseProduct(b, tiled, product);
    auto taken = root == product ? cast<MatmulOp>(tiled.getOperation())
                                 : findProducerOf(tiled);
    taken.setStrategyAttr(keepKernel(i));
    if (carried.size() > 1)
      taken.getWeightMutable().assign(carried[1]);
    return tensor::InsertSliceOp::create(
        b, tiled->getResult(0), carried[0], destination.getMixedOffsets(),
        destination.getMixedSizes(), destination.getMixedStrides());
  }

  static MatmulOp findProducerOf(Operation *consumer) {
    for (Value operand : consumer->getOperands())
      if (auto product = operand.getDefiningOp<MatmulOp>())
        return product;
    llvm_unreachable("a root is a product or the consumer of one");
  }

  /// The product of just the tokens whose sums the consumer reads.
  static void fuseProduct(KernelBuilder &b, Operation *consumer,
                          MatmulOp product) {
    for (OpOperand &operand : consumer->getOpOperands()) {
      auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
      if (!slice || slice.getSource() != product->getResult(0))
        continue;
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(slice);
      TilingResult tile = *product.generateResultTileValue(
          b, 0, slice.getMixedOffsets(), slice.getMixedSizes());
      operand.set(tile.tiledValues.front());
    }
  }

  /// A unit's rows, as many as a kernel takes at a time.
  LogicalResult tileRows() {
    for (Operation *op : findMarked(kProduct)) {
      auto product = cast<MatmulOp>(op);
      product->removeAttr(kProduct);
      MicroKernelAttrInterface kernel = product.getStrategyAttr().getKernel(0);
      int64_t rows = kernel.getTile().rows * kernel.getParts().size();
      int64_t steps = getRowSteps(product);
      int64_t taken = rows / product.getRowsPerStep();
      if (steps == taken)
        continue;
      if (taken == 0 || steps % taken)
        return product.emitOpError("expected a strategy whose kernels take a "
                                   "part of its units, but a unit has ")
               << steps << " steps of rows and a kernel takes " << taken;
      scf::SCFTilingOptions options;
      options.setTileSizes(
          {rewriter.getIndexAttr(0), rewriter.getIndexAttr(taken)});
      rewriter.setInsertionPoint(product);
      FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(
          rewriter, cast<TilingInterface>(product.getOperation()), options);
      if (failed(tiled))
        return product.emitOpError("expected rows that can be tiled");
      rewriter.replaceOp(product, tiled->replacements);
    }
    cleanUp();
    return success();
  }

  func::FuncOp function;
  IRRewriter rewriter;
  const FrozenRewritePatternSet &cleanUps;
  StrategyAttr strategy;
  int64_t bytesRead = 0; ///< of the weight as stored, by all tokens
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
      if (op.getStrategyAttr() && !op.isBufferForm())
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
    populateRepackNestPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    storeConsumers(getOperation());
    vectorizeConsumers(getOperation());
    // A weight's scales are transposed once for all tokens.
    getOperation().walk([](scf::ForOp loop) { moveLoopInvariantCode(loop); });
    (void)applyPatternsGreedily(getOperation(), cleanUps);
  }

private:
  FrozenRewritePatternSet cleanUps;
};

} // namespace
