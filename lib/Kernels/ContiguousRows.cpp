//===- ContiguousRows.cpp - Lanes run along a row of digits -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FieldDots.h"

#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

namespace {

/// A vector is of one row; one row of one token is taken in place, so that no
/// addition waits for the one before.
struct ContiguousRowsModel
    : FieldKernelModel<ContiguousRowsModel, ContiguousRowsAttr> {
  static ContiguousRowsAttr get(Attribute attr) {
    return cast<ContiguousRowsAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }
  static FieldDots dots(Attribute attr) {
    auto kernel = get(attr);
    return {kernel.getDot(), kernel.getTokens(), kernel.getRows(),
            kernel.getTokens() == 1 && kernel.getRows() == 1,
            kernel.getDigits()};
  }

  std::string getKernelName(Attribute attr) const {
    return get(attr).getDigits() == kFields ? "contiguous rows"
                                            : "contiguous rows of groups";
  }
  MicroTile getTile(Attribute attr) const {
    auto kernel = get(attr);
    return {kernel.getTokens(), kernel.getRows(),
            kernel.getDigits() * 4 * lanes(attr)};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<ContiguousRows> family = ContiguousRows::match(*layout);
    return family && family->lanes == lanes(attr) && family->rows == 1 &&
           family->codec == codecOf(get(attr).getDigits());
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getRows(), 4 * lanes(attr)})};
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    Value x = b.reshape(
        codes, {kernel.getTokens(), kernel.getDigits(), 4 * lanes(attr)});
    return dots(attr).build(b, weights[0], sums, [&](int64_t t, int64_t d) {
      return b.part(x, {t, d});
    });
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    sums = dots(attr).finish(b, sums);
    Value results = b.zero(getSumsType(attr));
    for (int64_t t = 0; t < get(attr).getTokens(); ++t)
      for (int64_t r = 0; r < get(attr).getRows(); ++r)
        results =
            b.withPart(results, b.sumOfIntegers(b.part(sums, {t, r})), {t, r});
    return results;
  }
};

} // namespace

void tern::attachContiguousRows(MLIRContext *context) {
  ContiguousRowsAttr::attachInterface<ContiguousRowsModel>(*context);
}
