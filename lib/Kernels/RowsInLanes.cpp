//===- RowsInLanes.cpp - A lane holds the sum of one row ----------------===//
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

/// A vector is of L rows; one token is taken in place. A part of the vectors of
/// a tile has its sums in registers for more tokens.
struct RowsInLanesModel : FieldKernelModel<RowsInLanesModel, RowsInLanesAttr> {
  static RowsInLanesAttr get(Attribute attr) {
    return cast<RowsInLanesAttr>(attr);
  }
  static int64_t lanes(Attribute attr) { return get(attr).getDot().getLanes(); }
  static FieldDots dots(Attribute attr) {
    auto kernel = get(attr);
    bool isNarrow = FieldDots::narrowSteps(kernel.getDot(), kFields) != 0;
    return {kernel.getDot(),
            kernel.getTokens(),
            kernel.getVectors(),
            kernel.getTokens() == 1 && !isNarrow,
            kFields,
            kernel.getFirst(),
            isNarrow};
  }

  std::string getKernelName(Attribute) const { return "rows in lanes"; }
  MicroTile getTile(Attribute attr) const {
    return {get(attr).getTokens(), get(attr).getVectors() * lanes(attr), 16,
            get(attr).getFirst() * lanes(attr)};
  }
  SmallVector<Attribute> getParts(Attribute attr) const {
    auto kernel = get(attr);
    SmallVector<Attribute> parts;
    for (int64_t v = 0; v < kernel.getTileVectors(); v += kernel.getVectors())
      parts.push_back(RowsInLanesAttr::get(
          attr.getContext(), kernel.getDot(), kernel.getVectors(),
          kernel.getTokens(), v, kernel.getTile()));
    return parts;
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<RowsInLanes> family = RowsInLanes::match(*layout);
    // Vectors of other lengths are the same bytes.
    return family && family->lanes * family->vectors ==
                         lanes(attr) * get(attr).getTileVectors();
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {get(attr).getTileVectors() * 4 * lanes(attr)})};
  }
  VectorType getSumsType(Attribute attr) const {
    MicroTile tile = getTile(attr);
    SmallVector<int64_t> shape = {tile.tokens, tile.rows};
    if (get(attr).getTileVectors() != get(attr).getVectors())
      shape.insert(shape.begin() + 1, 1);
    return vectorOf(attr, 32, shape);
  }

  int64_t getNarrowSteps(Attribute attr) const {
    return FieldDots::narrowSteps(get(attr).getDot(), kFields);
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
    return dots(attr).build(
        b, bytesOf(attr, b, weights), sums, [&](int64_t t, int64_t f) {
          return broadcastFour(b, codes, t, 4 * f, get(attr).getDot());
        });
  }
  Value buildNarrow(Attribute attr, OpBuilder &builder, Location loc,
                    Value codes, ValueRange weights, Value narrow) const {
    ValueBuilder b(loc, builder);
    return dots(attr).buildNarrow(
        b, bytesOf(attr, b, weights), narrow, [&](int64_t t, int64_t f) {
          return broadcastFour(b, codes, t, 4 * f, get(attr).getDot());
        });
  }
  Value widen(Attribute attr, OpBuilder &builder, Location loc, Value narrow,
              Value sums) const {
    ValueBuilder b(loc, builder);
    return dots(attr).widen(b, narrow, sums);
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    return b.reshape(dots(attr).finish(b, sums), getSumsType(attr).getShape());
  }

private:
  static Value bytesOf(Attribute attr, ValueBuilder &b, ValueRange weights) {
    // Loads of codes for more tokens, or of four, have addresses that all
    // loads go on by.
    if (get(attr).getTokens() > 1 || !get(attr).getDot().broadcastsLanes())
      return b.reshape(weights[0],
                       {get(attr).getTileVectors(), 4 * lanes(attr)});
    return splitVectors(b, weights[0], 4 * lanes(attr));
  }
};

} // namespace

void tern::attachRowsInLanes(MLIRContext *context) {
  RowsInLanesAttr::attachInterface<RowsInLanesModel>(*context);
}
