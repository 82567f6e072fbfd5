//===- PreparedNest.cpp - Loops around a kernel of prepared codes ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each worker takes a run of tiles of rows, as long as can be, because it
// prepares all codes itself: that is faster than to wait for others' and to
// fetch them from their caches.
//
//   for some tokens
//     for a segment of the columns that a fragment's sums are exact for
//       for a tile of columns
//         prepare the codes, which stay in the first level cache
//         for a tile of rows: one stream of weights
//           for a token: the fragment, in memory, plus the steps of the tile
//       for a tile of rows, for a token
//         finish the fragment, add the sums of earlier segments
//
//===----------------------------------------------------------------------===//

#include "PreparedNest.h"

#include "ProductTraffic.h"

#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

class PreparedNest {
public:
  PreparedNest(MatmulOp op, linalg::GenericOp consumer, Value weight,
               RewriterBase &rewriter)
      : op(op), consumer(consumer), kernel(op.getStrategyAttr().getKernel(0)),
        tile(kernel.getTile()), preparation(kernel.getPreparation()),
        b(op.getLoc(), rewriter), weight(weight) {
    auto grid = cast<ShapedType>(weight.getType());
    LayoutAttr panel = op.getStrategyAttr().getPanel();
    LayoutAttr layout = panel ? panel : op.getLayout();
    isOfSteps = layout.getLayout().outer == Axis::Row;
    columnTiles = isOfSteps
                      ? llvm::divideCeil(grid.getDimSize(1), preparation.steps)
                      : grid.getDimSize(0);
    steps = isOfSteps ? grid.getDimSize(1) : columnTiles * preparation.steps;
    rowTiles = grid.getDimSize(isOfSteps ? 0 : 1);
    int64_t known = cast<ShapedType>(op.getCodes().getType()).getDimSize(0);
    tokensAtOnce = ShapedType::isDynamic(known)
                       ? preparation.tokens
                       : std::min(known, preparation.tokens);
  }

  scf::ForallOp build() {
    int64_t bytes = getBytesOfWeight(op);
    Operation *root = consumer ? consumer.getOperation() : op.getOperation();
    b.setInsertionPoint(root);
    zero = b.index(0);
    tokens = b.createOrFold<tensor::DimOp>(op.getCodes(), 0);
    Value workers = WorkerCountOp::create(b, b.getIndexType(), bytes);
    workers = b.minUnsigned(workers, b.index(rowTiles));
    Value init = cast<DestinationStyleOpInterface>(root).getDpsInits()[0];
    SmallVector<OpFoldResult> from = {b.getIndexAttr(0)}, to = {workers},
                              step = {b.getIndexAttr(1)};
    auto loop = scf::ForallOp::create(b, from, to, step, init,
                                      /*mapping=*/std::nullopt);
    b.setInsertionPointToStart(loop.getBody());
    IterationOp::create(b, op.getProjection(), bytes);
    Value worker = loop.getInductionVar(0);
    auto bound = [&](Value w) {
      return b.div(b.mul(w, b.index(rowTiles)), workers);
    };
    first = bound(worker);
    end = bound(b.add(worker, b.index(1)));
    Value out = loop.getRegionIterArgs()[0];
    SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0), rowOf(first)},
                              sizes = {tokens, rowOf(b.sub(end, first))},
                              strides(2, b.getIndexAttr(1));
    Value part =
        tensor::ExtractSliceOp::create(b, out, offsets, sizes, strides);
    part = b.loop(zero, tokens, tokensAtOnce, part,
                  [&](Value token, ValueRange carried) -> Values {
                    firstToken = token;
                    count = b.minUnsigned(b.sub(tokens, token),
                                          b.index(tokensAtOnce));
                    return {buildTokens(carried[0])};
                  })[0];
    b.setInsertionPointToStart(loop.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, out, offsets, sizes,
                                          strides);
    return loop;
  }

