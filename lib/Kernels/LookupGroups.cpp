//===- LookupGroups.cpp - A byte of the weight is an index --------------===//
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

/// The entries of a table and its padding: (3^5 + 1) / 2 or 3^4 of them.
constexpr int64_t kEntries = 128;
/// No code of a plane is larger, so no sum of a group of D digits is larger
/// than 8 D.
constexpr int64_t kMaxCode = 8;
/// Groups whose sums, at most 120, a byte holds above or below its start: what
/// tern.widen_words proves.
constexpr int64_t kChunk = 3;

/// Sums are [planes, vectors, totals and odd ones, L / 2] of 16 bits, as
/// tern.widen_words takes them; tables are [groups of a step, planes, entries].
struct LookupGroupsModel
    : MicroKernelModel<LookupGroupsModel, LookupGroupsAttr> {
  static LookupGroupsAttr get(Attribute attr) {
    return cast<LookupGroupsAttr>(attr);
  }
  static bool isSigned(Attribute attr) {
    return get(attr).getCodec() == codecs::s5.name;
  }
  static int64_t getDigits(Attribute attr) {
    return get(attr).getTileLayout().codec->wordDigits;
  }
  /// Entries that no sign negates are made positive, so that the first one of a
  /// chunk is added to nothing.
  static LookupTableAttr getTable(Attribute attr) {
    int64_t digits = getDigits(attr);
    return LookupTableAttr::get(attr.getContext(), digits, -kMaxCode, kMaxCode,
                                isSigned(attr) ? 0 : kMaxCode * digits,
                                isSigned(attr));
  }
  /// A byte before a chunk, and a chunk's sum over codes that are zero.
  static int64_t getStart(Attribute attr) { return isSigned(attr) ? 128 : 0; }
  static int64_t getExcess(Attribute attr) {
    return getStart(attr) + kChunk * getTable(attr).getBias();
  }
  /// Groups whose sums 16 bits hold.
  static int64_t getMaxGroups(Attribute attr) {
    return INT16_MAX / (kMaxCode * getDigits(attr));
  }

  std::string getKernelName(Attribute attr) const {
    return get(attr).getPlanes() == 1 ? "lookups" : "lookups in two planes";
  }
  MicroTile getTile(Attribute attr) const {
    return {1, get(attr).getVectors() * get(attr).getLanes(),
            kChunk * getDigits(attr)};
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
  /// A load and a mask of signs for each vector of bytes; for each plane a
  /// lookup, a negation and an addition, and three operations for a chunk. A
  /// table is made by fifteen.
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t planes = kernel.getPlanes(), vectors = kernel.getVectors();
    int64_t slots = isSigned(attr) ? kChunk * (2 + 3 * planes) + 3 * planes
                                   : kChunk * (1 + 2 * planes) + 2 * planes;
    return {vectors * slots, kChunk * vectors * kernel.getLanes(),
            15.0 * double(planes) / double(getDigits(attr))};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {getCost(attr).bytes})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(
        attr, 16,
        {kernel.getPlanes(), kernel.getVectors(), 2, kernel.getLanes() / 2});
  }

  MicroPreparation getPreparation(Attribute attr) const {
    auto kernel = get(attr);
    return {kernel.getGroups() / kChunk, kernel.getTokens(),
            getMaxGroups(attr) / kChunk};
  }
  VectorType getPreparedType(Attribute attr) const {
    return vectorOf(attr, 8, {kChunk, get(attr).getPlanes(), kEntries});
  }
  Value prepare(Attribute attr, OpBuilder &builder, Location loc,
                Value codes) const {
    ValueBuilder b(loc, builder);
    Value row = b.part(codes, {int64_t(0)});
    Values planes = {row};
    if (get(attr).getPlanes() == 2) {
      auto split = SplitCodesOp::create(b, row.getType(), row.getType(), row);
      planes = {split.getLow(), split.getHigh()};
    }
    Value tables = b.zero(getPreparedType(attr));
    VectorType type = vectorOf(attr, 8, {kChunk, kEntries});
    for (auto [i, plane] : llvm::enumerate(planes)) {
      Value groups = b.reshape(plane, {kChunk, getDigits(attr)});
      Value made = BuildTableOp::create(b, type, /*magnitudes=*/Type(), groups,
                                        getTable(attr))
                       .getTable();
      for (int64_t group = 0; group < kChunk; ++group)
        tables = b.withPart(tables, b.part(made, {group}), {group, int64_t(i)});
    }
    return tables;
  }

  /// Totals less the excess of both bytes of a word, odd sums less one's.
  Value begin(Attribute attr, OpBuilder &builder, Location loc,
              int64_t steps) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    VectorType words = b.vectorOf(kernel.getLanes() / 2, b.getI16Type());
    auto constant = [&](int64_t value) {
      return b.constant(words, int64_t(int16_t(value)));
    };
    int64_t excess = steps * getExcess(attr);
    Value starts[] = {constant(-excess * 257), constant(-excess)};
    Value sums = b.zero(getFragmentType(attr));
    for (int64_t plane = 0; plane < kernel.getPlanes(); ++plane)
      for (int64_t v = 0; v < kernel.getVectors(); ++v)
        for (int64_t odd = 0; odd < 2; ++odd)
          sums = b.withPart(sums, starts[odd], {plane, v, odd});
    return sums;
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value tables,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t vectors = kernel.getVectors(), planes = kernel.getPlanes();
    Value codes = b.reshape(weights[0], {kChunk, vectors, kernel.getLanes()});
    VectorType type = b.vectorOf(kernel.getLanes(), b.getI8Type());
    Values narrow(planes * vectors,
                  b.constant(type, int64_t(int8_t(getStart(attr)))));
    auto lookUp = [&](int64_t group, int64_t v) {
      for (int64_t plane = 0; plane < planes; ++plane) {
        Value &sum = narrow[plane * vectors + v];
        sum = LookupAddOp::create(b, type, sum, b.part(tables, {group, plane}),
                                  b.part(codes, {group, v}), getTable(attr));
      }
    };
    // Many vectors one by one: LLVM keeps the tables in registers then, and no
    // more than one vector's entries beside them.
    if (vectors > 2)
      for (int64_t v = 0; v < vectors; ++v) {
        for (int64_t group = 0; group < kChunk; ++group)
          lookUp(group, v);
        sums = widenVector(attr, b, narrow, v, sums);
      }
    else {
      for (int64_t group = 0; group < kChunk; ++group)
        for (int64_t v = 0; v < vectors; ++v)
          lookUp(group, v);
      for (int64_t v = 0; v < vectors; ++v)
        sums = widenVector(attr, b, narrow, v, sums);
    }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    VectorType words = b.vectorOf(kernel.getLanes(), b.getI16Type());
    Value result =
        b.zero(vectorOf(attr, 32, {kernel.getVectors(), kernel.getLanes()}));
    for (int64_t v = 0; v < kernel.getVectors(); ++v) {
      Value sum;
      for (int64_t plane = 0; plane < kernel.getPlanes(); ++plane) {
        Value joined = JoinWordsOp::create(
            b, words, b.part(sums, {plane, v, 0}), b.part(sums, {plane, v, 1}));
        Value wide = b.signExtend(joined, b.getI32Type());
        sum = plane == 0 ? wide : b.add(sum, b.shiftLeft(wide, 4 * plane));
      }
      result = b.withPart(result, sum, {v});
    }
    return b.reshape(result, {1, getTile(attr).rows});
  }

private:
  /// `sums` with the bytes of vector `v` of all planes added.
  static Value widenVector(Attribute attr, ValueBuilder &b,
                           const Values &narrow, int64_t v, Value sums) {
    auto kernel = get(attr);
    for (int64_t plane = 0; plane < kernel.getPlanes(); ++plane) {
      Value total = b.part(sums, {plane, v, 0});
      Value odd = b.part(sums, {plane, v, 1});
      auto wide = WidenWordsOp::create(
          b, total.getType(), odd.getType(),
          narrow[plane * kernel.getVectors() + v], total, odd, getTable(attr),
          kChunk, getMaxGroups(attr), getStart(attr), /*bound=*/Value());
      sums = b.withPart(sums, wide.getNewTotal(), {plane, v, 0});
      sums = b.withPart(sums, wide.getNewOdd(), {plane, v, 1});
    }
    return sums;
  }
};

} // namespace

void tern::attachLookupGroups(MLIRContext *context) {
  LookupGroupsAttr::attachInterface<LookupGroupsModel>(*context);
}
