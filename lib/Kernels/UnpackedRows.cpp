//===- UnpackedRows.cpp - A lane is a row, a byte a digit -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

namespace {

/// Stored.
constexpr unsigned kMaxDigit = 2;

/// Sums are [tokens, vectors, L].
struct UnpackedRowsModel
    : MicroKernelModel<UnpackedRowsModel, UnpackedRowsAttr> {
  static UnpackedRowsAttr get(Attribute attr) {
    return cast<UnpackedRowsAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }

  std::string getKernelName(Attribute) const { return "unpacked rows"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getVectors() * lanes(attr), 4};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<UnpackedRows> family = UnpackedRows::match(*layout);
    return family && family->lanes == lanes(attr) &&
           family->vectors == get(attr).getVectors();
  }
  int64_t getMaxColumns(Attribute) const {
    return ((int64_t(1) << 31) - 1) / (kMaxDigit * 128);
  }
  int64_t getOffset(Attribute) const { return 1; }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    // A product and an addition, if sums are narrow.
    int64_t slots =
        getNarrowSteps(attr) ? 2 : kernel.getDot().getSlots(kMaxDigit);
    int64_t dots = kernel.getVectors() * slots;
    // Two more for floats that have no registers while integers are added.
    int64_t sums = kernel.getTokens() * kernel.getVectors();
    return {kernel.getTokens() * (dots + 1) + kernel.getVectors(),
            kernel.getVectors() * 4 * lanes(attr), /*setupSlots=*/0,
            sums * (kScaleSlots + 3)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getVectors() * 4 * lanes(attr)})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getVectors(), lanes(attr)});
  }

  int64_t getNarrowSteps(Attribute attr) const {
    return get(attr).getDot().getNarrowSteps(kMaxDigit);
  }
  VectorType getNarrowType(Attribute attr) const {
    auto kernel = get(attr);
    if (!getNarrowSteps(attr))
      return {};
    return vectorOf(attr, 16,
                    {kernel.getTokens(), kernel.getVectors(),
                     kernel.getDot().getNarrowLanes()});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    DotProductAttrInterface dot = get(attr).getDot();
    return addDots(attr, b, codes, weights[0], sums,
                   [&](Value sum, Value u, Value x) {
                     return dot.build(b, loc, sum, u, x, kMaxDigit);
                   });
  }
  Value buildNarrow(Attribute attr, OpBuilder &builder, Location loc,
                    Value codes, ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    DotProductAttrInterface dot = get(attr).getDot();
    return addDots(attr, b, codes, weights[0], sums,
                   [&](Value sum, Value u, Value x) {
                     return dot.buildNarrow(b, loc, sum, u, x);
                   });
  }

  Value widen(Attribute attr, OpBuilder &builder, Location loc, Value narrow,
              Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      for (int64_t v = 0; v < kernel.getVectors(); ++v) {
        Value sum = kernel.getDot().widen(b, loc, b.part(sums, {t, v}),
                                          b.part(narrow, {t, v}));
        sums = b.withPart(sums, sum, {t, v});
      }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    MicroTile tile = getTile(attr);
    return b.reshape(sums, {tile.tokens, tile.rows});
  }

private:
  static Value addDots(Attribute attr, ValueBuilder &b, Value codes,
                       Value weight, Value sums,
                       function_ref<Value(Value, Value, Value)> dot) {
    auto kernel = get(attr);
    int64_t vectors = kernel.getVectors();
    Value digits = b.reshape(weight, {vectors, 4 * lanes(attr)});
    for (int64_t t = 0; t < kernel.getTokens(); ++t) {
      Value x = broadcastFour(b, codes, t, 0, kernel.getDot());
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = dot(b.part(sums, {t, v}), b.part(digits, {v}), x);
        sums = b.withPart(sums, sum, {t, v});
      }
    }
    return sums;
  }
};

} // namespace

void tern::attachUnpackedRows(MLIRContext *context) {
  UnpackedRowsAttr::attachInterface<UnpackedRowsModel>(*context);
}
