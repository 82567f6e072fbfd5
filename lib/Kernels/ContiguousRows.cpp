//===- ContiguousRows.cpp - Lanes run along a row of digits -------------===//
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

/// Sums are [tokens, rows, L]; for one row of one token [fields, L], so that no
/// addition waits for the one before.
struct ContiguousRowsModel
    : MicroKernelModel<ContiguousRowsModel, ContiguousRowsAttr> {
  static ContiguousRowsAttr get(Attribute attr) {
    return cast<ContiguousRowsAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }
  static bool isInPlace(Attribute attr) {
    return get(attr).getTokens() == 1 && get(attr).getRows() == 1;
  }

  std::string getKernelName(Attribute) const { return "contiguous rows"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getRows(), 16 * lanes(attr)};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<ContiguousRows> family = ContiguousRows::match(*layout);
    return family && family->lanes == lanes(attr) && family->rows == 1;
  }
  int64_t getMaxColumns(Attribute) const { return kMaxColumnsInPlace; }
  int64_t getOffset(Attribute) const { return 1; }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t dots = 0;
    for (int64_t f = 0; f < kFields; ++f)
      dots += kernel.getDot().getSlots(isInPlace(attr) ? maxInPlace(f)
                                                       : kMaxStoredDigit);
    int64_t unpack = kernel.getRows() * (isInPlace(attr) ? 5 : 8);
    return {kernel.getTokens() * (kernel.getRows() * dots + kFields) + unpack,
            kernel.getRows() * 4 * lanes(attr)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getRows(), 4 * lanes(attr)})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    if (isInPlace(attr))
      return vectorOf(attr, 32, {kFields, lanes(attr)});
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getRows(), lanes(attr)});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t tokens = kernel.getTokens(), rows = kernel.getRows();
    int64_t bytes = 4 * lanes(attr);
    Value x = b.reshape(codes, {tokens, kFields, bytes});
    for (int64_t f = 0; f < kFields; ++f) {
      Values digits;
      for (int64_t r = 0; r < rows; ++r) {
        Value w = b.part(weights[0], {r});
        digits.push_back(isInPlace(attr) ? fieldInPlace(b, w, f)
                                         : fieldMoved(b, w, f));
      }
      unsigned maximum = isInPlace(attr) ? maxInPlace(f) : kMaxStoredDigit;
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t r = 0; r < rows; ++r) {
          SmallVector<int64_t> at = {t, r};
          if (isInPlace(attr))
            at = {f};
          Value sum = kernel.getDot().build(b, loc, b.part(sums, at), digits[r],
                                            b.part(x, {t, f}), maximum);
          sums = b.withPart(sums, sum, at);
        }
    }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    Value results = b.zero(getSumsType(attr));
    if (isInPlace(attr)) {
      Value sum = b.part(sums, {0});
      for (int64_t f = 1; f < kFields; ++f)
        sum = b.add(sum, b.shiftRightSigned(b.part(sums, {f}), 2 * f));
      return b.withPart(results, b.sumOfIntegers(sum), {0, 0});
    }
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      for (int64_t r = 0; r < kernel.getRows(); ++r)
        results =
            b.withPart(results, b.sumOfIntegers(b.part(sums, {t, r})), {t, r});
    return results;
  }
};

} // namespace

void tern::attachContiguousRows(MLIRContext *context) {
  ContiguousRowsAttr::attachInterface<ContiguousRowsModel>(*context);
}
