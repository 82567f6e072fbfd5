//===- PreparedCodes.cpp - Codes as a kernel wants them -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PreparedCodes.h"

#include "TrailingVectors.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

PreparedCodes::PreparedCodes(MatmulOp op, Value weight, RewriterBase &rewriter)
    : op(op), kernel(op.getStrategyAttr().getKernel(0)), tile(kernel.getTile()),
      preparation(kernel.getPreparation()), b(op.getLoc(), rewriter) {
  auto grid = cast<ShapedType>(weight.getType());
  LayoutAttr panel = op.getStrategyAttr().getPanel();
  LayoutAttr layout = panel ? panel : op.getLayout();
  hasLayout = bool(layout);
  isByRows = !layout || layout.getLayout().outer == Axis::Row;
  isListed = preparation.listedPlanes != 0;
  planes = std::max<int64_t>(preparation.listedPlanes, 1);
  if (layout) {
    int64_t tiles = grid.getDimSize(isByRows ? 1 : 0);
    rowTiles = grid.getDimSize(isByRows ? 0 : 1);
    steps = tiles * layout.getLayout().tileColumns();
  } else {
    rowTiles = grid.getDimSize(0) / tile.rows;
    steps = grid.getDimSize(1);
  }
  steps = llvm::divideCeil(steps, tile.columns);
  columnTiles = llvm::divideCeil(steps, preparation.steps);
  auto codes = cast<ShapedType>(op.getCodes().getType());
  width = codes.getDimSize(1);
  int64_t known = codes.getDimSize(0);
  tokensAtOnce = ShapedType::isDynamic(known)
                     ? preparation.tokens
                     : std::min(known, preparation.tokens);
  setsAtOnce = llvm::divideCeil(tokensAtOnce, tile.tokens);
}

void PreparedCodes::takeTokens(Value token, Value tokens) {
  firstToken = token;
  count = b.minUnsigned(b.sub(tokens, token), b.index(tokensAtOnce));
  sets = b.div(b.add(count, b.index(tile.tokens - 1)), b.index(tile.tokens));
}

Value PreparedCodes::prepare(Value columns) {
  return isListed ? list(columns) : prepareSteps(columns);
}

Value PreparedCodes::read(VectorType type, Value from, ValueRange at) {
  return readTrailing(b, type, from, at);
}

Value PreparedCodes::write(Value vector, Value into, ValueRange at) {
  return writeTrailing(b, vector, into, at);
}

Value PreparedCodes::allocate(ArrayRef<int64_t> places, VectorType type) {
  SmallVector<int64_t> shape(places);
  llvm::append_range(shape, type.getShape());
  return tensor::EmptyOp::create(b, shape, type.getElementType());
}

Values PreparedCodes::at(Value i, Value j, VectorType type) {
  Values indices(type.getRank() + 2, zero);
  indices[0] = i;
  indices[1] = j;
  return indices;
}

Value PreparedCodes::firstStep(Value columns) {
  return b.mul(columns, b.index(preparation.steps));
}

Value PreparedCodes::countSteps(Value columns, int64_t all) {
  if (columnTiles * preparation.steps == all)
    return b.index(preparation.steps);
  return b.minUnsigned(b.sub(b.index(all), firstStep(columns)),
                       b.index(preparation.steps));
}

/// The codes of a step of a set of tokens, the first `known` of which there
/// are; the last token stands for those that are not there.
Value PreparedCodes::readCodes(Value columns, Value step, Value set,
                               int64_t known) {
  Value column = b.mul(b.add(firstStep(columns), step), b.index(tile.columns));
  auto part = VectorType::get({1, known}, b.getI8Type());
  Value codes;
  for (int64_t t = 0; t < tile.tokens; ++t) {
    Value token = set;
    if (tile.tokens > 1)
      token = b.minUnsigned(b.add(b.mul(set, b.index(tile.tokens)), b.index(t)),
                            b.sub(count, b.index(1)));
    Value row =
        padCodes(read(part, op.getCodes(), {b.add(firstToken, token), column}));
    if (tile.tokens == 1)
      return row;
    if (!codes)
      codes = b.zero(kernel.getCodesType());
    codes = b.withPart(codes, row, {t});
  }
  return codes;
}

Value PreparedCodes::prepareSteps(Value columns) {
  VectorType type = kernel.getPreparedType();
  Value prepared = allocate({setsAtOnce, preparation.steps}, type);
  Value whole = countSteps(columns, width / tile.columns),
        end = countSteps(columns, steps);
  return b.loop(
      zero, sets, 1, prepared, [&](Value set, ValueRange outer) -> Values {
        auto add = [&](int64_t known, Value step, Value prepared) -> Values {
          Value codes = readCodes(columns, step, set, known);
          Value made = MicroPrepareOp::create(b, type, kernel, codes);
          return {write(made, prepared, at(set, step, type))};
        };
        Value made =
            b.loop(zero, whole, 1, outer[0], [&](Value step, ValueRange inner) {
              return add(tile.columns, step, inner[0]);
            })[0];
        if (width % tile.columns == 0)
          return {made};
        // The last step of all, if it is in this tile.
        return b.loop(whole, end, 1, made, [&](Value step, ValueRange inner) {
          return add(width % tile.columns, step, inner[0]);
        });
      })[0];
}

Value PreparedCodes::list(Value columns) {
  VectorType type = kernel.getPreparedType();
  Value prepared = allocate({tokensAtOnce * planes, preparation.steps}, type);
  lists.emplace(b, kernel, tokensAtOnce * planes);
  Value whole = countSteps(columns, width / tile.columns),
        end = countSteps(columns, steps);
  return listGroups(
      b, kernel, count, prepared, *lists,
      [&](Value token, GroupLister &lister) {
        lister.add(zero, whole, [&](Value step) {
          return readCodes(columns, step, token, tile.columns);
        });
        if (width % tile.columns)
          lister.add(whole, end, [&](Value step) {
            return readCodes(columns, step, token, width % tile.columns);
          });
      },
      [&](Value list, Value step, Value codes, Value carried) {
        Value made = MicroPrepareOp::create(b, type, kernel, codes);
        return write(made, carried, at(list, step, type));
      });
}

/// The codes of a token of a step or a part of one, zeros behind them; by
/// themselves where a step has those of several tokens.
Value PreparedCodes::padCodes(Value codes) {
  Value row = codes;
  if (tile.tokens > 1 ||
      cast<VectorType>(codes.getType()).getDimSize(1) != tile.columns)
    row = b.padLanes(b.part(codes, {int64_t(0)}), tile.columns);
  return tile.tokens > 1 || row == codes ? row
                                         : b.reshape(row, {1, tile.columns});
}
