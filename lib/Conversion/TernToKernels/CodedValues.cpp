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
              DotProductAttrInterface dot, Value e, HeadSums &sums)
      : b(b), cache(cache), layout(cache.getLayout()), group(group), dot(dot),
        e(e), sums(sums), planes(layout.planes()), n(largestCode(layout.bits)),
        isSwapped(n < 255 && !dot.isExactForAnyByte()),
        weights(buildScratch(b, {group.heads, kTokens}, b.getI8Type())),
        factors(buildScratch(b, kTokens, b.getF32Type())) {}

  /// A block is a term.
  void build(AccumulatorShare share) {
    blocksAhead = share.step;
    b.loop(share.first, group.getBlocks(b), share.step, [&](Value block) {
      Value start = cache.getBlock(block);
      Block here{block, b.add(start, layout.valuesOffset()), Value()};
      readFactors(here, b.add(start, layout.valueScalesOffset()));
      for (int64_t first = 0; first < group.heads; first += kMaxHeads)
        addHeads(here, first, std::min(kMaxHeads, group.heads - first));
    });
  }

private:
  struct Block {
    Value index;
    Value values; ///< where the codes start
    Value first;  ///< i1: token 0 is position 0 and lies elsewhere
  };
  /// The work of one head on a block.
  struct Weights {
    Value head;
    Value sum;    ///< of p in the block, i32
    Value first;  ///< p of position 0 if that lies elsewhere, i32
    Value factor; ///< M / 255
  };

  /// Fills `factors`.
  void readFactors(Block &block, Value at) {
    cache.prefetchBlock(at, 2 * kTokens, blocksAhead);
    b.forEachChunk(kTokens, b.getRowLanes(), [&](Value i, int64_t width) {
      Value scales = cache.loadHalves(b.add(at, b.mul(i, 2)), width);
      b.store(b.div(scales, double(n)), factors, i);
    });
    if (!layout.hasFirstRows())
      return;
    block.first = b.compare(arith::CmpIPredicate::eq, block.index, int64_t(0));
    // The scales of first rows: the key's, then the value's.
    b.ifTrue(block.first, [&] {
      Value scaleAt =
          b.add(cache.getFirstRows(), layout.firstScalesOffset() + 2);
      Value scale = cache.loadHalves(scaleAt, 1);
      b.store(b.div(scale, double(largestCode(layout.bosBits))), factors,
              b.index(0));
    });
  }

  /// e * factor of tokens i and up of a block, for one head.
  Value weigh(const Block &block, Value head, Value i) {
    auto type = b.vectorOf(b.getRowLanes(), b.getF32Type());
    Value start = b.mul(block.index, kTokens);
    Value exps = b.load(type, e, {head, b.add(start, i)});
    Value w = b.mul(exps, b.load(type, factors, i));
    // Scales of tokens that are not seen may be anything; their e is 0.
    return b.select(b.isGreater(exps, b.zero(type)), w, b.zero(type));
  }

  /// The greatest weight of a block.
  Value findMost(const Block &block, Value head) {
    int64_t lanes = b.getRowLanes();
    auto bits = b.vectorOf(lanes, b.getI32Type());
    // None is negative, so their bits are ordered as they are, NaN last.
    Value most = b.loop(b.index(0), b.index(kTokens), lanes, b.zero(bits),
                        [&](Value i, ValueRange carried) -> SmallVector<Value> {
                          Value w = b.bitcast(bits, weigh(block, head, i));
                          return {b.maxUnsigned(w, carried[0])};
                        })[0];
    return b.bitcast(b.getF32Type(), b.mostOfUnsigned(most));
  }

  /// p of one head; they go to `weights`.
  Weights roundWeights(const Block &block, Value head) {
    Type f32 = b.getF32Type(), i32 = b.getI32Type();
    Value most = findMost(block, head), zero = b.zero(f32);
    Value isTiny = b.isLess(most, b.constant(f32, 1e-30));
    most = b.select(isTiny, zero, most);
    Value scale = b.div(b.constant(f32, 255.0), most);
    scale = b.select(isTiny, zero, scale);
    int64_t lanes = b.getRowLanes();
    auto integers = b.vectorOf(lanes, i32);
    Value sum = b.loop(
        b.index(0), b.index(kTokens), lanes, b.zero(integers),
        [&](Value i, ValueRange carried) -> SmallVector<Value> {
          Value w = weigh(block, head, i);
          Value p =
              b.roundToInteger(i32, b.mul(w, b.splat(w.getType(), scale)));
          Value bytes =
              arith::TruncIOp::create(b, b.vectorOf(lanes, b.getI8Type()), p);
          b.store(isSwapped ? flipHighBit(bytes) : bytes, weights, {head, i});
          return {b.add(carried[0], p)};
        })[0];
    Weights result{head, b.sumOfIntegers(sum), Value(), b.div(most, 255.0)};
    if (block.first)
      takeFirst(block, result);
    return result;
  }

  /// Moves p of position 0, if that lies elsewhere, out of the others.
  void takeFirst(const Block &block, Weights &weights) {
    Value zero = b.zero(b.getI8Type());
    Value place[] = {weights.head, b.index(0)};
    Value p = b.load(this->weights, place);
    if (isSwapped)
      p = flipHighBit(p), zero = flipHighBit(zero);
    Value wide = b.zeroExtend(p, b.getI32Type());
    weights.first = b.select(block.first, wide, b.zero(wide.getType()));
    weights.sum = b.sub(weights.sum, weights.first);
    b.ifTrue(block.first, [&] { b.store(zero, this->weights, place); });
  }

  void addHeads(const Block &block, int64_t first, int64_t heads) {
    SmallVector<Weights> all;
    for (int64_t h = 0; h < heads; ++h)
      all.push_back(roundWeights(block, b.index(first + h)));
    b.loop(0, layout.valueGroups(), 1, [&](Value dims) {
      Value values = b.add(block.values, b.mul(dims, layout.valueGroupBytes()));
      cache.prefetchBlock(values, layout.valueGroupBytes(), blocksAhead);
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
    // Of each head, and of the codes.
    SmallVector<Value> products(heads.size() + 1, b.zero(lanes));
    int64_t units = kTokens / (4 * CodeUnit::getFields(planes));
    products = b.loop(b.index(0), b.index(units), 1, products,
                      [&](Value unit, ValueRange carried) {
                        return addUnit(heads, values, unit, carried);
                      });
    Value codeSum = products.pop_back_val();
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

  SmallVector<Value> addUnit(ArrayRef<Weights> heads, Value values, Value unit,
                             ValueRange carried) {
    SmallVector<Value> products(carried), starts;
    int64_t fields = CodeUnit::getFields(planes);
    for (auto [index, plane] : llvm::enumerate(planes)) {
      int64_t bytes = fields / plane.fields() * CacheLayout::chunkBytes;
      Value start = b.add(values, layout.valuePlaneOffset(index));
      starts.push_back(b.add(start, b.mul(unit, bytes)));
    }
    CodeUnit codes(b, cache.getBytes(), planes, starts, dot.getLanes());
    Value first = b.mul(unit, 4 * fields);
    for (int64_t f = 0; f < fields; ++f) {
      Value field = codes.loadField(f), token = b.add(first, 4 * f);
      if (n == 255)
        field = flipHighBit(field);
      if (isSwapped)
        products.back() = dot.build(b, b.getLoc(), products.back(), field,
                                    b.constant(field.getType(), int64_t(1)), n);
      for (auto [weights, product] : llvm::zip(heads, products)) {
        Value p =
            loadQuad(b, this->weights, {weights.head, token}, dot.getLanes());
        product = isSwapped ? dot.build(b, b.getLoc(), product, field, p, n)
                            : dot.build(b, b.getLoc(), product, p, field, 255);
      }
    }
    return products;
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
  DotProductAttrInterface dot;
  Value e;
  HeadSums &sums;
  std::vector<CachePlane> planes;
  int64_t n;
  bool isSwapped;
  int64_t blocksAhead = 1;
  Value weights; ///< p (or p - 128) of one block, [head][token]
  Value factors; ///< what a u of one block stands for, per token
};

} // namespace

void tern::buildCodedValues(KernelBuilder &b, HeadCache &cache,
                            const HeadGroup &group, DotProductAttrInterface dot,
                            Value e, HeadSums &sums, AccumulatorShare share) {
  CodedValues(b, cache, group, dot, e, sums).build(share);
}
