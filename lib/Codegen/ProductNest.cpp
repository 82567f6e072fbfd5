//===- ProductNest.cpp - The loop around a micro kernel -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loop over columns belongs to the kernel: the sums it carries are in a
// form of the kernel's own, which upstream's tiling of a reduction does not
// know.
//
//===----------------------------------------------------------------------===//

#include "ProductNest.h"
#include "ProductReader.h"
#include "RepackNest.h"
#include "StepSums.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// A product of one register tile.
class ProductNest : ProductReader {
public:
  ProductNest(MatmulOp op, MicroKernelAttrInterface kernel,
              RewriterBase &rewriter)
      : ProductReader(op, kernel, rewriter), rewriter(rewriter),
        columns(cast<ShapedType>(op.getCodes().getType()).getDimSize(1)) {}

  /// `out` with the results of the kernel's rows.
  Value build(Value out) {
    if (op.getGroups())
      return kernel.storesSums() ? store(buildTotal(), out) : buildScaled(out);
    Value fragment = buildFragment();
    return kernel.storesSums() ? store(fragment, out)
                               : writeSums(finish(fragment, zero), out);
  }

private:
  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  Value addStep(Value codes, ValueRange weights, Value fragment) {
    return MicroOp::create(b, fragment.getType(), op.getProjectionAttr(),
                           kernel, codes, fragment, weights);
  }

  Value begin() {
    return MicroBeginOp::create(b, kernel.getFragmentType(), kernel,
                                /*steps=*/0);
  }

  Value finish(Value fragment, Value group) {
    Value sums =
        MicroFinishOp::create(b, kernel.getSumsType(), kernel, fragment);
    if (!kernel.getOffset())
      return sums;
    auto ofTokens = VectorType::get({tile.tokens, 1}, b.getI32Type());
    Value codeSums = read(ofTokens, op.getCodeSums(), {zero, group}, {0, 1});
    return takeOffsetOff(b, kernel, sums, codeSums);
  }

  /// Sums over whole steps.
  Value sumWhole(Value from, Value to, Value fragment) {
    return sumSteps(b, kernel, from, to, fragment,
                    [&](Value from, Value to, Value sums) {
                      return sumRun(from, to, sums);
                    });
  }

  /// The same for sums, narrow or not, that hold them.
  Value sumRun(Value from, Value to, Value fragment) {
    Value sums = b.loop(
        from, to, 1, fragment, [&](Value step, ValueRange carried) -> Values {
          prefetchStream(step);
          return {addStep(readCodes(columnOf(step), tile.columns),
                          readWeights(step, tile.columns), carried[0])};
        })[0];
    if (layout && layout->hasScales() && tile.tokens == 1)
      keepRolled(sums.getDefiningOp());
    return sums;
  }

