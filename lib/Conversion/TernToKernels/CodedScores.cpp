//===- CodedScores.cpp - Scores against a low-bit cache -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Codes c stand for u = 2c - n, so sum(Q*u) = 2*sum(Q*c) - n*sum(Q): the dot
// product takes the unsigned codes as they are. Lanes are positions.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Target/Target.h"

#include <cmath>

using namespace mlir;
using namespace tern;

namespace {

/// Rows whose sums are kept in registers at once.
constexpr int64_t kMaxRows = 8;
constexpr int64_t kLanes = CacheLayout::lanes;

/// The integers of a group's queries: `codes` [row][dim], padded with zeros,
/// the sum of each row's, and its factor times 1 / sqrt(head_dim).
struct QueryCodes {
  Value codes, sums, factors;
};

/// How one row becomes integers (i8), and their factor.
struct Quantizer {
  Value multiplier; ///< int8_absmax
  Value scale;      ///< a row's code
  Value factor;
};

Quantizer buildQuantizer(KernelBuilder &b, const HeadGroup &group, Value token,
                         Value column) {
  if (group.qBits == 8) {
    Value most = buildAbsMax(b, group.query, token, column, group.headDim);
    Value top = b.constant(b.getF32Type(), 127.0);
    return {b.div(top, most), Value(), b.div(most, 127.0)};
  }
  RowScale scale = buildRowScale(b, group.query, token, column, group.headDim);
  double n = static_cast<double>(largestCode(group.qBits));
  return {Value(), scale.value, b.div(scale.value, n)};
}

Value quantize(KernelBuilder &b, const HeadGroup &group,
               const Quantizer &quantizer, Value x) {
  if (group.qBits == 8) {
    // Of the largest magnitude, so only NaN has to be clipped.
    Value q = b.mul(x, b.splat(x.getType(), quantizer.multiplier));
    return b.roundToInteger(b.getI8Type(), b.max(q, -128.0));
  }
  Value code = buildCodes(b, x, quantizer.scale, group.qBits);
  return b.sub(b.shiftLeft(code, 1),
               b.constant(code.getType(), largestCode(group.qBits)));
}

QueryCodes buildQueryCodes(KernelBuilder &b, const HeadGroup &group) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(group.headDim));
  int64_t padded = roundUp(group.headDim, CacheLayout::alignment);
  QueryCodes q{buildScratch(b, {group.getRows(), padded}, b.getI8Type()),
               buildScratch(b, group.getRows(), b.getI32Type()),
               buildScratch(b, group.getRows(), b.getF32Type())};
  b.loop(0, group.getRows(), 1, [&](Value row) {
    Value token = group.getToken(b, row), column = group.getColumn(b, row);
    Quantizer quantizer = buildQuantizer(b, group, token, column);
    b.store(b.mul(quantizer.factor, scale), q.factors, row);
    int64_t lanes = getHeadLanes(b);
    auto bytes = b.vectorOf(lanes, b.getI8Type());
    b.forEachChunk(padded, lanes, [&](Value i, int64_t) {
      b.store(b.zero(bytes), q.codes, {row, i});
    });
    b.forEachChunk(group.headDim, lanes, [&](Value i, int64_t width) {
      Value x = b.load(b.vectorOf(width, b.getF32Type()), group.query,
                       {token, b.add(column, i)});
      b.store(quantize(b, group, quantizer, x), q.codes, {row, i});
    });
    auto wide = b.vectorOf(lanes, b.getI32Type());
    Value sum = b.loop(b.index(0), b.index(padded), lanes, b.zero(wide),
                       [&](Value i, ValueRange carried) -> SmallVector<Value> {
                         Value part = b.load(bytes, q.codes, {row, i});
                         part = b.signExtend(part, b.getI32Type());
                         return {b.add(carried[0], part)};
                       })[0];
    b.store(b.sumOfIntegers(sum), q.sums, row);
  });
  return q;
}

/// Scores of one group against one head's keys.
class CodedScores {
public:
  CodedScores(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
              DotProductAttrInterface dot, Value scores)
      : b(b), cache(cache), layout(cache.getLayout()), group(group), dot(dot),
        scores(scores), planes(layout.planes()), n(largestCode(layout.bits)),
        q(buildQueryCodes(b, group)) {}

  void build(Value first, Value end) {
    Value firstGroup = b.div(first, b.index(kLanes));
    Value endGroup = b.div(b.add(end, kLanes - 1), b.index(kLanes));
    constexpr int64_t perBlock = CacheLayout::blockTokens / kLanes;
    b.loop(firstGroup, endGroup, 1, [&](Value i) {
      Value block = cache.getBlock(b.div(i, b.index(perBlock)));
      Value inBlock = b.rem(i, perBlock);
      Value keys = b.add(b.add(block, layout.keysOffset()),
                         b.mul(inBlock, layout.keyGroupBytes()));
      Value scales = b.add(b.add(block, layout.keyScalesOffset()),
                           b.mul(inBlock, 2 * kLanes));
      if (group.tokens == 1) {
        cache.prefetchBlock(keys, layout.keyGroupBytes());
        cache.prefetchBlock(scales, 2 * kLanes);
      }
      Value position = b.mul(i, kLanes);
      b.forEachChunk(kLanes, dot.getLanes(), [&](Value lane, int64_t) {
        scoreLanes(b.add(keys, b.mul(lane, 4)), b.add(scales, b.mul(lane, 2)),
                   b.add(position, lane));
      });
    });
    if (layout.hasFirstRows())
      b.ifTrue(b.compare(arith::CmpIPredicate::eq, first, int64_t(0)),
               [&] { scoreFirst(); });
  }

private:
  /// Positions in the lanes of one vector.
  void scoreLanes(Value keys, Value scaleAt, Value position) {
    Value factors = cache.loadHalves(scaleAt, dot.getLanes());
    factors = b.div(factors, static_cast<double>(n));
    for (int64_t first = 0; first < group.getRows(); first += kMaxRows) {
      int64_t rows = std::min(kMaxRows, group.getRows() - first);
      SmallVector<Value> sums = multiply(keys, first, rows);
      for (int64_t r = 0; r < rows; ++r) {
        Value row = b.index(first + r);
        Value score = scale(sums[r], row, n, factors);
        b.store(score, scores, {row, position});
      }
    }
  }

