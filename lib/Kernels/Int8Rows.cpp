//===- Int8Rows.cpp - Lanes run along a row of int8 ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

using namespace mlir;
using namespace tern;

namespace {

/// Sums are [tokens, rows, vectors, L].
struct Int8RowsModel : MicroKernelModel<Int8RowsModel, Int8RowsAttr> {
  static Int8RowsAttr get(Attribute attr) { return cast<Int8RowsAttr>(attr); }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }

  std::string getKernelName(Attribute) const { return "int8 rows"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getRows(),
            get(attr).getVectors() * 4 * lanes(attr)};
  }
  bool reads(Attribute, const std::optional<Layout> &layout) const {
    return !layout;
  }
  int64_t getMaxColumns(Attribute) const {
    // Sums may wrap around before the offset is taken off.
    return (int64_t(1) << (31 - 7 - 7)) - 1;
  }
  int64_t getOffset(Attribute) const { return 128; }
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t rows = kernel.getRows(), tokens = kernel.getTokens();
    return {
        kernel.getVectors() *
            (tokens * (rows * kernel.getDot().getSlots(255) + 1) + 2 * rows),
        rows * getTile(attr).columns};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getRows(), getTile(attr).columns})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(attr, 32,
                    {kernel.getTokens(), kernel.getRows(), kernel.getVectors(),
                     lanes(attr)});
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t tokens = kernel.getTokens(), rows = kernel.getRows();
    int64_t vectors = kernel.getVectors(), bytes = 4 * lanes(attr);
    Value x = b.reshape(codes, {tokens, vectors, bytes});
    Value w = b.reshape(weights[0], {rows, vectors, bytes});
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t r = 0; r < rows; ++r) {
        Value u = b.bitXor(b.part(w, {r, v}), 0x80);
        for (int64_t t = 0; t < tokens; ++t) {
          Value sum = kernel.getDot().build(b, loc, b.part(sums, {t, r, v}), u,
                                            b.part(x, {t, v}), 255);
          sums = b.withPart(sums, sum, {t, r, v});
        }
      }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    Value results = b.zero(getSumsType(attr));
    for (int64_t t = 0; t < kernel.getTokens(); ++t)
      for (int64_t r = 0; r < kernel.getRows(); ++r) {
        Value sum = b.part(sums, {t, r, 0});
        for (int64_t v = 1; v < kernel.getVectors(); ++v)
          sum = b.add(sum, b.part(sums, {t, r, v}));
        results = b.withPart(results, b.sumOfIntegers(sum), {t, r});
      }
    return results;
  }
};

} // namespace

void tern::attachInt8Rows(MLIRContext *context) {
  Int8RowsAttr::attachInterface<Int8RowsModel>(*context);
}
