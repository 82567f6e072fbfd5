//===- ProductCall.cpp - Calls of products alone --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductCall.h"

#include "tern/Packing/HalfFloat.h"

#include "llvm/Support/MathExtras.h"

#include <random>

using namespace tern;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Entries 0 to `candidates`, each with probability `share`, in order.
static int32_t fillList(std::vector<int32_t> &list, int64_t candidates,
                        double share, std::mt19937 &random) {
  int32_t count = 0;
  std::bernoulli_distribution isListed(share);
  for (int64_t i = 0; i < candidates; ++i)
    if (isListed(random))
      list[count++] = static_cast<int32_t>(i);
  return count;
}

ProductOperands::ProductOperands(const ProductShape &shape)
    : rows(shape.rows), columns(shape.columns), tokens(shape.tokens),
      weight(rows * columns), codes(tokens * columns), rowList(rows),
      columnList(llvm::alignTo(columns, 4)) {
  std::mt19937 random(rows + columns);
  int64_t values = shape.integerBits ? int64_t(1) << shape.integerBits : 3;
  // Of two bits they are not negative.
  int64_t lowest = shape.integerBits == 2 ? 0 : -values / 2;
  for (int8_t &value : weight)
    value = static_cast<int8_t>(lowest + int64_t(random() % values));
  // The first one of several tokens has the largest sums there are.
  int64_t span = shape.codes.high - shape.codes.low + 1;
  for (int64_t i = 0; i < tokens * columns; ++i)
    codes[i] = static_cast<int8_t>(i < columns && tokens > 1
                                       ? shape.codes.low
                                       : shape.codes.low + random() % span);
  std::bernoulli_distribution isZero(1 - shape.density);
  if (shape.density < 1)
    for (int64_t i = columns; i < tokens * columns; ++i)
      if (isZero(random))
        codes[i] = 0;
  double share = shape.share;
  if (shape.listsRows)
    rowCount = fillList(rowList, rows, share, random);
  if (shape.listsColumns)
    columnCount = fillList(columnList, columns, share, random);
  scales.resize(rows * shape.getGroups());
  for (float &scale : scales)
    scale = static_cast<float>(random() % 2048 + 1) / 65536.0F;
  factors.resize(tokens * shape.getGroups());
  for (float &factor : factors)
    factor = static_cast<float>(random() % 65521 + 1) / 65536.0F;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

int64_t ProductCall::getWidth(const ProductShape &shape,
                              const Strategy &strategy) {
  if (shape.listsColumns)
    return llvm::alignTo(shape.columns, 4);
  return strategy.layout ? strategy.layout->paddedColumns(shape.columns)
                         : shape.columns;
}

Descriptor ProductCall::describeWeight(const ProductShape &shape,
                                       const Strategy &strategy) {
  if (!strategy.layout)
    return Descriptor(nullptr, {shape.rows, shape.columns});
  auto [outer, inner, bytes] =
      strategy.layout->gridShape(shape.rows, shape.columns);
  return Descriptor(nullptr, {outer, inner, bytes});
}

/// As the operand of the product's text has them.
static std::vector<uint8_t> getScaleBytes(const ProductShape &shape,
                                          llvm::ArrayRef<float> scales) {
  std::vector<uint8_t> bytes;
  auto add = [&](auto value) {
    const auto *first = reinterpret_cast<const uint8_t *>(&value);
    bytes.insert(bytes.end(), first, first + sizeof(value));
  };
  for (float scale : scales)
    if (shape.scales == ScaleFormat::F16)
      add(floatToHalf(scale));
    else
      add(scale);
  return bytes;
}

ProductCall::ProductCall(const ProductShape &shape, const Strategy &strategy,
                         const ProductOperands &operands)
    : resultWidth(strategy.layout ? strategy.layout->paddedRows(shape.rows)
                                  : shape.rows),
      paddedCodes(shape.tokens * getWidth(shape, strategy)),
      resultBits(shape.tokens * resultWidth, 0x5ca1ab1e),
      lists{operands.rowList, operands.columnList},
      scaleBytes(getScaleBytes(shape, operands.scales)),
      factorValues(operands.factors), counts{operands.rowCount,
                                             operands.columnCount},
      codes(paddedCodes.data(), {shape.tokens, getWidth(shape, strategy)}),
      weight(describeWeight(shape, strategy)),
      rowList(lists[0].data(), {1, shape.rows}), rowCount(&counts[0], {1}),
      columnList(lists[1].data(), {1, int64_t(lists[1].size())}),
      columnCount(&counts[1], {1}),
      scales(scaleBytes.data(), {shape.rows, shape.getGroups()}),
      factors(factorValues.data(), {shape.tokens, shape.getGroups()}),
      result(resultBits.data(), {shape.tokens, resultWidth}) {
  int64_t width = getWidth(shape, strategy);
  for (int64_t t = 0; t < shape.tokens; ++t) {
    const int8_t *from = operands.codes.data() + t * shape.columns;
    int8_t *to = paddedCodes.data() + t * width;
    if (!shape.listsColumns)
      std::copy(from, from + shape.columns, to);
    else
      for (int32_t k = 0; k < operands.columnCount; ++k)
        to[k] = from[operands.columnList[k]];
  }
}

std::vector<int32_t> ProductCall::getResults(const ProductShape &shape) const {
  std::vector<int32_t> results;
  for (int64_t t = 0; t < shape.tokens; ++t) {
    const int32_t *row = resultBits.data() + t * resultWidth;
    results.insert(results.end(), row, row + shape.rows);
  }
  return results;
}
