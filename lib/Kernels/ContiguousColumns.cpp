//===- ContiguousColumns.cpp - Four columns at a time -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FieldDots.h"

#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

constexpr int64_t kQuarters = 4;

/// Sums are [tokens, quarters, digits, L]; results are runs, one of each digit.
struct ContiguousColumnsModel
    : MicroKernelModel<ContiguousColumnsModel, ContiguousColumnsAttr> {
  static ContiguousColumnsAttr get(Attribute attr) {
    return cast<ContiguousColumnsAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }

  std::string getKernelName(Attribute attr) const {
    return get(attr).getDigits() == kFields ? "contiguous columns"
                                            : "contiguous columns of groups";
  }
  MicroTile getTile(Attribute attr) const {
    auto kernel = get(attr);
    return {kernel.getTokens(),
            kernel.getQuarters() * kernel.getDigits() * lanes(attr), 4,
            kernel.getFirst() * lanes(attr)};
  }
  SmallVector<Attribute> getParts(Attribute attr) const {
    auto kernel = get(attr);
    SmallVector<Attribute> parts;
    for (int64_t q = 0; q < kQuarters; q += kernel.getQuarters())
      parts.push_back(ContiguousColumnsAttr::get(
          attr.getContext(), kernel.getDot(), q, kernel.getQuarters(),
          kernel.getTokens(), kernel.getDigits()));
    return parts;
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<ContiguousColumns> family = ContiguousColumns::match(*layout);
    return family && family->lanes == lanes(attr) &&
           family->codec == codecOf(get(attr).getDigits());
  }
  int64_t getMaxColumns(Attribute) const { return kMaxColumnsInPlace; }
  int64_t getOffset(Attribute) const { return 1; }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t dots = 0;
    for (int64_t d = 0; d < kernel.getDigits(); ++d)
      dots += kernel.getDot().getSlots(maxInPlace(kernel.getDot(), d));
    // Four loads, three interleavings and four masks for each quarter.
    return {kernel.getQuarters() * (kernel.getTokens() * dots + 7 +
                                    slotsOfSplit(kernel.getDigits())) +
                4 + kernel.getTokens(),
            16 * lanes(attr)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return SmallVector<VectorType>(4, vectorOf(attr, 8, {4 * lanes(attr)}));
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getQuarters(),
                     kernel.getDigits(), lanes(attr)});
  }
  VectorType getSumsType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getDigits(),
                     kernel.getQuarters() * lanes(attr)});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    Values x;
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      x.push_back(broadcastFour(b, codes, t, 0, kernel.getDot()));
    for (int64_t q = 0; q < kernel.getQuarters(); ++q) {
      FourAndOne rows =
          splitBytes(b, *codecOf(kernel.getDigits()),
                     interleaveFour(b, weights, kernel.getFirst() + q));
      for (int64_t d = 0; d < kernel.getDigits(); ++d) {
        Value u = digitInPlace(b, kernel.getDot(), rows, d);
        for (int64_t t = 0; t < kernel.getTokens(); ++t) {
          Value sum =
              kernel.getDot().build(b, loc, b.part(sums, {t, q, d}), u, x[t],
                                    maxInPlace(kernel.getDot(), d));
          sums = b.withPart(sums, sum, {t, q, d});
        }
      }
    }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    VectorType type = getSumsType(attr);
    Value results = b.zero(vectorOf(attr, 32,
                                    {kernel.getTokens(), kernel.getDigits(),
                                     kernel.getQuarters(), lanes(attr)}));
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      for (int64_t q = 0; q < kernel.getQuarters(); ++q)
        for (int64_t d = 0; d < kernel.getDigits(); ++d) {
          Value sum = b.shiftRightSigned(b.part(sums, {t, q, d}),
                                         placeOf(kernel.getDot(), d));
          results = b.withPart(results, sum, {t, d, q});
        }
    return b.reshape(results, type.getShape());
  }
};

} // namespace

void tern::attachContiguousColumns(MLIRContext *context) {
  ContiguousColumnsAttr::attachInterface<ContiguousColumnsModel>(*context);
}