  /// LLVM would unroll the few steps of a group. A stream from memory is then
  /// read by many loads that jump from group to group, which Zen 4 follows up
  /// to a quarter slower than one that walks.
  static void keepRolled(Operation *loop) {
    MLIRContext *context = loop->getContext();
    auto unroll = LLVM::LoopUnrollAttr::get(
        context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
    // Lowering hands it on to the branch, whose name for it this is.
    loop->setAttr("loop_annotation", LLVM::LoopAnnotationAttr::get(
                                         context, {}, {}, {}, unroll, {}, {},
                                         {}, {}, {}, {}, {}, {}, {}, {}, {}));
  }

  /// The first tokens repack the weight on the way; the others read it.
  Value sumPanel(RepackOp repack) {
    auto choice = cast<scf::IfOp>(repack->getParentOp());
    weight = choice.elseYield().getOperand(0);
    auto takeStep = [&](Value step, Value digits, Value fragment) {
      Value codes = readCodes(columnOf(step), tile.columns);
      return addStep(codes, {digits}, fragment);
    };
    auto either = scf::IfOp::create(
        b, choice.getCondition(),
        [&](OpBuilder &, Location) {
          scf::YieldOp::create(
              b, buildRepackNest(repack, b, weight, begin(), takeStep));
        },
        [&](OpBuilder &, Location) {
          Value all = b.index(columns / tile.columns);
          scf::YieldOp::create(
              b, ValueRange{weight, sumWhole(zero, all, begin())});
        });
    rewriter.replaceAllUsesWith(choice.getResult(0), either.getResult(0));
    return either.getResult(1);
  }

  Value buildFragment() {
    if (op.getColumnIndices())
      return sumList();
    if (RepackOp repack = findFirstRepack(weight))
      return sumPanel(repack);
    int64_t whole = columns / tile.columns, rest = columns % tile.columns;
    Value end = b.index(whole), fragment = begin();
    if (whole)
      fragment = sumWhole(zero, end, fragment);
    if (rest && takesTiles()) {
      // With some columns before them, whose codes count as zeros.
      int64_t first =
          int64_t(llvm::alignTo(columns, layout->tileColumns())) - tile.columns;
      int64_t from = columns - rest;
      Value codes = readCodes(b.index(from), rest, from - first);
      fragment = addStep(codes, readTiles(b.index(first)), fragment);
    } else if (rest)
      fragment = addStep(readCodes(columnOf(end), rest), readWeights(end, rest),
                         fragment);
    return fragment;
  }

  /// The list ends with entries of code 0 up to a multiple of four.
  Value sumList() {
    Value count = b.toIndex(
        tensor::ExtractOp::create(b, op.getColumnCount(), ValueRange{zero}));
    Value steps =
        b.div(b.add(count, b.index(tile.columns - 1)), b.index(tile.columns));
    return b.loop(zero, steps, 1, begin(),
                  [&](Value step, ValueRange carried) -> Values {
                    prefetch(step, steps);
                    Value first = b.mul(step, b.index(tile.columns));
                    return {addStep(readCodes(first, tile.columns),
                                    readListedWeights(first), carried[0])};
                  })[0];
  }

  //===--------------------------------------------------------------------===//
  // Writing
  //===--------------------------------------------------------------------===//

  Value write(Value vector, Value out, ValueRange at) {
    auto type = cast<VectorType>(vector.getType());
    int64_t rank = cast<ShapedType>(out.getType()).getRank();
    SmallVector<AffineExpr> results;
    for (int64_t dimension = rank - type.getRank(); dimension < rank;
         ++dimension)
      results.push_back(b.getAffineDimExpr(dimension));
    auto map = AffineMap::get(rank, 0, results, b.getContext());
    SmallVector<bool> inBounds(type.getRank(), true);
    return vector::TransferWriteOp::create(b, vector, out, at,
                                           AffineMapAttr::get(map),
                                           b.getBoolArrayAttr(inBounds))
        .getResult();
  }

  /// Sums as they are; consumers become the store's body later.
  Value store(Value fragment, Value out) {
    bool hasOffset = kernel.getOffset() && !op.getGroups();
    Value codeSums = hasOffset ? op.getCodeSums() : Value();
    auto made = MicroStoreOp::create(b, b.getLoc(), TypeRange(out.getType()),
                                     kernel, fragment, codeSums, ValueRange(),
                                     out, b.getAffineMapArrayAttr({}));
    OpBuilder::InsertionGuard guard(b);
    Type element = getElementTypeOrSelf(fragment);
    Block *body = b.createBlock(&made.getBody(), {}, element, b.getLoc());
    YieldOp::create(b, b.getLoc(), body->getArgument(0));
    return made.getResult();
  }

  Value writeSums(Value sums, Value out) {
    auto type = cast<VectorType>(sums.getType());
    auto outType = cast<RankedTensorType>(out.getType());
    if (tile.rows == outType.getDimSize(1))
      return write(b.reshape(sums, outType.getShape()), out, {zero, zero});
    // Runs of rows: the same part of each of the result's runs.
    int64_t runs = type.getDimSize(1);
    SmallVector<int64_t> shape = {tile.tokens, runs,
                                  outType.getDimSize(1) / runs};
    SmallVector<ReassociationIndices> parts = {{0}, {1, 2}};
    Value cut =
        tensor::ExpandShapeOp::create(b, outType.clone(shape), out, parts);
    cut = write(sums, cut, {zero, zero, b.index(tile.firstRow)});
    return tensor::CollapseShapeOp::create(b, outType, cut, parts);
  }

  //===--------------------------------------------------------------------===//
  // Scales
  //===--------------------------------------------------------------------===//

  /// The sum over groups, by rising group, of f32(sum) * scale, times the
  /// token's factor if groups have some: [tokens, rows], or [rows] of one
  /// token.
  Value buildScaled(Value out) {
    SmallVector<int64_t> shape = {tile.tokens, tile.rows};
    auto floats = VectorType::get(
        ArrayRef(shape).drop_front(tile.tokens == 1 ? 1 : 0), b.getF32Type());
    Value byGroup = op.getScales() ? transpose(op.getScales()) : Value();
    Value sum = b.loop(
        zero, b.index(op.getGroups()), 1, b.zero(floats),
        [&](Value number, ValueRange carried) -> Values {
          group = number;
          Value sums =
              finish(sumWhole(zero, b.index(stepsOfGroup()), begin()), group);
          Value scales = byGroup ? readScales(byGroup) : readStoredScales();
          if (scales.getType() != floats)
            scales = vector::BroadcastOp::create(b, floats, scales);
          Value term =
              b.mul(b.toFloat(b.reshape(sums, floats.getShape())), scales);
          if (op.getFactors())
            term = b.mul(term, readFactors(floats));
          return {b.add(carried[0], term)};
        })[0];
    return writeSums(b.reshape(sum, kernel.getSumsType().getShape()), out);
  }

  /// The same sums where the kernel has them.
  Value buildTotal() {
    Value codeSums = kernel.getOffset() ? op.getCodeSums() : Value();
    bool areStored = layout && layout->hasScales();
    LayoutAttr stored = areStored ? op.getLayout() : LayoutAttr();
    Value scales = areStored ? weight : op.getScales();
    int64_t ofFactor = op.getFactors() ? op.getGroupsPerFactor() : 1;
    return b.loop(
        zero, b.index(op.getGroups()), 1, b.zero(kernel.getTotalType()),
        [&](Value number, ValueRange carried) -> Values {
          group = number;
          Value fragment = sumWhole(zero, b.index(stepsOfGroup()), begin());
          return {MicroScaleOp::create(
              b, kernel.getTotalType(), kernel, fragment, carried[0], group,
              codeSums, scales, op.getFactors(), stored, ofFactor)};
        })[0];
  }

  /// [rows, groups] to [groups, rows]; the same for all tokens, so it leaves
  /// their loop.
  Value transpose(Value scales) {
    auto type = cast<RankedTensorType>(scales.getType());
    Value empty = tensor::EmptyOp::create(
        b, ArrayRef<int64_t>{type.getDimSize(1), type.getDimSize(0)},
        type.getElementType());
    return linalg::TransposeOp::create(b, scales, empty,
                                       ArrayRef<int64_t>{1, 0})
        ->getResult(0);
  }

  RewriterBase &rewriter;
  int64_t columns;
};

struct BuildNest : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    StrategyAttr strategy = op.getStrategyAttr();
    if (!strategy || strategy.getKernels().size() != 1 || op.isBufferForm())
      return rewriter.notifyMatchFailure(
          op, "expected tensors and a strategy of one kernel");
    MicroKernelAttrInterface kernel = strategy.getKernel(0);
    auto init = cast<RankedTensorType>(op.getInit().getType());
    SmallVector<Attribute> parts = kernel.getParts();
    MicroTile tile = kernel.getTile();
    SmallVector<int64_t> expected = {tile.tokens,
                                     tile.rows * int64_t(parts.size())};
    bool mayHaveLess = kernel.storesSums() && init.isDynamicDim(0);
    if (init.getShape().drop_front(mayHaveLess) !=
        ArrayRef(expected).drop_front(mayHaveLess))
      return rewriter.notifyMatchFailure(op, [&](Diagnostic &reason) {
        reason << "expected one register tile, " << expected << ", got "
               << init.getShape();
      });
    Value out = op.getInit();
    for (Attribute part : parts)
      out = ProductNest(op, cast<MicroKernelAttrInterface>(part), rewriter)
                .build(out);
    rewriter.replaceOp(op, out);
    return success();
  }
};

} // namespace

void tern::populateProductNestPatterns(RewritePatternSet &patterns) {
  patterns.add<BuildNest>(patterns.getContext());
}
