//===- CodedValues.cpp - Weighted sums of a low-bit cache's values --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights of a block are p in 0 .. 255 (CodedWeights.cpp), which are the
// unsigned bytes of the dot product; codes are the signed ones. With n < 255
// codes c fit, and sum(p*u) = 2*sum(p*c) - n*sum(p). With n = 255, c - 128
// fits, and sum(p*u) = 2*sum(p*(c - 128)) + sum(p). Lanes are dimensions.
//
// Where large unsigned bytes cost more, narrow codes are the unsigned ones, and
// p - 128 the signed: sum(p*c) = sum((p - 128)*c) + 128*sum(c). A machine that
// multiplies unsigned bytes takes both as they are.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

/// Rows whose sums are kept in registers at once.
constexpr int64_t kMaxRows = 8;
constexpr int64_t kTokens = CacheLayout::blockTokens;
/// A few groups of dimensions have little of a block.
constexpr int64_t kBlocksAhead = 4;

class CodedValues {
public:
  CodedValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
              DotProductAttrInterface dot, const CodedWeights &weights,
              HeadSums &sums)
      : b(b), cache(cache), layout(cache.getLayout()), group(group), dot(dot),
        weights(weights), sums(sums), planes(layout.planes()),
        n(largestCode(layout.bits)),
        isSwapped(CodedWeights::areSwapped(layout, dot)),
        lanes(b.vectorOf(dot.getLanes(), b.getI32Type())) {}

  /// A block is a term.
  void build(Value first, Value end) {
    Value blocks = group.getBlocks(b), count = b.sub(end, first);
    Value bytes = b.mul(count, layout.valueGroupBytes());
    Value inBlock = b.add(b.mul(first, layout.valueGroupBytes()),
                          b.index(layout.valuesOffset()));
    bool prefetches = group.tokens == 1 && cache.prefetches();
    if (prefetches)
      b.loop(b.index(0), b.minUnsigned(blocks, b.index(kBlocksAhead)), 1,
             [&](Value block) {
               prefetch(b.add(cache.getBlock(block), inBlock), bytes);
             });
    b.loop(b.index(0), blocks, 1, [&](Value block) {
      if (prefetches)
        prefetchAhead(block, blocks, inBlock, bytes);
      b.loop(b.index(0), count, 1, [&](Value i) {
        Value at = b.mul(i, layout.valueGroupBytes());
        Value values = b.add(b.add(cache.getBlock(block), inBlock), at);
        Value dim = b.mul(b.add(first, i), CacheLayout::lanes);
        b.forEachChunk(
            CacheLayout::lanes, dot.getLanes(), [&](Value lane, int64_t) {
              Value sum = b.add(b.mul(i, CacheLayout::lanes), lane);
              for (int64_t row = 0; row < group.getRows(); row += kMaxRows)
                addRows({block, b.add(values, b.mul(lane, 4)), sum,
                         b.add(dim, lane), row,
                         std::min(kMaxRows, group.getRows() - row)});
            });
      });
    });
  }

