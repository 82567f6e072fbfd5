//===- ContiguousRows.cpp - Products of weights whose rows are contiguous -===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lanes run along a row, so a row that is not needed is not read, at the price
// of one horizontal sum per row. One row at a time is one stream of memory.
//
// A row is cut into steps of one or four parts, each a vector of unsigned bytes
// and where the codes it meets begin:
//   ternary    a vector of bytes has four parts, its fields
//   int8       a vector of bytes is one part, as w + 128 (w xor 0x80); the sums
//              are too large by 128 times the sum of the codes
//
//===----------------------------------------------------------------------===//

#include "DotProducts.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Rows of int8 weights are prefetched by no one: they come in order.
constexpr int64_t kRowsAhead = 8;
constexpr int64_t kLineBytes = 64;

/// The columns of a row that one dot product takes.
struct Part {
  Value u;          ///< unsigned bytes
  unsigned maximum; ///< of them
  int64_t shift;    ///< u is 2^shift times too large
  Value column;     ///< of the first code
};

/// Cuts rows into parts.
class RowReader {
public:
  explicit RowReader(const DotKernel &kernel)
      : kernel(kernel), b(kernel.b), isTernary(kernel.weight.layout) {}

  int64_t stepColumns() const {
    return (isTernary ? 4 : 1) * kernel.vectorBytes();
  }
  int64_t wholeSteps() const { return kernel.weight.columns / stepColumns(); }
  /// Columns after the whole steps; ternary rows have none.
  int64_t tailColumns() const { return kernel.weight.columns % stepColumns(); }
  /// How many times the sum of the codes is in the result too much.
  int64_t bias() const { return isTernary ? 1 : 128; }

  /// One step of a row. `inPlace` leaves fields where they are in their byte.
  SmallVector<Part> read(Value row, Value step, bool inPlace) const {
    Value column = b.mul(step, stepColumns());
    if (!isTernary) {
      Value w = b.load(kernel.bytesType(), kernel.weight.bytes, {row, column});
      return {{b.bitXor(w, 0x80), 255, 0, column}};
    }
    Value at = b.add(b.mul(row, kernel.weight.rowBytes()),
                     b.mul(step, kernel.vectorBytes()));
    Value w = kernel.loadWeight(at);
    SmallVector<Part> parts;
    for (int64_t f = 0; f < 4; ++f) {
      Value start = b.add(column, f * kernel.vectorBytes());
      if (inPlace)
        parts.push_back(
            {kernel.fieldInPlace(w, f), kernel.maxInPlace(f), 2 * f, start});
      else
        parts.push_back({kernel.fieldMoved(w, f), kMaxStoredDigit, 0, start});
    }
    return parts;
  }

  /// The tail of an int8 row; the codes it meets are to be padded with zeros.
  Part readTail(Value row) const {
    Value column = b.index(kernel.weight.columns - tailColumns());
    Value w = b.load(b.vectorOf(tailColumns(), b.getI8Type()),
                     kernel.weight.bytes, {row, column});
    w = b.padLanes(w, kernel.vectorBytes());
    return {b.bitXor(w, 0x80), 255, 0, column};
  }

private:
  const DotKernel &kernel;
  KernelBuilder &b;
  bool isTernary;
};

/// A product of contiguous rows.
struct RowProduct {
  const DotKernel &kernel;
  KernelBuilder &b;
  RowReader reader;
  Value codes, corrections, out;

  RowProduct(const DotKernel &kernel, Value codes, Value out)
      : kernel(kernel), b(kernel.b), reader(kernel), codes(codes), out(out) {
    corrections = sumCodes(b, codes, b.index(kernel.weight.columns));
  }

