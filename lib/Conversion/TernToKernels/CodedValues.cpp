//===- CodedValues.cpp - Weighted sums of a low-bit cache's values --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights of a block are rounded to p in 0 .. 255, which are the unsigned bytes
// of the dot product; codes are the signed ones. With n < 255 codes c fit, and
// sum(p*u) = 2*sum(p*c) - n*sum(p). With n = 255, c - 128 fits, and
// sum(p*u) = 2*sum(p*(c - 128)) + sum(p). Lanes are dimensions.
//
// Where large unsigned bytes cost more, narrow codes are the unsigned ones, and
// p - 128 the signed: sum(p*c) = sum((p - 128)*c) + 128*sum(c).
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kMaxHeads = 8;
constexpr int64_t kTokens = CacheLayout::blockTokens;

class CodedValues {
public:
  CodedValues(KernelBuilder &b, HeadCache &cache, const HeadGroup &group,
              const DotProduct &dot, Value e, RowSums &sums)
      : b(b), cache(cache), layout(cache.getLayout()), group(group), dot(dot),
        e(e), sums(sums), planes(layout.planes()), n(largestCode(layout.bits)),
        isSwapped(n < 255 && !dot.isExactForAnyByte()),
        weights(buildScratch(b, {group.heads, kTokens}, b.getI8Type())) {}

  void build() {
    b.loop(b.index(0), group.getBlocks(b), 1, [&](Value block) {
      Value start = cache.getBlock(block);
      Block here{block, b.add(start, layout.valuesOffset()), Value(), Value()};
      readScales(here, b.add(start, layout.valueScalesOffset()));
      for (int64_t first = 0; first < group.heads; first += kMaxHeads)
        addHeads(here, first, std::min(kMaxHeads, group.heads - first));
    });
  }

private:
  struct Block {
    Value index;
    Value values;  ///< where the codes start
    Value factors; ///< what a u stands for, per token
    Value first;   ///< i1 per token: is position 0 and lies elsewhere
  };
  /// The work of one head on a block.
  struct Weights {
    Value head;
    Value sum;    ///< of p in the block, i32
    Value first;  ///< p of position 0 if that lies elsewhere, i32
    Value factor; ///< M / 255
  };

  void readScales(Block &block, Value at) {
    block.factors = b.div(cache.loadHalves(at, kTokens), double(n));
    if (!layout.hasFirstRows())
      return;
    auto indices = b.vectorOf(kTokens, b.getI32Type());
    Value start = arith::IndexCastOp::create(b, b.getI32Type(), block.index);
    Value position = b.add(b.splat(indices, start), b.iota(indices));
    block.first = b.compare(arith::CmpIPredicate::eq, position, int64_t(0));
    // The scales of first rows: the key's, then the value's.
    Value scaleAt = b.add(cache.getFirstRows(), layout.firstScalesOffset() + 2);
    Value g = b.lane(cache.loadHalves(scaleAt, 1), 0);
    Value factor = b.div(g, double(largestCode(layout.bosBits)));
    block.factors = b.select(
        block.first, b.splat(block.factors.getType(), factor), block.factors);
  }

  /// p of one head; they go to `weights`.
  Weights roundWeights(const Block &block, Value head) {
    auto type = b.vectorOf(kTokens, b.getF32Type());
    Value start = b.mul(block.index, kTokens);
    Value exps = b.load(type, e, {head, start});
    Value w = b.mul(exps, block.factors);
    // Scales of tokens that are not seen may be anything; their e is 0.
    w = b.select(b.isGreater(exps, b.zero(type)), w, b.zero(type));
    // None is negative, so their bits are ordered as they are, NaN last.
    Value mostBits =
        b.mostOfUnsigned(b.bitcast(withElement(type, b.getI32Type()), w));
    Value most = b.bitcast(b.getF32Type(), mostBits);
    Value zero = b.zero(b.getF32Type());
    Value isTiny = b.isLess(most, b.constant(b.getF32Type(), 1e-30));
    most = b.select(isTiny, zero, most);
    Value scale = b.div(b.constant(b.getF32Type(), 255.0), most);
    scale = b.select(isTiny, zero, scale);
    Value p = b.roundToInteger(b.getI32Type(), b.mul(w, b.splat(type, scale)));
    Weights result{head, Value(), Value(), b.div(most, 255.0)};
    if (block.first) {
      Value none = b.zero(p.getType());
      result.first = b.lane(b.select(block.first, p, none), 0);
      p = b.select(block.first, none, p);
    }
    result.sum = b.sumOfIntegers(p);
    Value bytes =
        arith::TruncIOp::create(b, withElement(type, b.getI8Type()), p);
    b.store(isSwapped ? flipHighBit(bytes) : bytes, weights,
            {head, b.index(0)});
    return result;
  }

