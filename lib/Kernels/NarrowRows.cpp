//===- NarrowRows.cpp - A lane holds the sum of a row in 16 bits ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

namespace {

/// Stored, and the largest |code|.
constexpr int64_t kMaxDigit = 2, kMaxCode = 128;
/// Steps whose sums 16 bits hold: -32768 for codes that are all -128, 32512 for
/// 127.
constexpr int64_t kNarrowSteps = 32768 / (kMaxDigit * kMaxCode * kFields);

/// Sums are [tokens, rows].
struct NarrowRowsModel : MicroKernelModel<NarrowRowsModel, NarrowRowsAttr> {
  static NarrowRowsAttr get(Attribute attr) {
    return cast<NarrowRowsAttr>(attr);
  }

  std::string getKernelName(Attribute) const { return "narrow rows"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getRows(), kFields};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    return layout && layout->withoutScales() == get(attr).getTileLayout();
  }
  int64_t getMaxColumns(Attribute) const {
    return ((int64_t(1) << 31) - 1) / (kMaxDigit * kMaxCode);
  }
  int64_t getOffset(Attribute) const { return 1; }
  /// A load, six operations for the fields, and for each field and token a code
  /// and a multiplication that adds.
  MicroCost getCost(Attribute attr) const {
    int64_t tokens = get(attr).getTokens(), rows = get(attr).getRows();
    return {7 + 2 * kFields * tokens, rows, /*setupSlots=*/0,
            tokens * (2 + kScaleSlots)};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getRows()})};
  }
  VectorType getFragmentType(Attribute attr) const {
    return MicroKernelModel::getSumsType(attr);
  }
  int64_t getNarrowSteps(Attribute) const { return kNarrowSteps; }
  VectorType getNarrowType(Attribute attr) const {
    return vectorOf(attr, 16, {get(attr).getTokens(), get(attr).getRows()});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    Value narrow = b.zero(getNarrowType(attr));
    return addNarrow(b, addProducts(attr, b, codes, weights[0], narrow), sums);
  }
  Value buildNarrow(Attribute attr, OpBuilder &builder, Location loc,
                    Value codes, ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    return addProducts(attr, b, codes, weights[0], sums);
  }
  Value widen(Attribute, OpBuilder &builder, Location loc, Value narrow,
              Value sums) const {
    ValueBuilder b(loc, builder);
    return addNarrow(b, narrow, sums);
  }
  Value finish(Attribute, OpBuilder &, Location, Value sums) const {
    return sums;
  }

private:
  /// Code `f` of token `t` in all words. It is taken out of a word and widened
  /// as a vector: LLVM then loads it as a scalar, and not a vector of four.
  static Value broadcastCode(ValueBuilder &b, Value codes, int64_t t, int64_t f,
                             VectorType words) {
    Value four = b.bitcast(b.vectorOf(1, b.getI32Type()), b.part(codes, {t}));
    Value code = arith::TruncIOp::create(b, b.getI8Type(),
                                         b.shiftRight(b.lane(four, 0), 8 * f));
    Value all =
        b.splat(b.vectorOf(words.getNumElements(), b.getI8Type()), code);
    return b.signExtend(all, words.getElementType());
  }

  static Value addNarrow(ValueBuilder &b, Value narrow, Value sums) {
    return b.add(sums, b.signExtend(narrow, b.getI32Type()));
  }

  static Value addProducts(Attribute attr, ValueBuilder &b, Value codes,
                           Value bytes, Value sums) {
    Type word = b.getI16Type();
    auto words = VectorType::get({get(attr).getRows()}, word);
    for (int64_t f = 0; f < kFields; ++f) {
      Value digits = b.zeroExtend(unpackField(b, bytes, f), word);
      for (int64_t t = 0; t < get(attr).getTokens(); ++t) {
        Value product = b.mul(digits, broadcastCode(b, codes, t, f, words));
        sums = b.withPart(sums, b.add(b.part(sums, {t}), product), {t});
      }
    }
    return sums;
  }
};

} // namespace

void tern::attachNarrowRows(MLIRContext *context) {
  NarrowRowsAttr::attachInterface<NarrowRowsModel>(*context);
}