  /// f32(2*sum(Q*c) - n*sum(Q)) * ((fq * scale) * (g/n))
  Value scale(Value sum, Value row, int64_t n, Value factors) {
    Value ofCodes = b.mul(b.load(b.getI32Type(), q.sums, row), n);
    sum = b.sub(b.shiftLeft(sum, 1), b.splat(sum.getType(), ofCodes));
    Value factor = b.load(b.getF32Type(), q.factors, row);
    factors = b.mul(b.splat(factors.getType(), factor), factors);
    return b.mul(b.toFloat(sum), factors);
  }

  /// sum(Q*c) of `rows` rows.
  SmallVector<Value> multiply(Value keys, int64_t first, int64_t rows) {
    int64_t fields = CodeUnit::getFields(planes);
    int64_t quads = (group.headDim + 3) / 4, whole = quads / fields;
    auto lanes = b.vectorOf(dot.getLanes(), b.getI32Type());
    SmallVector<Value> sums(rows, b.zero(lanes));
    if (whole)
      sums = b.loop(b.index(0), b.index(whole), 1, sums,
                    [&](Value unit, ValueRange carried) {
                      return addUnit(keys, unit, fields, first, carried);
                    });
    if (quads % fields)
      sums = addUnit(keys, b.index(whole), quads % fields, first, sums);
    return sums;
  }

  SmallVector<Value> addUnit(Value keys, Value unit, int64_t fields,
                             int64_t firstRow, ValueRange carried) {
    SmallVector<Value> sums(carried), starts;
    int64_t unitFields = CodeUnit::getFields(planes);
    for (auto [index, plane] : llvm::enumerate(planes)) {
      int64_t chunks = unitFields / plane.fields();
      Value start = b.mul(unit, chunks * CacheLayout::chunkBytes);
      starts.push_back(b.add(b.add(keys, layout.keyPlaneOffset(index)), start));
    }
    CodeUnit codes(b, cache.getBytes(), planes, starts, dot.getLanes());
    Value dim = b.mul(unit, 4 * unitFields);
    QuadLoader quads(b, q.codes, dot, int64_t(sums.size()), fields);
    for (int64_t f = 0; f < fields; ++f) {
      Value field = codes.loadField(f);
      for (auto [r, sum] : llvm::enumerate(sums)) {
        Value quad = quads.load(r, b.index(firstRow + r), dim, f);
        sum = dot.build(b, b.getLoc(), sum, field, quad, n);
      }
    }
    return sums;
  }

  /// Position 0, which has its own width and lies elsewhere, a byte per code.
  void scoreFirst() {
    int64_t n = largestCode(layout.bosBits), lanes = dot.getLanes();
    Value start = cache.getFirstRows();
    auto one = b.vectorOf(1, b.getF32Type());
    Value g = cache.loadHalves(b.add(start, layout.firstScalesOffset()), 1);
    Value factors = b.div(g, b.constant(one, static_cast<double>(n)));
    auto bytes = b.vectorOf(4 * lanes, b.getI8Type());
    b.loop(0, group.getRows(), 1, [&](Value row) {
      Value sums = b.loop(
          b.index(0), b.index(layout.firstCodeBytes()), 4 * lanes,
          b.zero(b.vectorOf(lanes, b.getI32Type())),
          [&](Value i, ValueRange carried) -> SmallVector<Value> {
            Value code = b.load(bytes, cache.getBytes(), b.add(start, i));
            Value query = b.load(bytes, q.codes, {row, i});
            return {dot.build(b, b.getLoc(), carried[0], code, query, n)};
          })[0];
      Value sum = b.splat(b.vectorOf(1, b.getI32Type()), b.sumOfIntegers(sums));
      b.store(scale(sum, row, n, factors), scores, {row, b.index(0)});
    });
  }

  KernelBuilder &b;
  HeadCache &cache;
  const CacheLayout &layout;
  const HeadGroup &group;
  DotProductAttrInterface dot;
  Value scores;
  std::vector<CachePlane> planes;
  int64_t n;
  QueryCodes q;
};

} // namespace

void tern::buildCodedScores(KernelBuilder &b, HeadCache &cache,
                            const HeadGroup &group, DotProductAttrInterface dot,
                            Value scores, Value first, Value end) {
  CodedScores(b, cache, group, dot, scores).build(first, end);
}
