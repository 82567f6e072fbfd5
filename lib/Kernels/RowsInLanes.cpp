//===- RowsInLanes.cpp - A lane holds the sum of one row ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Sums are [tokens, vectors, L]; for one token [vectors, fields, L].
struct RowsInLanesModel : MicroKernelModel<RowsInLanesModel, RowsInLanesAttr> {
  static RowsInLanesAttr get(Attribute attr) {
    return cast<RowsInLanesAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }
  static bool isInPlace(Attribute attr) { return get(attr).getTokens() == 1; }

  std::string getKernelName(Attribute) const { return "rows in lanes"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getVectors() * lanes(attr), 16};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<RowsInLanes> family = RowsInLanes::match(*layout);
    return family && family->lanes == lanes(attr) &&
           family->vectors == get(attr).getVectors();
  }
  int64_t getMaxColumns(Attribute attr) const { return kMaxColumnsInPlace; }
  int64_t getOffset(Attribute) const { return 1; }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t dots = 0;
    for (int64_t f = 0; f < kFields; ++f)
      dots += kernel.getDot().getSlots(isInPlace(attr) ? maxInPlace(f)
                                                       : kMaxStoredDigit);
    // A load and, of each field, a mask and mostly a shift for each vector; a
    // broadcast for each token's four codes.
    int64_t unpack = kernel.getVectors() * (isInPlace(attr) ? 5 : 8);
    return {kernel.getTokens() * (kernel.getVectors() * dots + kFields) +
                unpack,
            kernel.getVectors() * 4 * lanes(attr)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getVectors() * 4 * lanes(attr)})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    if (isInPlace(attr))
      return vectorOf(attr, 32, {kernel.getVectors(), kFields, lanes(attr)});
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getVectors(), lanes(attr)});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t vectors = kernel.getVectors(), tokens = kernel.getTokens();
    Value bytes = b.reshape(weights[0], {vectors, 4 * lanes(attr)});
    for (int64_t f = 0; f < kFields; ++f) {
      Values digits;
      for (int64_t v = 0; v < vectors; ++v) {
        Value w = b.part(bytes, {v});
        digits.push_back(isInPlace(attr) ? fieldInPlace(b, w, f)
                                         : fieldMoved(b, w, f));
      }
      unsigned maximum = isInPlace(attr) ? maxInPlace(f) : kMaxStoredDigit;
      for (int64_t t = 0; t < tokens; ++t) {
        Value x = broadcastFour(b, codes, t, 4 * f, lanes(attr));
        for (int64_t v = 0; v < vectors; ++v) {
          SmallVector<int64_t> at = {t, v};
          if (isInPlace(attr))
            at = {v, f};
          Value sum = kernel.getDot().build(b, loc, b.part(sums, at), digits[v],
                                            x, maximum);
          sums = b.withPart(sums, sum, at);
        }
      }
    }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    MicroTile tile = getTile(attr);
    if (!isInPlace(attr))
      return b.reshape(sums, {tile.tokens, tile.rows});
    Value whole =
        b.zero(vectorOf(attr, 32, {kernel.getVectors(), lanes(attr)}));
    for (int64_t v = 0; v < kernel.getVectors(); ++v) {
      Value sum = b.part(sums, {v, 0});
      for (int64_t f = 1; f < kFields; ++f)
        sum = b.add(sum, b.shiftRightSigned(b.part(sums, {v, f}), 2 * f));
      whole = b.withPart(whole, sum, {v});
    }
    return b.reshape(whole, {1, tile.rows});
  }
};

} // namespace

void tern::attachRowsInLanes(MLIRContext *context) {
  RowsInLanesAttr::attachInterface<RowsInLanesModel>(*context);
}
