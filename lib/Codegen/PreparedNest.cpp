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
// Where all columns are one tile, a fragment needs no memory. "A token" is as
// many as the kernel takes, the last ones of which may be there twice, and a
// tile of rows has a fragment for each of the kernel's parts.
//
//===----------------------------------------------------------------------===//

#include "PreparedNest.h"

#include "PreparedCodes.h"
#include "ProductConsumers.h"
#include "ProductTraffic.h"
#include "StepSums.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

class PreparedNest : PreparedCodes {
  /// A part of a tile of rows, by the kernel that does it.
  struct Place {
    Value rows;  ///< the tile
    Value index; ///< of the part, among those of all tiles
    MicroKernelAttrInterface kernel;
    int64_t part;
  };

public:
  PreparedNest(MatmulOp op, linalg::GenericOp consumer, Value weight,
               RewriterBase &rewriter)
      : PreparedCodes(op, weight, rewriter), consumer(consumer),
        weight(weight) {
    for (Attribute part : kernel.getParts())
      parts.push_back(cast<MicroKernelAttrInterface>(part));
    rowsOfTile = tile.rows * int64_t(parts.size());
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
                    takeTokens(token, tokens);
                    return {buildTokens(carried[0])};
                  })[0];
    b.setInsertionPointToStart(loop.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, part, out, offsets, sizes,
                                          strides);
    return loop;
  }