  Value loadCodes(Value token, Value column) const {
    return b.load(kernel.bytesType(), codes, {token, column});
  }
  Value loadTailCodes(Value token, Value column) const {
    Value x = b.load(b.vectorOf(reader.tailColumns(), b.getI8Type()), codes,
                     {token, column});
    return b.padLanes(x, kernel.vectorBytes());
  }
  void store(Value sums, Value row, Value token) const {
    Value bias = b.mul(b.load(corrections, token), reader.bias());
    b.store(b.sub(b.sumOfIntegers(sums), bias), out, {token, row});
  }

  void multiplyRow(Value row, Value token) const;
  void multiplyTile(Value firstRow, int64_t rowCount, Value firstToken,
                    int64_t tokenCount) const;
  void multiplyRows(Value firstRow, Value endRow) const;
};

} // namespace

//===----------------------------------------------------------------------===//
// One row, one token
//===----------------------------------------------------------------------===//

/// Four sums, so that no addition waits for the one before: of the four fields
/// of a ternary row, or of four steps of an int8 row.
void RowProduct::multiplyRow(Value row, Value token) const {
  constexpr int64_t chains = 4;
  SmallVector<int64_t> shifts(chains, 0);
  auto addStep = [&](Value step, Values &sums, int64_t chain) {
    for (Part part : reader.read(row, step, /*inPlace=*/true)) {
      sums[chain] = kernel.accumulate(
          sums[chain], part.u, loadCodes(token, part.column), part.maximum);
      shifts[chain] = part.shift;
      chain = (chain + 1) % chains;
    }
  };
  int64_t stepsAtOnce = kernel.weight.layout ? 1 : chains;
  int64_t steps = reader.wholeSteps() / stepsAtOnce * stepsAtOnce;
  Values sums(chains, b.zero(kernel.sumsType()));
  if (steps > 0)
    sums = b.loop(b.index(0), b.index(steps), stepsAtOnce, sums,
                  [&](Value step, ValueRange carried) {
                    Values sums(carried);
                    for (int64_t i = 0; i < stepsAtOnce; ++i)
                      addStep(b.add(step, i), sums, i);
                    return sums;
                  });
  for (int64_t step = steps; step < reader.wholeSteps(); ++step)
    addStep(b.index(step), sums, step - steps);
  if (reader.tailColumns() > 0) {
    Part tail = reader.readTail(row);
    sums[0] = kernel.accumulate(
        sums[0], tail.u, loadTailCodes(token, tail.column), tail.maximum);
  }
  for (int64_t i = 1; i < chains; ++i)
    sums[0] = b.add(sums[0], b.shiftRightSigned(sums[i], shifts[i]));
  store(sums[0], row, token);
}

//===----------------------------------------------------------------------===//
// Rows times tokens
//===----------------------------------------------------------------------===//

/// Each row is unpacked once for the tokens, each vector of codes loaded once
/// for the rows.
void RowProduct::multiplyTile(Value firstRow, int64_t rowCount,
                              Value firstToken, int64_t tokenCount) const {
  Values rows, tokens;
  for (int64_t r = 0; r < rowCount; ++r)
    rows.push_back(b.add(firstRow, r));
  for (int64_t t = 0; t < tokenCount; ++t)
    tokens.push_back(b.add(firstToken, t));
  auto addPart = [&](ArrayRef<Part> parts, Values &sums,
                     function_ref<Value(Value, Value)> load) {
    for (int64_t t = 0; t < tokenCount; ++t) {
      Value x = load(tokens[t], parts.front().column);
      for (int64_t r = 0; r < rowCount; ++r) {
        Value &sum = sums[t * rowCount + r];
        sum = kernel.accumulate(sum, parts[r].u, x, parts[r].maximum);
      }
    }
  };
  Values sums(rowCount * tokenCount, b.zero(kernel.sumsType()));
  if (reader.wholeSteps() > 0)
    sums = b.loop(b.index(0), b.index(reader.wholeSteps()), 1, sums,
                  [&](Value step, ValueRange carried) {
                    Values sums(carried);
                    SmallVector<SmallVector<Part>> read;
                    for (Value row : rows)
                      read.push_back(reader.read(row, step, /*inPlace=*/false));
                    for (size_t part = 0; part < read.front().size(); ++part) {
                      SmallVector<Part> parts;
                      for (SmallVector<Part> &ofRow : read)
                        parts.push_back(ofRow[part]);
                      addPart(parts, sums, [&](Value token, Value column) {
                        return loadCodes(token, column);
                      });
                    }
                    return sums;
                  });
  if (reader.tailColumns() > 0) {
    SmallVector<Part> parts;
    for (Value row : rows)
      parts.push_back(reader.readTail(row));
    addPart(parts, sums, [&](Value token, Value column) {
      return loadTailCodes(token, column);
    });
  }
  for (int64_t t = 0; t < tokenCount; ++t)
    for (int64_t r = 0; r < rowCount; ++r)
      store(sums[t * rowCount + r], rows[r], tokens[t]);
}

