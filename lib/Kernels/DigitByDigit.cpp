//===- DigitByDigit.cpp - One digit after the other----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Kernels/Digits.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Sums are [tokens, rows].
struct DigitByDigitModel
    : MicroKernelModel<DigitByDigitModel, DigitByDigitAttr> {
  static DigitByDigitAttr get(Attribute attr) {
    return cast<DigitByDigitAttr>(attr);
  }

  std::string getKernelName(Attribute) const { return "digit by digit"; }
  MicroTile getTile(Attribute attr) const {
    Layout layout = get(attr).getLayout().getLayout();
    return {get(attr).getTokens(), layout.tileRows(), layout.tileColumns()};
  }
  bool reads(Attribute attr, const std::optional<Layout> &other) const {
    return other && other->withoutScales() == get(attr).getLayout().getLayout();
  }
  int64_t getMaxColumns(Attribute attr) const {
    int64_t largest = -get(attr).getLayout().getLayout().codec->lowest();
    return ((int64_t(1) << (31 - 7)) - 1) / largest;
  }
  int64_t getOffset(Attribute) const { return 0; }
  MicroCost getCost(Attribute attr) const {
    MicroTile tile = getTile(attr);
    int64_t digits = tile.rows * tile.columns;
    return {digits * (3 + 2 * tile.tokens) + tile.tokens * tile.columns,
            get(attr).getLayout().getLayout().tileBytes()};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getLayout().getLayout().tileBytes()})};
  }
  VectorType getFragmentType(Attribute attr) const {
    return MicroKernelModel::getSumsType(attr);
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    Layout layout = get(attr).getLayout().getLayout();
    MicroTile tile = getTile(attr);
    Type i32 = b.getI32Type();
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t column = 0; column < tile.columns; ++column) {
        DigitPlace place = layout.locate(row, column, tile.rows, tile.columns);
        Value word = buildWord(b, *layout.codec, [&](int64_t i) {
          return b.part(weights[0], {place.byte + i * layout.byteStride()});
        });
        Value digit = buildDigit(b, *layout.codec, word, place.digit);
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
struct Int8ByInt8Model : MicroKernelModel<Int8ByInt8Model, Int8ByInt8Attr> {
  std::string getKernelName(Attribute) const { return "int8 by int8"; }
  MicroTile getTile(Attribute attr) const {
    return {cast<Int8ByInt8Attr>(attr).getTokens(), 1, 1};
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
  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {1, 1})};
  }
  VectorType getFragmentType(Attribute attr) const {
    return MicroKernelModel::getSumsType(attr);
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    Value w = b.signExtend(b.part(weights[0], {0, 0}), b.getI32Type());
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

void tern::attachDigitByDigit(MLIRContext *context) {
  DigitByDigitAttr::attachInterface<DigitByDigitModel>(*context);
  Int8ByInt8Attr::attachInterface<Int8ByInt8Model>(*context);
}