  void addHeads(const Block &block, int64_t first, int64_t heads) {
    SmallVector<Weights> all;
    for (int64_t h = 0; h < heads; ++h)
      all.push_back(roundWeights(block, b.index(first + h)));
    b.loop(0, layout.valueGroups(), 1, [&](Value dims) {
      Value values = b.add(block.values, b.mul(dims, layout.valueGroupBytes()));
      Value firstDim = b.mul(dims, CacheLayout::lanes);
      b.forEachChunk(CacheLayout::lanes, dot.getLanes(),
                     [&](Value lane, int64_t) {
                       addLanes(block, all, b.add(values, b.mul(lane, 4)),
                                b.add(firstDim, lane));
                     });
    });
  }

  /// Dimensions in the lanes of one vector.
  void addLanes(const Block &block, ArrayRef<Weights> heads, Value values,
                Value dim) {
    auto lanes = b.vectorOf(dot.getLanes(), b.getI32Type());
    SmallVector<Value> products(heads.size(), b.zero(lanes));
    Value codeSum = b.zero(lanes);
    int64_t fields = CodeUnit::getFields(planes);
    for (int64_t unit = 0; unit * fields * 4 < kTokens; ++unit)
      addUnit(heads, values, unit, products, codeSum);
    for (auto [weights, product] : llvm::zip_equal(heads, products)) {
      Value sum = b.shiftLeft(product, 1);
      if (isSwapped)
        sum = b.add(sum, b.shiftLeft(codeSum, 8));
      Value correction = n == 255 ? weights.sum : b.mul(weights.sum, -n);
      sum = b.add(sum, b.splat(lanes, correction));
      if (block.first)
        sum = b.add(sum, weighFirst(weights.first, dim));
      Value factor =
          b.splat(withElement(lanes, b.getF32Type()), weights.factor);
      sums.add(weights.head, block.index, dim, b.mul(b.toFloat(sum), factor));
    }
  }

  void addUnit(ArrayRef<Weights> heads, Value values, int64_t unit,
               MutableArrayRef<Value> products, Value &codeSum) {
    int64_t fields = CodeUnit::getFields(planes);
    SmallVector<Value> starts;
    for (auto [index, plane] : llvm::enumerate(planes))
      starts.push_back(b.add(values, layout.valuePlaneOffset(index) +
                                         unit * (fields / plane.fields()) *
                                             CacheLayout::chunkBytes));
    CodeUnit codes(b, cache.getBytes(), planes, starts, dot.getLanes());
    for (int64_t f = 0; f < fields; ++f) {
      Value field = codes.loadField(f);
      if (n == 255)
        field = flipHighBit(field);
      if (isSwapped)
        codeSum = dot.build(b, b.getLoc(), codeSum, field,
                            b.constant(field.getType(), int64_t(1)), n);
      Value token = b.index(4 * (unit * fields + f));
      for (auto [weights, product] : llvm::zip_equal(heads, products)) {
        Value p =
            loadQuad(b, this->weights, {weights.head, token}, dot.getLanes());
        product = isSwapped ? dot.build(b, b.getLoc(), product, field, p, n)
                            : dot.build(b, b.getLoc(), product, p, field, 255);
      }
    }
  }

  /// x - 128 of unsigned bytes, as signed ones.
  Value flipHighBit(Value x) {
    return arith::XOrIOp::create(b, x, b.constant(x.getType(), int64_t(0x80)));
  }

  /// p * u of position 0, whose codes take a byte each.
  Value weighFirst(Value p, Value dim) {
    auto lanes = b.vectorOf(dot.getLanes(), b.getI32Type());
    Value at = b.add(b.add(cache.getFirstRows(), layout.firstCodeBytes()), dim);
    Value codes =
        b.load(withElement(lanes, b.getI8Type()), cache.getBytes(), at);
    Value u = b.shiftLeft(arith::ExtUIOp::create(b, lanes, codes), 1);
    u = b.sub(u, b.constant(lanes, largestCode(layout.bosBits)));
    return b.mul(b.splat(lanes, p), u);
  }

  KernelBuilder &b;
  HeadCache &cache;
  const CacheLayout &layout;
  const HeadGroup &group;
  const DotProduct &dot;
  Value e;
  RowSums &sums;
  std::vector<CachePlane> planes;
  int64_t n;
  bool isSwapped;
  Value weights; ///< p (or p - 128) of one block, [head][token]
};

} // namespace

void tern::buildCodedValues(KernelBuilder &b, HeadCache &cache,
                            const HeadGroup &group, const DotProduct &dot,
                            Value e, RowSums &sums) {
  CodedValues(b, cache, group, dot, e, sums).build();
}