private:
  //===--------------------------------------------------------------------===//
  // Tiles of rows
  //===--------------------------------------------------------------------===//

  Value rowOf(Value rowTile) { return b.mul(rowTile, b.index(rowsOfTile)); }

  /// Calls body(place, number, carried), by rows first, for all of `most` times
  /// as many numbers as there are sets of tokens.
  Value forEachTile(Value carried, int64_t most,
                    function_ref<Value(Place, Value, Value)> body) {
    auto forParts = [&](Value rows, Value number, Value carried) {
      Value index = b.mul(rows, b.index(parts.size()));
      for (auto [i, part] : llvm::enumerate(parts))
        carried = body({rows, b.add(index, b.index(i)), part, int64_t(i)},
                       number, carried);
      return carried;
    };
    return b.loop(
        first, end, 1, carried, [&](Value rows, ValueRange outer) -> Values {
          if (setsAtOnce * most == 1)
            return {forParts(rows, zero, outer[0])};
          return b.loop(zero, b.mul(sets, b.index(most)), 1, outer[0],
                        [&](Value number, ValueRange inner) -> Values {
                          return {forParts(rows, number, inner[0])};
                        });
        })[0];
  }

  //===--------------------------------------------------------------------===//
  // Sums
  //===--------------------------------------------------------------------===//

  /// `out` with the results of `count` tokens.
  Value buildTokens(Value out) {
    if (columnTiles == 1 && !isListed)
      return buildOneTile(out);
    int64_t tilesOfSegment =
        std::max<int64_t>(preparation.maxSteps / preparation.steps, 1);
    Value sums;
    if (tilesOfSegment < columnTiles)
      sums = allocate({countParts(), setsAtOnce}, kernel.getSumsType());
    for (int64_t from = 0; from < columnTiles; from += tilesOfSegment) {
      int64_t to = std::min(from + tilesOfSegment, columnTiles);
      Value fragments = sumSegment(from, to);
      bool isLast = to == columnTiles;
      Value results = forEachTile(
          isLast ? out : sums, 1, [&](Place place, Value set, Value carried) {
            VectorType sumsType = kernel.getSumsType();
            Value sum = finish(fragments, place, set);
            if (from)
              sum = b.add(sum, read(sumsType, isLast ? sums : carried,
                                    at(place.index, set, sumsType)));
            return isLast ? writeResults(sum, place, set, carried)
                          : write(sum, carried, at(place.index, set, sumsType));
          });
      (isLast ? out : sums) = results;
    }
    return out;
  }

  /// The same of columns that are one tile.
  Value buildOneTile(Value out) {
    Value prepared = prepare(zero);
    only = readOnly(prepared);
    return forEachTile(out, 1, [&](Place place, Value set, Value carried) {
      Value begun = MicroBeginOp::create(b, kernel.getFragmentType(),
                                         place.kernel, steps);
      Value fragment = sumTile(zero, place, set, prepared, begun);
      Value sums = MicroFinishOp::create(b, kernel.getSumsType(), place.kernel,
                                         fragment);
      return writeResults(sums, place, set, carried);
    });
  }

  int64_t countParts() const { return rowTiles * int64_t(parts.size()); }

  /// Sums less what the weights' offset adds.
  Value takeOffsetOff(Value sums, Value token) {
    if (!kernel.getOffset())
      return sums;
    auto type = VectorType::get({1, 1}, b.getI32Type());
    Value codeSums =
        read(type, op.getCodeSums(), {b.add(firstToken, token), zero});
    return tern::takeOffsetOff(b, kernel, sums, codeSums);
  }

  /// The sums of all planes of a token.
  Value finish(Value fragments, Place place, Value set) {
    VectorType type = kernel.getFragmentType();
    Value sum;
    for (int64_t plane = 0; plane < planes; ++plane) {
      Value number = b.add(b.mul(set, b.index(planes)), b.index(plane));
      Value fragment = read(type, fragments, at(place.index, number, type));
      Value one = MicroFinishOp::create(b, kernel.getSumsType(), place.kernel,
                                        fragment);
      sum = plane ? b.add(sum, b.shiftLeft(one, 4 * plane)) : one;
    }
    return sum;
  }

  /// Fragments of tiles `from` .. `to` of the columns.
  Value sumSegment(int64_t from, int64_t to) {
    VectorType type = kernel.getFragmentType();
    Value fragments = allocate({countParts(), setsAtOnce * planes}, type);
    fragments = forEachTile(
        fragments, planes, [&](Place place, Value number, Value carried) {
          int64_t end = std::min(to * preparation.steps, steps);
          Value begun = MicroBeginOp::create(b, type, place.kernel,
                                             end - from * preparation.steps);
          return write(begun, carried, at(place.index, number, type));
        });
    return b.loop(
        b.index(from), b.index(to), 1, fragments,
        [&](Value columns, ValueRange outer) -> Values {
          Value prepared = prepare(columns);
          only = readOnly(prepared);
          return {forEachTile(
              outer[0], planes, [&](Place place, Value number, Value carried) {
                Values there = at(place.index, number, type);
                Value fragment = read(type, carried, there);
                fragment = sumTile(columns, place, number, prepared, fragment);
                return write(fragment, carried, there);
              })};
        })[0];
  }

  /// Prepared codes of the only step: registers have them while all rows pass
  /// by. Null if there are more.
  Value readOnly(Value prepared) {
    if (setsAtOnce * preparation.steps != 1 || isListed)
      return {};
    VectorType type = kernel.getPreparedType();
    return read(type, prepared, at(zero, zero, type));
  }

  /// The bytes of step `step` of a tile; of a list, those of its groups.
  Values readWeights(Value columns, Value rows, Value number, Value step) {
    VectorType bytes = kernel.getWeightTypes().front();
    if (isListed) {
      Values weights;
      int64_t ofStep = kernel.getWeightTypes().size();
      Value from = b.mul(firstStep(columns), b.index(ofStep));
      for (int64_t j = 0; j < ofStep; ++j) {
        Value at = b.add(b.mul(step, b.index(ofStep)), b.index(j));
        Value group = b.toIndex(tensor::ExtractOp::create(
            b, lists->groups, ValueRange{number, at}));
        weights.push_back(
            read(bytes, weight, {rows, b.add(from, group), zero}));
      }
      return weights;
    }
    if (!hasLayout) {
      Value column =
          b.mul(b.add(firstStep(columns), step), b.index(tile.columns));
      return {read(bytes, weight, {rowOf(rows), column})};
    }
    if (isByRows) {
      Value tile = b.add(firstStep(columns), step);
      // A step of several tiles has a row of bytes of each.
      if (bytes.getRank() == 2)
        tile = b.mul(tile, b.index(bytes.getDimSize(0)));
      return {read(bytes, weight, {rows, tile, zero})};
    }
    Value byte = b.mul(step, b.index(bytes.getNumElements()));
    return {read(bytes, weight, {columns, rows, byte})};
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

  /// The same for the first of several sets of tokens.
  void prefetchOnce(Value columns, Value rows, Value set, Value step) {
    if (isByRows || !op.getStrategyAttr().getPrefetch())
      return;
    Value isFirst = b.compare(arith::CmpIPredicate::eq, set, 0);
    auto choice = scf::IfOp::create(b, isFirst, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    prefetch(columns, rows, step);
  }

  /// `number` is that of a token, or of a list.
  Value sumTile(Value columns, Place place, Value number, Value prepared,
                Value fragment) {
    Value rows = place.rows;
    VectorType type = kernel.getPreparedType();
    auto addStep = [&](Value step, ValueRange weights, Value sums) -> Value {
      Value codes = only ? only : read(type, prepared, at(number, step, type));
      return MicroOp::create(b, sums.getType(), op.getProjectionAttr(),
                             place.kernel, codes, sums, weights);
    };
    Value end = isListed ? b.toIndex(tensor::ExtractOp::create(
                               b, lists->steps, ValueRange{number}))
                         : countSteps(columns, steps);
    // The cache has a panel, and what an earlier token read.
    if (isByRows || tokensAtOnce != 1 || !preparation.readsAhead)
      return sumSteps(b, place.kernel, zero, end, fragment,
                      [&](Value from, Value to, Value sums) {
                        return b.loop(
                            from, to, 1, sums,
                            [&](Value step, ValueRange carried) -> Values {
                              if (place.part == 0)
                                prefetchOnce(columns, rows, number, step);
                              Values weights =
                                  readWeights(columns, rows, number, step);
                              return {addStep(step, weights, carried[0])};
                            })[0];
                      });
    // Weights are read a step ahead: where they stand behind the loads of
    // prepared codes, which the cache has, a stream from memory is a third
    // slower. The last step reads its own again.
    Value last = b.sub(end, b.index(1));
    Values carried = {fragment};
    llvm::append_range(carried, readWeights(columns, rows, number, zero));
    return b.loop(
        zero, end, 1, carried, [&](Value step, ValueRange carried) -> Values {
          prefetch(columns, rows, step);
          Value next = b.minUnsigned(b.add(step, b.index(1)), last);
          Values after = readWeights(columns, rows, number, next);
          Value sums = addStep(step, carried.drop_front(), carried[0]);
          after.insert(after.begin(), sums);
          return after;
        })[0];
  }

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// The results of a set of tokens, into the worker's part.
  Value writeResults(Value sums, Place place, Value set, Value part) {
    if (tile.tokens == 1)
      return writeResult(sums, place, set, part);
    // Those that are there, one by one.
    auto type = VectorType::get({1, tile.rows}, b.getI32Type());
    Value all = tensor::EmptyOp::create(b, kernel.getSumsType().getShape(),
                                        b.getI32Type());
    all = write(sums, all, {zero, zero});
    Value from = b.mul(set, b.index(tile.tokens));
    Value here = b.minUnsigned(b.sub(count, from), b.index(tile.tokens));
    return b.loop(
        zero, here, 1, part, [&](Value token, ValueRange carried) -> Values {
          Value one = read(type, all, {token, zero});
          return {writeResult(one, place, b.add(from, token), carried[0])};
        })[0];
  }

  /// The same of one token.
  Value writeResult(Value sums, Place place, Value token, Value part) {
    sums = takeOffsetOff(sums, token);
    Value all = b.add(firstToken, token);
    Value inTile = b.index(place.part * tile.rows);
    Value row = b.add(rowOf(b.sub(place.rows, first)), inTile);
    if (!consumer)
      return write(sums, part, {all, row});
    Value product = tensor::EmptyOp::create(b, ArrayRef<int64_t>{1, tile.rows},
                                            b.getI32Type());
    product = write(sums, product, {zero, zero});
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(1),
                                       b.getIndexAttr(tile.rows)};
    return insertConsumerTile(b, op, consumer, product,
                              {all, b.add(rowOf(place.rows), inTile)}, sizes,
                              part, {all, row});
  }

  linalg::GenericOp consumer;
  Value weight;
  SmallVector<MicroKernelAttrInterface> parts; ///< of a tile of rows
  int64_t rowsOfTile;
  Value only; ///< prepared codes, if of one step
  Value tokens;
  Value first, end; ///< tiles of rows of the worker
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
