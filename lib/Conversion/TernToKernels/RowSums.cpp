//===- RowSums.cpp - Rows of a product, digit by digit --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Integers within a group of columns, floats over groups (docs/numerics.md 4).
//
//===----------------------------------------------------------------------===//

#include "RowSums.h"

#include "LineWalker.h"
#include "tern/Kernels/Digits.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

//===----------------------------------------------------------------------===//
// One digit
//===----------------------------------------------------------------------===//

/// W[row][column] as i32: Layout::locate, or a byte of int8 rows.
static Value loadDigit(KernelBuilder &b, const WeightInfo &weight, Value row,
                       Value column) {
  Type i32 = b.getI32Type();
  if (!weight.layout)
    return b.signExtend(b.load(weight.bytes, {row, column}), i32);
  const Layout &layout = *weight.layout;
  Value tileRow = b.div(row, b.index(layout.tileRows()));
  Value tileColumn = b.div(column, b.index(layout.tileColumns()));
  bool byRows = layout.outer == Axis::Row;
  int64_t tilesAlong = byRows ? weight.columns / layout.tileColumns()
                              : weight.rows / layout.tileRows();
  Value tile = b.add(b.mul(byRows ? tileRow : tileColumn, tilesAlong),
                     byRows ? tileColumn : tileRow);
  auto position = [&](const LayoutPart &part) {
    Value at = part.axis == Axis::Row ? row : column;
    return b.rem(b.div(at, b.index(part.stride)), part.size);
  };
  // The first byte of the word: a part of its bytes is at 0.
  Value byte = b.mul(tile, layout.tileBytes());
  int64_t stride = layout.digitBytes();
  for (const LayoutPart &part : layout.bytes) {
    stride /= part.size;
    if (part.axis != Axis::Byte)
      byte = b.add(byte, b.mul(position(part), stride));
  }
  Value digit = b.index(0);
  for (const LayoutPart &part : layout.digits)
    digit = b.add(b.mul(digit, part.size), position(part));
  return buildDigit(b, *layout.codec, weight.loadWord(b, byte), digit);
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value RowSums::loadCode(Value token, Value column) const {
  return b.signExtend(b.load(codes, {token, column}), b.getI32Type());
}

Value RowSums::listed() const {
  return b.toIndex(b.load(op.getColumnCount(), b.index(0)));
}

std::pair<Value, Value> RowSums::multiplyListed(Value row, Value i) const {
  Value zero = b.index(0);
  Value column = b.toIndex(b.load(op.getColumnIndices(), {zero, i}));
  Value digit = loadDigit(b, weight, row, column);
  return {b.mul(digit, loadCode(zero, i)), column};
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Value RowSums::sumColumns(Value row, Value token) const {
  Value zero = b.zero(b.getI32Type());
  if (!weight.layout)
    return b.loop(b.index(0), b.index(weight.columns), 1, zero,
                  [&](Value column, ValueRange sum) -> Values {
                    Value w = loadDigit(b, weight, row, column);
                    return {b.add(sum[0], b.mul(w, loadCode(token, column)))};
                  })[0];
  Value tiles = b.index(weight.columns / weight.layout->tileColumns());
  return LineWalker(b, weight, Axis::Row, row)
      .walk(b.index(0), tiles, zero,
            [&](Value digit, Value column, ValueRange sum) -> Values {
              return {b.add(sum[0], b.mul(digit, loadCode(token, column)))};
            })[0];
}

Value RowSums::sumListed(Value row) const {
  return b.loop(b.index(0), listed(), 1, b.zero(b.getI32Type()),
                [&](Value i, ValueRange sum) -> Values {
                  return {b.add(sum[0], multiplyListed(row, i).first)};
                })[0];
}

Value RowSums::sumGroup(Value row, Value token, Value group) const {
  int64_t tile = weight.layout->tileColumns(), size = op.getGroupSize();
  Value from = b.mul(group, size), to = b.add(from, size);
  Value endTile = b.div(b.add(to, tile - 1), b.index(tile));
  Value zero = b.zero(b.getI32Type());
  return LineWalker(b, weight, Axis::Row, row)
      .walk(b.div(from, b.index(tile)), endTile, zero,
            [&](Value digit, Value column, ValueRange sum) -> Values {
              Value x = loadCode(token, column);
              if (size % tile) {
                Value isWithin =
                    b.bitAnd(b.compare(arith::CmpIPredicate::uge, column, from),
                             b.compare(arith::CmpIPredicate::ult, column, to));
                x = b.select(isWithin, x, zero);
              }
              return {b.add(sum[0], b.mul(digit, x))};
            })[0];
}

Value RowSums::sumListedByGroup(Value row) const {
  Value count = b.index(op.getGroups());
  Value sums = b.alloc(b.getI32Type(), count);
  b.loop(b.index(0), count, 1,
         [&](Value group) { b.store(b.zero(b.getI32Type()), sums, group); });
  b.loop(b.index(0), listed(), 1, [&](Value i) {
    auto [product, column] = multiplyListed(row, i);
    Value group = b.div(column, b.index(op.getGroupSize()));
    b.store(b.add(b.load(sums, group), product), sums, group);
  });
  return sums;
}

/// The sum over groups, by rising group, of f32(sum) * scale [* factor].
Value RowSums::scale(Value row, Value token,
                     function_ref<Value(Value)> sumOfGroup) const {
  return b.loop(b.index(0), b.index(op.getGroups()), 1, b.zero(b.getF32Type()),
                [&](Value group, ValueRange carried) -> Values {
                  Value term =
                      b.mul(b.toFloat(sumOfGroup(group)),
                            weight.loadScale(b, op.getScales(), row, group));
                  if (Value factors = op.getFactors()) {
                    Value block =
                        b.div(group, b.index(op.getGroupsPerFactor()));
                    term = b.mul(term, b.load(factors, {token, block}));
                  }
                  return {b.add(carried[0], term)};
                })[0];
}

Value RowSums::build(Value row, Value token) const {
  bool isListed = bool(op.getColumnIndices());
  if (!op.getGroups())
    return isListed ? sumListed(row) : sumColumns(row, token);
  if (!isListed)
    return scale(row, token,
                 [&](Value group) { return sumGroup(row, token, group); });
  Value sums = sumListedByGroup(row);
  return scale(row, token, [&](Value group) { return b.load(sums, group); });
}
