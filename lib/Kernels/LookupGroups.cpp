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

/// No code of a plane is larger, so no sum of a number of D digits is larger
/// than 8 D: sums of those of a step, at most 120 or 96 for 3 or 6 of them, fit
/// a byte above and below its start. tern.widen_words proves it.
constexpr int64_t kMaxCode = 8;

/// Sums are [planes, vectors, totals and odd ones, L / 2] of 16 bits, as
/// tern.widen_words takes them; tables are [numbers of a step, planes,
/// entries].
struct LookupGroupsModel
    : MicroKernelModel<LookupGroupsModel, LookupGroupsAttr> {
  static LookupGroupsAttr get(Attribute attr) {
    return cast<LookupGroupsAttr>(attr);
  }
  static bool isSigned(Attribute attr) {
    return get(attr).getCodec() == codecs::s5.name;
  }
  static const Codec &getCodec(Attribute attr) {
    return *findCodec(get(attr).getCodec());
  }
  /// Of a number.
  static int64_t getDigits(Attribute attr) {
    return getCodec(attr).fields.digits;
  }
  static int64_t countNumbersOfByte(Attribute attr) {
    return getCodec(attr).wordDigits / getDigits(attr);
  }
  /// Numbers of a step.
  static int64_t getChunk(Attribute attr) {
    return get(attr).getStepGroups() * countNumbersOfByte(attr);
  }
  /// Columns of a step.
  static int64_t getColumns(Attribute attr) {
    return getChunk(attr) * getDigits(attr);
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
    return getStart(attr) + getChunk(attr) * getTable(attr).getBias();
  }
  /// Numbers whose sums 16 bits hold.
  static int64_t getMaxGroups(Attribute attr) {
    return INT16_MAX / (kMaxCode * getDigits(attr));
  }

  std::string getKernelName(Attribute attr) const {
    return get(attr).getPlanes() == 1 ? "lookups" : "lookups in two planes";
  }
  MicroTile getTile(Attribute attr) const {
    return {1, get(attr).getVectors() * get(attr).getLanes(), getColumns(attr)};
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
  /// A load for each vector of bytes, and a mask of signs, or three operations
  /// that make two numbers of a byte; for each plane and number a lookup, a
  /// negation and an addition, and three operations for a step, of which the
  /// first addition is saved where sums begin with nothing. A table of many
  /// entries is made by fifteen, one that is added to no loads by a load each
  /// step.
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t planes = kernel.getPlanes(), vectors = kernel.getVectors();
    int64_t bytes = kernel.getStepGroups(), chunk = getChunk(attr);
    bool isSmall = getTable(attr).getSize() <= 16;
    int64_t slots = isSigned(attr) ? chunk * (2 + 3 * planes) + 3 * planes
                    : countNumbersOfByte(attr) == 2
                        ? 4 * bytes + planes * (2 * chunk + 2)
                    : isSmall ? planes * (2 * chunk + 2)
                              : chunk * (1 + 2 * planes) + 2 * planes;
    return {vectors * slots + (isSmall ? planes * chunk : 0),
            bytes * vectors * kernel.getLanes(),
            (isSmall ? 8.0 : 15.0) * double(planes) / double(getDigits(attr))};
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
    return {kernel.getGroups() / kernel.getStepGroups(), kernel.getTokens(),
            getMaxGroups(attr) / getChunk(attr)};
  }
  VectorType getPreparedType(Attribute attr) const {
    return vectorOf(
        attr, 8,
        {getChunk(attr), get(attr).getPlanes(), getTable(attr).getSize()});
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
    int64_t chunk = getChunk(attr);
    VectorType type = vectorOf(attr, 8, {chunk, getTable(attr).getSize()});
    for (auto [i, plane] : llvm::enumerate(planes)) {
      Value groups = b.reshape(plane, {chunk, getDigits(attr)});
      Value made = BuildTableOp::create(b, type, /*magnitudes=*/Type(), groups,
                                        getTable(attr))
                       .getTable();
      for (int64_t n = 0; n < chunk; ++n)
        tables = b.withPart(tables, b.part(made, {n}), {n, int64_t(i)});
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
    int64_t chunk = getChunk(attr);
    Value codes = b.reshape(
        weights[0], {kernel.getStepGroups(), vectors, kernel.getLanes()});
    VectorType type = b.vectorOf(kernel.getLanes(), b.getI8Type());
    Values narrow(planes * vectors,
                  b.constant(type, int64_t(int8_t(getStart(attr)))));
    auto lookUp = [&](int64_t n, int64_t v) {
      Value number = getNumber(attr, b, codes, n, v);
      for (int64_t plane = 0; plane < planes; ++plane) {
        Value &sum = narrow[plane * vectors + v];
        sum = LookupAddOp::create(b, type, sum, b.part(tables, {n, plane}),
                                  number, getTable(attr), /*in_bounds=*/true);
      }
    };
    // Many vectors one by one: LLVM keeps the tables in registers then, and no
    // more than one vector's entries beside them.
    if (vectors > 2)
      for (int64_t v = 0; v < vectors; ++v) {
        for (int64_t n = 0; n < chunk; ++n)
          lookUp(n, v);
        sums = widenVector(attr, b, narrow, v, sums);
      }
    else {
      for (int64_t n = 0; n < chunk; ++n)
        for (int64_t v = 0; v < vectors; ++v)
          lookUp(n, v);
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
  /// Number `n` of a step of the rows of vector `v`: a byte of `codes`, or the
  /// low or the high half of one.
  static Value getNumber(Attribute attr, ValueBuilder &b, Value codes,
                         int64_t n, int64_t v) {
    int64_t ofByte = countNumbersOfByte(attr);
    Value byte = b.part(codes, {n / ofByte, v});
    if (ofByte == 1)
      return byte;
    int64_t bits = 8 / ofByte;
    return n % ofByte ? b.shiftRight(byte, bits)
                      : b.bitAnd(byte, (int64_t(1) << bits) - 1);
  }

  /// `sums` with the bytes of vector `v` of all planes added.
  static Value widenVector(Attribute attr, ValueBuilder &b,
                           const Values &narrow, int64_t v, Value sums) {
    auto kernel = get(attr);
    for (int64_t plane = 0; plane < kernel.getPlanes(); ++plane) {
      Value total = b.part(sums, {plane, v, 0});
      Value odd = b.part(sums, {plane, v, 1});
      auto wide = WidenWordsOp::create(b, total.getType(), odd.getType(),
                                       narrow[plane * kernel.getVectors() + v],
                                       total, odd, getTable(attr),
                                       getChunk(attr), getMaxGroups(attr),
                                       getStart(attr), /*bound=*/Value());
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