private:
  using Values = SmallVector<Value>;

  /// The work of some rows on some dimensions of a block.
  struct Part {
    Value block;
    Value values; ///< where the codes start
    Value sum;    ///< the first sum's number
    Value dim;    ///< the first dimension
    int64_t firstRow, rows;
  };

  /// Asks for the same groups of a later block; after the last block, for those
  /// that come next, of the first blocks.
  void prefetchAhead(Value block, Value blocks, Value inBlock, Value bytes) {
    Value next = b.add(block, kBlocksAhead);
    Value isThere = b.compare(arith::CmpIPredicate::ult, next, blocks);
    Value wrapped = b.minUnsigned(b.sub(next, blocks), block);
    Value at = cache.getBlock(b.select(isThere, next, wrapped));
    at = b.add(at, b.select(isThere, b.index(0), bytes));
    prefetch(b.add(at, inBlock), bytes);
  }

  void prefetch(Value at, Value bytes) {
    b.loop(b.index(0), bytes, CacheLayout::alignment,
           [&](Value i) { b.prefetch(cache.getBytes(), b.add(at, i)); });
  }

  Value getRow(const Part &part, int64_t r) {
    return b.index(part.firstRow + r);
  }

  void addRows(const Part &part) {
    // Of each row, and of the codes.
    Values products(part.rows + 1, b.zero(lanes));
    products = b.loop(b.index(0), countUnits(part), 1, products,
                      [&](Value unit, ValueRange carried) {
                        return addUnit(part, unit, carried);
                      });
    Value codeSum = products.pop_back_val();
    Values firsts;
    if (layout.hasFirstRows())
      firsts = weighFirst(part);
    for (auto [r, product] : llvm::enumerate(products)) {
      Value row = getRow(part, r), place[] = {row, part.block};
      Value sum = b.shiftLeft(product, 1);
      if (isSwapped)
        sum = b.add(sum, b.shiftLeft(codeSum, 8));
      Value correction = b.load(weights.sums, place);
      if (n < 255 || dot.hasUnsigned())
        correction = b.mul(correction, -n);
      sum = b.add(sum, b.splat(lanes, correction));
      if (layout.hasFirstRows())
        sum = b.add(sum, firsts[r]);
      Value factor = b.splat(withElement(lanes, b.getF32Type()),
                             b.load(weights.factors, place));
      sums.add(row, part.block, part.sum, b.mul(b.toFloat(sum), factor));
    }
  }

  /// Units of a block; without those behind the last token, whose weights are
  /// zero, where a unit takes long.
  Value countUnits(const Part &part) {
    int64_t tokens = 4 * CodeUnit::getFields(planes);
    Value all = b.index(kTokens / tokens);
    if (dot.getLanes() > 1)
      return all;
    Value left = b.sub(group.getEnd(b), b.mul(part.block, kTokens));
    Value seen = b.div(b.add(left, tokens - 1), b.index(tokens));
    return b.minUnsigned(seen, all);
  }

  Values addUnit(const Part &part, Value unit, ValueRange carried) {
    Values products(carried), starts;
    int64_t fields = CodeUnit::getFields(planes);
    for (auto [index, plane] : llvm::enumerate(planes)) {
      int64_t bytes = fields / plane.fields() * CacheLayout::chunkBytes;
      Value start = b.add(part.values, layout.valuePlaneOffset(index));
      starts.push_back(b.add(start, b.mul(unit, bytes)));
    }
    CodeUnit codes(b, cache.getBytes(), planes, starts, dot.getLanes());
    Value first = b.add(b.mul(part.block, kTokens), b.mul(unit, 4 * fields));
    QuadLoader quads(b, weights.bytes, dot, part.rows, fields);
    for (int64_t f = 0; f < fields; ++f) {
      Value field = codes.loadField(f);
      if (n == 255 && !dot.hasUnsigned())
        field = flipHighBit(b, field);
      if (isSwapped)
        products.back() = dot.build(b, b.getLoc(), products.back(), field,
                                    b.constant(field.getType(), int64_t(1)), n);
      for (int64_t r = 0; r < part.rows; ++r) {
        Value p = quads.load(r, getRow(part, r), first, f);
        Value &product = products[r];
        if (dot.hasUnsigned())
          product = dot.buildUnsigned(b, b.getLoc(), product, field, p);
        else if (isSwapped)
          product = dot.build(b, b.getLoc(), product, field, p, n);
        else
          product = dot.build(b, b.getLoc(), product, p, field, 255);
      }
    }
    return products;
  }

  /// p * u of position 0, whose codes take a byte each, for each row; zeros in
  /// other blocks than the first.
  Values weighFirst(const Part &part) {
    Value isFirst = b.compare(arith::CmpIPredicate::eq, part.block, int64_t(0));
    SmallVector<Type> types(part.rows, lanes);
    auto branch = scf::IfOp::create(b, types, isFirst, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value at =
        b.add(b.add(cache.getFirstRows(), layout.firstCodeBytes()), part.dim);
    Value codes =
        b.load(withElement(lanes, b.getI8Type()), cache.getBytes(), at);
    Value u = b.shiftLeft(b.zeroExtend(codes, b.getI32Type()), 1);
    u = b.sub(u, b.constant(lanes, largestCode(layout.bosBits)));
    Values products;
    for (int64_t r = 0; r < part.rows; ++r)
      products.push_back(b.mul(
          b.splat(lanes, b.load(weights.firsts, {getRow(part, r), b.index(0)})),
          u));
    scf::YieldOp::create(b, products);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, Values(part.rows, b.zero(lanes)));
    return llvm::to_vector(ValueRange(branch.getResults()));
  }

  KernelBuilder &b;
  HeadCache &cache;
  const CacheLayout &layout;
  const HeadGroup &group;
  DotProductAttrInterface dot;
  const CodedWeights &weights;
  HeadSums &sums;
  std::vector<CachePlane> planes;
  int64_t n;
  bool isSwapped;
  VectorType lanes;
};

} // namespace

void tern::buildCodedValues(KernelBuilder &b, HeadCache &cache,
                            const HeadGroup &group, DotProductAttrInterface dot,
                            const CodedWeights &weights, HeadSums &sums,
                            Value first, Value end) {
  CodedValues(b, cache, group, dot, weights, sums).build(first, end);
}
