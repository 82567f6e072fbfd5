//===- IntegerRows.cpp - Lanes run along a row of integers --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

namespace {

/// Sums that take turns so that none waits for its last addition.
constexpr int64_t kSums = 8;

/// Sums are [tokens, rows, sums, L].
struct IntegerRowsModel : MicroKernelModel<IntegerRowsModel, IntegerRowsAttr> {
  static IntegerRowsAttr get(Attribute attr) {
    return cast<IntegerRowsAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }

  /// Bytes of a row that a step reads.
  static int64_t stepBytes(Attribute attr) {
    return get(attr).getVectors() * lanes(attr) * get(attr).getBits() / 2;
  }

  std::string getKernelName(Attribute attr) const {
    return "int" + std::to_string(get(attr).getBits()) + " rows";
  }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getRows(),
            get(attr).getVectors() * 4 * lanes(attr)};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return get(attr).getBits() == 8;
    std::optional<IntegerRows> family = IntegerRows::match(*layout);
    return family && family->lanes == lanes(attr) &&
           family->codec->fields.bits == get(attr).getBits();
  }
  int64_t getMaxColumns(Attribute attr) const {
    // Sums may wrap around before the offset is taken off.
    return (int64_t(1) << (31 - 7 - (get(attr).getBits() - 1))) - 1;
  }
  int64_t getOffset(Attribute attr) const {
    int64_t bits = get(attr).getBits();
    return areSigned(attr) || bits == 2 ? 0 : int64_t(1) << (bits - 1);
  }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t rows = kernel.getRows(), tokens = kernel.getTokens();
    // Of a vector of integers: a load and an exclusive or, or a share of the
    // loads and the shifts and masks of two bytes.
    int64_t unpack = areSigned(attr) ? 1 : kernel.getBits() == 6 ? 4 : 2;
    unsigned most = areSigned(attr) ? 1 : largest(attr);
    int64_t dots = rows * kernel.getDot().getSlots(most) + 1;
    return {kernel.getVectors() * (tokens * dots + unpack * rows),
            rows * stepBytes(attr)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getRows(), stepBytes(attr)})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(
        attr, 32,
        {kernel.getTokens(), kernel.getRows(), countSums(attr), lanes(attr)});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t tokens = kernel.getTokens(), rows = kernel.getRows();
    int64_t vectors = kernel.getVectors(), bytes = 4 * lanes(attr);
    Value x = b.reshape(codes, {tokens, vectors, bytes});
    Value w = b.reshape(weights[0], {rows, stepBytes(attr) / bytes, bytes});
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t r = 0; r < rows; ++r) {
        Value u = areSigned(attr) ? b.part(w, {r, v})
                                  : unpack(b, kernel.getBits(), w, r, v);
        for (int64_t t = 0; t < tokens; ++t) {
          int64_t s = v % countSums(attr);
          Value old = b.part(sums, {t, r, s}), codes = b.part(x, {t, v});
          Value sum =
              areSigned(attr)
                  ? kernel.getDot().buildSigned(b, loc, old, u, codes)
                  : kernel.getDot().build(b, loc, old, u, codes, largest(attr));
          sums = b.withPart(sums, sum, {t, r, s});
        }
      }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    SmallVector<Value> all;
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      for (int64_t r = 0; r < kernel.getRows(); ++r) {
        Value sum = b.part(sums, {t, r, 0});
        for (int64_t s = 1; s < countSums(attr); ++s)
          sum = b.add(sum, b.part(sums, {t, r, s}));
        all.push_back(sum);
      }
    return b.reshape(sumLanes(b, all), getSumsType(attr).getShape());
  }

private:
  /// Sums of one row and one token: as many as no addition waits for, all rows
  /// and tokens together, but one for each vector at most.
  static int64_t countSums(Attribute attr) {
    auto kernel = get(attr);
    int64_t most =
        std::max<int64_t>(kSums / (kernel.getRows() * kernel.getTokens()), 1);
    int64_t sums = std::min(kernel.getVectors(), most);
    while (kernel.getVectors() % sums)
      --sums;
    return sums;
  }

  /// Of `count` lanes of `x` and then of `y`, parts of 2 `half` lanes: the
  /// halves of each part, added.
  static Value addHalves(ValueBuilder &b, Value x, Value y, int64_t half,
                         int64_t count) {
    SmallVector<int64_t> first, second;
    for (int64_t part = 0; part < count; part += 2 * half)
      for (int64_t i = 0; i < half; ++i) {
        first.push_back(part + i);
        second.push_back(part + half + i);
      }
    return b.add(b.shuffle(x, y, first), b.shuffle(x, y, second));
  }

  /// The sums of several vectors, a lane each. Where their number and that of
  /// lanes are powers of two, vectors are added to each other before lanes are.
  static Value sumLanes(ValueBuilder &b, ArrayRef<Value> vectors) {
    int64_t count = vectors.size();
    auto type = cast<VectorType>(vectors.front().getType());
    int64_t width = type.getNumElements();
    Value sums = b.zero(b.vectorOf(count, type.getElementType()));
    if (count == 1 || !llvm::isPowerOf2_64(count) ||
        !llvm::isPowerOf2_64(width)) {
      for (auto [i, x] : llvm::enumerate(vectors))
        sums = b.withPart(sums, b.sumOfIntegers(x), int64_t(i));
      return sums;
    }
    int64_t together = std::min(count, width);
    for (int64_t first = 0; first < count; first += together) {
      SmallVector<Value> left(vectors.slice(first, together));
      int64_t half = width / 2;
      for (; left.size() > 1; half /= 2) {
        SmallVector<Value> pairs;
        for (size_t i = 0; i < left.size(); i += 2)
          pairs.push_back(addHalves(b, left[i], left[i + 1], half, 2 * width));
        left = std::move(pairs);
      }
      Value x = left.front();
      for (int64_t lanes = width; half; half /= 2, lanes /= 2)
        x = addHalves(b, x, x, half, lanes);
      sums = together == count ? x
                               : vector::InsertStridedSliceOp::create(
                                     b, x, sums, first, int64_t(1));
    }
    return sums;
  }

  /// Bytes that the dot product takes as they are.
  static bool areSigned(Attribute attr) {
    return get(attr).getBits() == 8 && get(attr).getDot().hasSigned();
  }

  static unsigned largest(Attribute attr) {
    return (1u << get(attr).getBits()) - 1;
  }

  /// Integers of vector `v` of row `r`, each plus the offset: field v of the
  /// words whose bytes are in vectors of their own.
  static Value unpack(ValueBuilder &b, int64_t bits, Value w, int64_t r,
                      int64_t v) {
    if (bits == 8)
      return b.bitXor(b.part(w, {r, v}), 0x80);
    int64_t mask = (int64_t(1) << bits) - 1;
    int64_t byte = bits * v / 8, shift = bits * v % 8, has = 8 - shift;
    Value low = b.part(w, {r, byte});
    if (shift)
      low = b.shiftRight(low, shift);
    if (has == bits)
      return low;
    if (has > bits)
      return b.bitAnd(low, mask);
    Value high = b.shiftLeft(b.part(w, {r, byte + 1}), has);
    return b.bitOr(low, b.bitAnd(high, mask));
  }
};

} // namespace

void tern::attachIntegerRows(MLIRContext *context) {
  IntegerRowsAttr::attachInterface<IntegerRowsModel>(*context);
}
