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
    return {kernel.getDot(),           kernel.getTokens(), kernel.getVectors(),
            kernel.getTokens() == 1, kFields,            kernel.getFirst()};
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
      parts.push_back(RowsInLanesAttr::get(attr.getContext(), kernel.getDot(),
                                           kernel.getVectors(),
                                           kernel.getTokens(), v,
                                           kernel.getTile()));
    return parts;
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    if (!layout)
      return false;
    std::optional<RowsInLanes> family = RowsInLanes::match(*layout);
    return family && family->lanes == lanes(attr) &&
           family->vectors == get(attr).getTileVectors();
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

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    Value bytes =
        b.reshape(weights[0], {get(attr).getTileVectors(), 4 * lanes(attr)});
    return dots(attr).build(b, bytes, sums, [&](int64_t t, int64_t f) {
      return broadcastFour(b, codes, t, 4 * f, get(attr).getDot());
    });
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    return b.reshape(dots(attr).finish(b, sums), getSumsType(attr).getShape());
  }
};

} // namespace

void tern::attachRowsInLanes(MLIRContext *context) {
  RowsInLanesAttr::attachInterface<RowsInLanesModel>(*context);
}
