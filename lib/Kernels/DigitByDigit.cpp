//===- Digits.cpp - One digit after the other ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Sums are [tokens, rows].
struct DigitsModel : MicroKernelModel<DigitsModel, DigitsAttr> {
  static DigitsAttr get(Attribute attr) { return cast<DigitsAttr>(attr); }

  std::string getKernelName(Attribute) const { return "digit by digit"; }
  MicroTile getTile(Attribute attr) const {
    Layout layout = get(attr).getLayout().getLayout();
    return {get(attr).getTokens(), layout.tileRows(), layout.tileColumns()};
  }
  bool reads(Attribute attr, const std::optional<Layout> &other) const {
    return other && *other == get(attr).getLayout().getLayout();
  }
  int64_t getMaxColumns(Attribute) const {
    return (int64_t(1) << (31 - 1 - 7)) - 1;
  }
  int64_t getOffset(Attribute) const { return 1; }
  MicroCost getCost(Attribute attr) const {
    MicroTile tile = getTile(attr);
    int64_t digits = tile.rows * tile.columns;
    return {digits * (2 + 2 * tile.tokens) + tile.tokens * tile.columns,
            digits / kFields};
  }

  VectorType getWeightType(Attribute attr) const {
    return vectorOf(attr, 8, {get(attr).getLayout().getLayout().tileBytes()});
  }
  VectorType getFragmentType(Attribute attr) const {
    return MicroKernelModel::getSumsType(attr);
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              Value weight, Value sums) const {
    KernelBuilder b(loc, builder);
    Layout layout = get(attr).getLayout().getLayout();
    MicroTile tile = getTile(attr);
    Type i32 = b.getI32Type();
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t column = 0; column < tile.columns; ++column) {
        auto [byte, shift] =
            layout.locate(row, column, tile.rows, tile.columns);
        Value w = b.zeroExtend(b.part(weight, {byte}), i32);
        Value digit = b.bitAnd(b.shiftRight(w, shift), 3);
        for (int64_t t = 0; t < tile.tokens; ++t) {
          Value x = b.signExtend(b.part(codes, {t, column}), i32);
          Value sum = b.add(b.part(sums, {t, row}), b.mul(digit, x));
          sums = b.withPart(sums, sum, {t, row});
        }
      }
    return sums;
  }

  Value finish(Attribute, OpBuilder &, Location, Value sums) const {
    return sums;
  }
};

/// Sums are [tokens, 1].
struct Int8DigitsModel : MicroKernelModel<Int8DigitsModel, Int8DigitsAttr> {
  std::string getKernelName(Attribute) const { return "int8 by int8"; }
  MicroTile getTile(Attribute attr) const {
    return {cast<Int8DigitsAttr>(attr).getTokens(), 1, 1};
  }
  bool reads(Attribute, const std::optional<Layout> &layout) const {
    return !layout;
  }
  int64_t getMaxColumns(Attribute) const {
    return (int64_t(1) << (31 - 7 - 7)) - 1;
  }
  int64_t getOffset(Attribute) const { return 0; }
  MicroCost getCost(Attribute attr) const {
    return {2 + 3 * getTile(attr).tokens, 1};
  }
  VectorType getWeightType(Attribute attr) const {
    return vectorOf(attr, 8, {1, 1});
  }
  VectorType getFragmentType(Attribute attr) const {
    return MicroKernelModel::getSumsType(attr);
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              Value weight, Value sums) const {
    KernelBuilder b(loc, builder);
    Value w = b.signExtend(b.part(weight, {0, 0}), b.getI32Type());
    for (int64_t t = 0; t < getTile(attr).tokens; ++t) {
      Value x = b.signExtend(b.part(codes, {t, 0}), b.getI32Type());
      Value sum = b.add(b.part(sums, {t, 0}), b.mul(w, x));
      sums = b.withPart(sums, sum, {t, 0});
    }
    return sums;
  }

  Value finish(Attribute, OpBuilder &, Location, Value sums) const {
    return sums;
  }
};

} // namespace

void tern::attachDigits(MLIRContext *context) {
  DigitsAttr::attachInterface<DigitsModel>(*context);
  Int8DigitsAttr::attachInterface<Int8DigitsModel>(*context);
}
