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
#include "RepackNest.h"

#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// A product of one register tile.
class ProductNest {
public:
  ProductNest(MatmulOp op, MicroKernelAttrInterface kernel,
              RewriterBase &rewriter)
      : op(op), kernel(kernel), tile(kernel.getTile()), rewriter(rewriter),
        b(op.getLoc(), rewriter), weight(op.getWeight()), zero(b.index(0)) {
    if (LayoutAttr layout = op.getLayout())
      weightAxis = layout.getLayout().outer;
    columns = cast<ShapedType>(op.getCodes().getType()).getDimSize(1);
  }

  /// `out` with the results of the kernel's rows.
  Value build(Value out) {
    return op.getScales() ? buildScaled(out) : writeSums(buildSums(), out);
  }

private:
  //===--------------------------------------------------------------------===//
  // Reading
  //===--------------------------------------------------------------------===//

  Value index(Value list, Value at) {
    Value entry = tensor::ExtractOp::create(b, list, ValueRange{zero, at});
    return b.toIndex(entry);
  }

  Value read(VectorType type, Value from, ValueRange at,
             ArrayRef<int64_t> dimensions) {
    int64_t rank = cast<ShapedType>(from.getType()).getRank();
    SmallVector<AffineExpr> results;
    for (int64_t dimension : dimensions)
      results.push_back(b.getAffineDimExpr(dimension));
    auto map = AffineMap::get(rank, 0, results, b.getContext());
    SmallVector<bool> inBounds(type.getRank(), true);
    Value padding = b.zero(type.getElementType());
    return vector::TransferReadOp::create(b, type, from, at, padding,
                                          AffineMapAttr::get(map),
                                          b.getBoolArrayAttr(inBounds));
  }