void RowProduct::multiplyRows(Value firstRow, Value endRow) const {
  Value tokens = b.length(codes);
  if (getConstantIntValue(tokens) == 1) {
    b.loop(firstRow, endRow, 1,
           [&](Value row) { multiplyRow(row, b.index(0)); });
    return;
  }
  // Sums of a tile and one part of each of its rows are to fit the registers.
  constexpr int64_t tokenTile = 4;
  int64_t rowTile = kernel.lanes() >= 16 ? 4 : 2;
  Value count = b.sub(endRow, firstRow);
  Value endTiled = b.add(firstRow, b.mul(b.div(count, rowTile), rowTile));
  Value endTokens = b.mul(b.div(tokens, tokenTile), tokenTile);
  auto multiply = [&](Value first, int64_t rows) {
    b.loop(b.index(0), endTokens, tokenTile,
           [&](Value token) { multiplyTile(first, rows, token, tokenTile); });
    b.loop(endTokens, tokens, 1,
           [&](Value token) { multiplyTile(first, rows, token, 1); });
  };
  b.loop(firstRow, endTiled, rowTile,
         [&](Value row) { multiply(row, rowTile); });
  b.loop(endTiled, endRow, 1, [&](Value row) { multiply(row, 1); });
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

void tern::multiplyContiguousRows(const DotKernel &kernel, Value codes,
                                  Value out) {
  KernelBuilder &b = kernel.b;
  RowProduct product(kernel, codes, out);
  int64_t rows = kernel.weight.rows;
  b.parallel(b.index(llvm::divideCeil(rows, kRowsPerIteration)),
             kRowsPerIteration * kernel.weight.rowBytes(), [&](Value block) {
               Value first = b.mul(block, kRowsPerIteration);
               Value end = b.minUnsigned(b.add(first, kRowsPerIteration),
                                         b.index(rows));
               product.multiplyRows(first, end);
             });
}

/// Rows of a list lie apart: the processor does not see the next one coming, so
/// all lines of the one some entries ahead are asked for at once.
static void prefetchRow(const DotKernel &kernel, Value indices, Value count,
                        Value i) {
  KernelBuilder &b = kernel.b;
  Value last = b.sub(count, b.index(1));
  Value ahead = b.minUnsigned(b.add(i, kRowsAhead), last);
  Value row = b.toIndex(b.load(indices, {b.index(0), ahead}));
  Value start = b.mul(row, kernel.weight.rowBytes());
  b.loop(0, kernel.weight.rowBytes(), kLineBytes, [&](Value byte) {
    b.prefetch(kernel.weight.bytes, b.add(start, byte));
  });
}

void tern::multiplyListedRows(const DotKernel &kernel, Value codes,
                              Value indices, Value count, Value out) {
  KernelBuilder &b = kernel.b;
  RowProduct product(kernel, codes, out);
  b.parallel(count, kernel.weight.rowBytes(), [&](Value i) {
    prefetchRow(kernel, indices, count, i);
    Value row = b.toIndex(b.load(indices, {b.index(0), i}));
    product.multiplyRow(row, b.index(0));
  });
}
