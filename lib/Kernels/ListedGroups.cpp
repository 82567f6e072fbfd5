//===- ListedGroups.cpp - Lookups of groups that are not zero -------------===//
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

/// Digits of a group, and entries of a table with its padding.
constexpr int64_t kDigits = 4, kEntries = 128;
/// No code of a plane is larger, so no sum of a group exceeds what is added to
/// all entries.
constexpr int64_t kMaxCode = 8, kBias = kMaxCode * kDigits;
/// Groups whose entries a byte holds the sum of.
constexpr int64_t kChunk = 3;
/// Groups whose sums 16 bits hold.
constexpr int64_t kMaxGroups = INT16_MAX / (kMaxCode * kDigits);

/// Sums are [2 V + 1, L / 2] of 16 bits: totals and odd ones of each vector, as
/// tern.widen_words takes them, and the number of steps.
struct ListedGroupsModel
    : MicroKernelModel<ListedGroupsModel, ListedGroupsAttr> {
  static ListedGroupsAttr get(Attribute attr) {
    return cast<ListedGroupsAttr>(attr);
  }
  static LookupTableAttr getTable(Attribute attr) {
    return LookupTableAttr::get(attr.getContext(), kDigits, -kMaxCode, kMaxCode,
                                kBias, /*signMagnitude=*/false);
  }

  std::string getKernelName(Attribute) const { return "listed lookups"; }
  MicroTile getTile(Attribute attr) const {
    return {1, get(attr).getVectors() * get(attr).getLanes(), kChunk * kDigits};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    return layout && *layout == get(attr).getTileLayout();
  }
  CodeRange getCodeRange(Attribute attr) const {
    return get(attr).getPlanes() == 1 ? CodeRange{-kMaxCode, kMaxCode}
                                      : CodeRange{-128, 127};
  }
  /// 32 bits hold the sums of as many.
  int64_t getMaxColumns(Attribute) const { return (int64_t(1) << 24) - 1; }
  int64_t getOffset(Attribute) const { return 0; }
  /// If all groups are listed: for each plane a load, a lookup and an addition,
  /// and two operations more for a step. A table and its entry in a list are
  /// made by thirty.
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t planes = kernel.getPlanes(), vectors = kernel.getVectors();
    return {planes * vectors * (3 * kChunk + 2),
            kChunk * vectors * kernel.getLanes(),
            30.0 * double(planes) / kDigits};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return SmallVector<VectorType>(
        kChunk,
        vectorOf(attr, 8, {get(attr).getVectors() * get(attr).getLanes()}));
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(attr, 16,
                    {2 * kernel.getVectors() + 1, kernel.getLanes() / 2});
  }

  MicroPreparation getPreparation(Attribute attr) const {
    auto kernel = get(attr);
    return {kernel.getGroups() / kChunk, kernel.getTokens(),
            kMaxGroups / kChunk, kernel.getPlanes()};
  }
  VectorType getPreparedType(Attribute attr) const {
    return vectorOf(attr, 8, {kChunk, kEntries});
  }
  Value prepare(Attribute attr, OpBuilder &builder, Location loc,
                Value codes) const {
    ValueBuilder b(loc, builder);
    return BuildTableOp::create(b, getPreparedType(attr), /*magnitudes=*/Type(),
                                b.reshape(codes, {kChunk, kDigits}),
                                getTable(attr))
        .getTable();
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value tables,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    int64_t vectors = get(attr).getVectors(), lanes = get(attr).getLanes();
    VectorType type = b.vectorOf(lanes, b.getI8Type());
    // One by one: LLVM keeps the tables in registers then, and no more than one
    // vector's entries beside them.
    for (int64_t v = 0; v < vectors; ++v) {
      Value narrow = b.zero(type);
      for (int64_t group = 0; group < kChunk; ++group)
        narrow = LookupAddOp::create(b, type, narrow, b.part(tables, {group}),
                                     b.lanes(weights[group], v * lanes, lanes),
                                     getTable(attr));
      Value total = b.part(sums, {2 * v}), odd = b.part(sums, {2 * v + 1});
      auto wide = WidenWordsOp::create(b, total.getType(), odd.getType(),
                                       narrow, total, odd, getTable(attr),
                                       kChunk, kMaxGroups, /*start=*/0,
                                       /*bound=*/Value());
      sums = b.withPart(sums, wide.getNewTotal(), {2 * v});
      sums = b.withPart(sums, wide.getNewOdd(), {2 * v + 1});
    }
    return b.withPart(sums, b.add(b.part(sums, {2 * vectors}), 1),
                      {2 * vectors});
  }

  /// A step adds the bias of three groups to both bytes of a word.
  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    int64_t vectors = get(attr).getVectors(), lanes = get(attr).getLanes();
    Value ofOdd = b.mul(b.part(sums, {2 * vectors}), kChunk * kBias);
    Value ofTotal = b.add(ofOdd, b.shiftLeft(ofOdd, 8));
    Value result = b.zero(vectorOf(attr, 32, {vectors, lanes}));
    for (int64_t v = 0; v < vectors; ++v) {
      Value joined =
          JoinWordsOp::create(b, b.vectorOf(lanes, b.getI16Type()),
                              b.sub(b.part(sums, {2 * v}), ofTotal),
                              b.sub(b.part(sums, {2 * v + 1}), ofOdd));
      result = b.withPart(result, b.signExtend(joined, b.getI32Type()), {v});
    }
    return b.reshape(result, {1, getTile(attr).rows});
  }
};

} // namespace

void tern::attachListedGroups(MLIRContext *context) {
  ListedGroupsAttr::attachInterface<ListedGroupsModel>(*context);
}