  /// `part` in front, zeros behind along the last dimensions; or `before`
  /// zeros in front along the last one.
  Value widen(Value part, VectorType type, int64_t before = 0) {
    if (part.getType() == type)
      return part;
    SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1);
    offsets.back() = before;
    return vector::InsertStridedSliceOp::create(b, part, b.zero(type), offsets,
                                                strides);
  }

  /// `width` codes of each token from `column` on, zeros after them, or before.
  Value readCodes(Value column, int64_t width, int64_t before = 0) {
    VectorType type = kernel.getCodesType();
    auto part =
        VectorType::get({type.getDimSize(0), width}, type.getElementType());
    return widen(read(part, op.getCodes(), {zero, column}, {0, 1}), type,
                 before);
  }

  /// The weight of step `step` over adjacent columns, `width` of them.
  Values readWeights(Value step, int64_t width) {
    VectorType type = kernel.getWeightTypes().front();
    if (!op.getLayout()) {
      auto part =
          VectorType::get({type.getDimSize(0), width}, type.getElementType());
      return {widen(read(part, weight, {zero, columnOf(step)}, {0, 1}), type)};
    }
    if (takesTiles())
      return {readTiles(columnOf(step))};
    if (weightAxis == Axis::Row)
      return {type.getRank() == 1
                  ? read(type, weight, {zero, step, zero}, {2})
                  : read(type, weight, {zero, step, zero}, {0, 2})};
    if (kernel.getWeightTypes().size() == 1)
      return {read(type, weight, {step, zero, zero}, {2})};
    // Tiles of one column each.
    Values columns;
    for (int64_t j = 0; j < tile.columns; ++j) {
      Value column = b.add(columnOf(step), b.index(j));
      columns.push_back(j < width
                            ? read(type, weight, {column, zero, zero}, {2})
                            : b.zero(type));
    }
    return columns;
  }

  /// True if a step takes several tiles of a row of them.
  bool takesTiles() {
    return op.getLayout() && weightAxis == Axis::Row &&
           op.getLayout().getLayout().tileColumns() < tile.columns;
  }

  Value readTiles(Value column) {
    int64_t columnsOfTile = op.getLayout().getLayout().tileColumns();
    Value first = b.div(column, b.index(columnsOfTile));
    return read(kernel.getWeightTypes().front(), weight, {zero, first, zero},
                {1, 2});
  }

  Value columnOf(Value step) { return b.mul(step, b.index(tile.columns)); }

  /// The weight of a step over columns of a list, from entry `first` on.
  Values readListedWeights(Value first) {
    Values columns;
    for (auto [j, type] : llvm::enumerate(kernel.getWeightTypes())) {
      Value column = index(op.getColumnIndices(), b.add(first, b.index(j)));
      columns.push_back(read(type, weight, {column, zero, zero}, {2}));
    }
    return columns;
  }

  /// Columns of a list lie far apart: those some steps ahead are asked for.
  void prefetch(Value step, Value steps) {
    int64_t ahead = op.getStrategyAttr().getPrefetch();
    if (!ahead)
      return;
    Value last = b.sub(steps, b.index(1));
    Value then = b.mul(b.minUnsigned(b.add(step, b.index(ahead)), last),
                       b.index(tile.columns));
    int64_t bytes = kernel.getWeightTypes().front().getNumElements();
    for (int64_t j = 0; j < tile.columns; ++j) {
      Value column = index(op.getColumnIndices(), b.add(then, b.index(j)));
      PrefetchOp::create(b, op.getWeight(), ValueRange{column, zero, zero},
                         bytes);
    }
  }

  /// The stream of a row of tiles, some bytes ahead: the next row follows the
  /// last tile.
  void prefetchStream(Value step) {
    int64_t ahead = op.getStrategyAttr().getPrefetch();
    VectorType type = kernel.getWeightTypes().front();
    bool isStream = op.getLayout() && weightAxis == Axis::Row &&
                    (type.getRank() == 1 || type.getDimSize(0) == 1);
    if (!ahead || !isStream)
      return;
    int64_t bytes = type.getNumElements();
    Value then = b.add(step, b.index(llvm::divideCeil(ahead, bytes)));
    PrefetchOp::create(b, op.getWeight(), ValueRange{zero, then, zero}, bytes);
  }

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
    return takeOffsetOff(sums, group);
  }

  /// Sums less what the weights' offset adds.
  Value takeOffsetOff(Value sums, Value group) {
    if (!kernel.getOffset())
      return sums;
    auto type = cast<VectorType>(sums.getType());
    auto ofTokens = VectorType::get({tile.tokens, 1}, b.getI32Type());
    Value excess = read(ofTokens, op.getCodeSums(), {zero, group}, {0, 1});
    if (kernel.getOffset() != 1)
      excess = b.mul(excess, double(kernel.getOffset()));
    // Not one broadcast to [tokens, rows] and a reshape: upstream folds these
    // into a broadcast along the wrong dimension.
    SmallVector<int64_t> ones(type.getRank(), 1);
    ones[0] = tile.tokens;
    excess = vector::BroadcastOp::create(b, type, b.reshape(excess, ones));
    return b.sub(sums, excess);
  }

  /// Sums over whole steps.
  Value sumSteps(Value from, Value to, Value fragment) {
    int64_t narrowSteps = kernel.getNarrowSteps();
    if (!narrowSteps)
      return sumRun(from, to, fragment);
    return b.loop(from, to, narrowSteps, fragment,
                  [&](Value first, ValueRange carried) -> Values {
                    Value end =
                        b.minUnsigned(b.add(first, b.index(narrowSteps)), to);
                    Value narrow =
                        sumRun(first, end, b.zero(kernel.getNarrowType()));
                    return {MicroWidenOp::create(b, kernel.getFragmentType(),
                                                 kernel, narrow, carried[0])};
                  })[0];
  }

  /// The same for sums, narrow or not, that hold them.
  Value sumRun(Value from, Value to, Value fragment) {
    return b.loop(
        from, to, 1, fragment, [&](Value step, ValueRange carried) -> Values {
          prefetchStream(step);
          return {addStep(readCodes(columnOf(step), tile.columns),
                          readWeights(step, tile.columns), carried[0])};
        })[0];
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
              b, ValueRange{weight, sumSteps(zero, all, begin())});
        });
    rewriter.replaceAllUsesWith(choice.getResult(0), either.getResult(0));
    return either.getResult(1);
  }

  Value buildSums() {
    if (op.getColumnIndices())
      return finish(sumList(), zero);
    if (RepackOp repack = findFirstRepack(weight))
      return finish(sumPanel(repack), zero);
    int64_t whole = columns / tile.columns, rest = columns % tile.columns;
    Value end = b.index(whole), fragment = begin();
    if (whole)
      fragment = sumSteps(zero, end, fragment);
    if (rest && takesTiles()) {
      // With some columns before them, whose codes count as zeros.
      int64_t first = int64_t(llvm::alignTo(
                          columns, op.getLayout().getLayout().tileColumns())) -
                      tile.columns;
      int64_t from = columns - rest;
      Value codes = readCodes(b.index(from), rest, from - first);
      fragment = addStep(codes, readTiles(b.index(first)), fragment);
    } else if (rest)
      fragment = addStep(readCodes(columnOf(end), rest), readWeights(end, rest),
                         fragment);
    return finish(fragment, zero);
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
    auto scales = cast<RankedTensorType>(op.getScales().getType());
    SmallVector<int64_t> shape = {tile.tokens, tile.rows};
    auto floats = VectorType::get(
        ArrayRef(shape).drop_front(tile.tokens == 1 ? 1 : 0), b.getF32Type());
    Value byGroup = transpose(op.getScales());
    Value sum =
        b.loop(zero, b.index(scales.getDimSize(1)), 1, b.zero(floats),
               [&](Value group, ValueRange carried) -> Values {
                 Value steps = b.index(op.getGroupSize() / tile.columns);
                 Value from = b.mul(group, steps);
                 Value sums =
                     finish(sumSteps(from, b.add(from, steps), begin()), group);
                 Value term =
                     b.mul(b.toFloat(b.reshape(sums, floats.getShape())),
                           readScales(byGroup, group, floats));
                 if (op.getFactors())
                   term = b.mul(term, readFactors(group, floats));
                 return {b.add(carried[0], term)};
               })[0];
    return write(sum, out, {zero, zero});
  }

  /// Of a group, the same for all tokens.
  Value readScales(Value byGroup, Value group, VectorType type) {
    auto ofRows = VectorType::get({tile.rows}, b.getF32Type());
    Value scales = read(ofRows, byGroup, {group, zero}, {1});
    return type == ofRows ? scales
                          : vector::BroadcastOp::create(b, type, scales);
  }

  /// Of the block that a group is in, the same for all rows.
  Value readFactors(Value group, VectorType type) {
    Value block = b.div(group, b.index(op.getGroupsPerFactor()));
    if (tile.tokens == 1)
      return b.splat(type, tensor::ExtractOp::create(b, op.getFactors(),
                                                     ValueRange{zero, block}));
    auto ofTokens = VectorType::get({tile.tokens, 1}, b.getF32Type());
    Value factors = read(ofTokens, op.getFactors(), {zero, block}, {0, 1});
    return vector::BroadcastOp::create(b, type, factors);
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

  MatmulOp op;
  MicroKernelAttrInterface kernel;
  MicroTile tile;
  RewriterBase &rewriter;
  KernelBuilder b;
  Value weight, zero;
  Axis weightAxis = Axis::Row;
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
    if (init.getShape() != ArrayRef(expected))
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