private:
  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  Value rowOf(Value rowTile) { return b.mul(rowTile, b.index(tile.rows)); }

  Value read(VectorType type, Value from, ValueRange at) {
    auto map = getMap(type, from);
    SmallVector<bool> inBounds(type.getRank(), true);
    return vector::TransferReadOp::create(b, type, from, at,
                                          b.zero(type.getElementType()), map,
                                          b.getBoolArrayAttr(inBounds));
  }

  Value write(Value vector, Value into, ValueRange at) {
    auto type = cast<VectorType>(vector.getType());
    SmallVector<bool> inBounds(type.getRank(), true);
    return vector::TransferWriteOp::create(b, vector, into, at,
                                           getMap(type, into),
                                           b.getBoolArrayAttr(inBounds))
        .getResult();
  }

  /// The last dimensions.
  AffineMapAttr getMap(VectorType type, Value memory) {
    int64_t rank = cast<ShapedType>(memory.getType()).getRank();
    return AffineMapAttr::get(
        AffineMap::getMinorIdentityMap(rank, type.getRank(), b.getContext()));
  }

  /// A temporary with an element of type `type` for each place.
  Value allocate(ArrayRef<int64_t> places, VectorType type) {
    SmallVector<int64_t> shape(places);
    llvm::append_range(shape, type.getShape());
    return tensor::EmptyOp::create(b, shape, type.getElementType());
  }

  /// Of an element of such a temporary.
  Values at(Value i, Value j, VectorType type) {
    Values indices(type.getRank() + 2, zero);
    indices[0] = i;
    indices[1] = j;
    return indices;
  }

  /// Calls body(row tile, token, carried), by rows first.
  Value forEachTile(Value carried,
                    function_ref<Value(Value, Value, Value)> body) {
    return b.loop(first, end, 1, carried,
                  [&](Value rows, ValueRange outer) -> Values {
                    if (tokensAtOnce == 1)
                      return {body(rows, zero, outer[0])};
                    return b.loop(zero, count, 1, outer[0],
                                  [&](Value token, ValueRange inner) -> Values {
                                    return {body(rows, token, inner[0])};
                                  });
                  })[0];
  }

  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  /// `out` with the results of `count` tokens.
  Value buildTokens(Value out) {
    int64_t tilesOfSegment =
        std::max<int64_t>(preparation.maxSteps / preparation.steps, 1);
    Value sums;
    if (tilesOfSegment < columnTiles)
      sums = allocate({rowTiles, tokensAtOnce}, kernel.getSumsType());
    for (int64_t from = 0; from < columnTiles; from += tilesOfSegment) {
      int64_t to = std::min(from + tilesOfSegment, columnTiles);
      Value fragments = sumSegment(from, to);
      bool isLast = to == columnTiles;
      Value results = forEachTile(
          isLast ? out : sums, [&](Value rows, Value token, Value carried) {
            VectorType type = kernel.getFragmentType();
            Value fragment = read(type, fragments, at(rows, token, type));
            VectorType sumsType = kernel.getSumsType();
            Value sum = MicroFinishOp::create(b, sumsType, kernel, fragment);
            if (from)
              sum = b.add(sum, read(sumsType, isLast ? sums : carried,
                                    at(rows, token, sumsType)));
            return isLast ? writeResult(sum, rows, token, carried)
                          : write(sum, carried, at(rows, token, sumsType));
          });
      (isLast ? out : sums) = results;
    }
    return out;
  }

  /// Fragments of tiles `from` .. `to` of the columns.
  Value sumSegment(int64_t from, int64_t to) {
    VectorType type = kernel.getFragmentType();
    Value fragments = allocate({rowTiles, tokensAtOnce}, type);
    fragments =
        forEachTile(fragments, [&](Value rows, Value token, Value carried) {
          int64_t end = std::min(to * preparation.steps, steps);
          Value begun = MicroBeginOp::create(b, type, kernel,
                                             end - from * preparation.steps);
          return write(begun, carried, at(rows, token, type));
        });
    return b.loop(
        b.index(from), b.index(to), 1, fragments,
        [&](Value columns, ValueRange outer) -> Values {
          Value prepared = prepare(columns);
          return {forEachTile(
              outer[0], [&](Value rows, Value token, Value carried) {
                Value fragment = read(type, carried, at(rows, token, type));
                fragment = sumTile(columns, rows, token, prepared, fragment);
                return write(fragment, carried, at(rows, token, type));
              })};
        })[0];
  }

  /// Of a tile of columns, the last of which may have less.
  Value countSteps(Value columns) {
    if (columnTiles * preparation.steps == steps)
      return b.index(preparation.steps);
    return b.minUnsigned(b.sub(b.index(steps), firstStep(columns)),
                         b.index(preparation.steps));
  }
  Value firstStep(Value columns) {
    return b.mul(columns, b.index(preparation.steps));
  }

  /// The codes of a tile of columns.
  Value prepare(Value columns) {
    VectorType type = kernel.getPreparedType();
    Value prepared = allocate({tokensAtOnce, preparation.steps}, type);
    int64_t width = cast<ShapedType>(op.getCodes().getType()).getDimSize(1);
    int64_t whole = width / tile.columns, rest = width % tile.columns;
    Value end = countSteps(columns), endOfWhole = end;
    if (rest)
      endOfWhole = b.minUnsigned(b.sub(b.index(whole), firstStep(columns)),
                                 b.index(preparation.steps));
    return b.loop(
        zero, count, 1, prepared, [&](Value token, ValueRange outer) -> Values {
          Value all = b.add(firstToken, token);
          auto add = [&](int64_t width, Value step, Value prepared) -> Values {
            Value column =
                b.mul(b.add(firstStep(columns), step), b.index(tile.columns));
            auto part = VectorType::get({1, width}, b.getI8Type());
            Value codes = padCodes(read(part, op.getCodes(), {all, column}));
            Value made = MicroPrepareOp::create(b, type, kernel, codes);
            return {write(made, prepared, at(token, step, type))};
          };
          Value made = b.loop(zero, endOfWhole, 1, outer[0],
                              [&](Value step, ValueRange inner) {
                                return add(tile.columns, step, inner[0]);
                              })[0];
          if (!rest)
            return {made};
          // The last step of all, if it is in this tile.
          return b.loop(endOfWhole, end, 1, made,
                        [&](Value step, ValueRange inner) {
                          return add(rest, step, inner[0]);
                        });
        })[0];
  }

  /// The codes of a step or a part of one, zeros behind them.
  Value padCodes(Value codes) {
    VectorType type = kernel.getCodesType();
    if (codes.getType() == type)
      return codes;
    Value row = b.padLanes(b.part(codes, {int64_t(0)}), type.getDimSize(1));
    return b.reshape(row, type.getShape());
  }

  /// The bytes of step `step` of a tile.
  Value readWeights(Value columns, Value rows, Value step) {
    VectorType bytes = kernel.getWeightTypes().front();
    if (isOfSteps)
      return read(bytes, weight, {rows, b.add(firstStep(columns), step), zero});
    Value byte = b.mul(step, b.index(bytes.getNumElements()));
    return read(bytes, weight, {columns, rows, byte});
  }

  /// The stream, some bytes ahead: the next tile follows the last step.
  void prefetch(Value columns, Value rows, Value step) {
    int64_t ahead = op.getStrategyAttr().getPrefetch();
    if (!ahead)
      return;
    int64_t bytes = kernel.getWeightTypes().front().getNumElements();
    Value then = b.mul(b.add(step, b.index(llvm::divideCeil(ahead, bytes))),
                       b.index(bytes));
    PrefetchOp::create(b, op.getWeight(), ValueRange{columns, rows, then},
                       bytes);
  }

  /// Weights are read a step ahead: where they stand behind the loads of
  /// prepared codes, which the cache has, a stream from memory is a third
  /// slower. The last step reads its own again.
  Value sumTile(Value columns, Value rows, Value token, Value prepared,
                Value fragment) {
    VectorType type = kernel.getPreparedType();
    Value steps = countSteps(columns), last = b.sub(steps, b.index(1));
    Values carried = {fragment, readWeights(columns, rows, zero)};
    return b.loop(zero, steps, 1, carried,
                  [&](Value step, ValueRange carried) -> Values {
                    prefetch(columns, rows, step);
                    Value next = b.minUnsigned(b.add(step, b.index(1)), last);
                    Value weights = readWeights(columns, rows, next);
                    Value codes = read(type, prepared, at(token, step, type));
                    Value sums = MicroOp::create(b, kernel.getFragmentType(),
                                                 op.getProjectionAttr(), kernel,
                                                 codes, carried[0], carried[1]);
                    return {sums, weights};
                  })[0];
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// The results of one token and tile, into the worker's part.
  Value writeResult(Value sums, Value rows, Value token, Value part) {
    Value all = b.add(firstToken, token);
    Value row = rowOf(b.sub(rows, first));
    if (!consumer)
      return write(sums, part, {all, row});
    Value product = tensor::EmptyOp::create(b, ArrayRef<int64_t>{1, tile.rows},
                                            b.getI32Type());
    product = write(sums, product, {zero, zero});
    SmallVector<OpFoldResult> offsets = {all, rowOf(rows)}, there = {all, row},
                              sizes = {b.getIndexAttr(1),
                                       b.getIndexAttr(tile.rows)},
                              strides(2, b.getIndexAttr(1));
    TilingResult tiled = *cast<TilingInterface>(consumer.getOperation())
                              .getTiledImplementation(b, offsets, sizes);
    auto result = cast<linalg::GenericOp>(tiled.tiledOps.front());
    for (OpOperand *input : result.getDpsInputOperands())
      if (auto slice = input->get().getDefiningOp<tensor::ExtractSliceOp>())
        if (slice.getSource() == op->getResult(0)) {
          input->set(product);
          if (slice->use_empty())
            slice.erase();
        }
    Value destination =
        tensor::ExtractSliceOp::create(b, part, there, sizes, strides);
    destination.getDefiningOp()->moveBefore(result);
    result.getDpsInitsMutable()[0].set(destination);
    return tensor::InsertSliceOp::create(b, result->getResult(0), part, there,
                                         sizes, strides);
  }

  MatmulOp op;
  linalg::GenericOp consumer;
  MicroKernelAttrInterface kernel;
  MicroTile tile;
  MicroPreparation preparation;
  KernelBuilder b;
  Value weight;
  bool isOfSteps;      ///< a tile of the weight is a step, by rows first
  int64_t columnTiles; ///< whose codes are prepared together
  int64_t steps;       ///< of all columns
  int64_t rowTiles, tokensAtOnce;
  Value zero, tokens;
  Value first, end;        ///< tiles of rows of the worker
  Value firstToken, count; ///< of those that are prepared together
};

} // namespace

void tern::buildPreparedNest(MatmulOp op, linalg::GenericOp consumer,
                             Value weight, RewriterBase &rewriter) {
  scf::ForallOp loop = PreparedNest(op, consumer, weight, rewriter).build();
  rewriter.replaceOp(consumer ? consumer.getOperation() : op.getOperation(),
                     loop.getResults());
  if (consumer)
    rewriter.eraseOp(op);
}
