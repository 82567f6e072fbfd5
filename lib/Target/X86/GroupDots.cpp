//===- GroupDots.cpp - Dot products with bytes of five digits -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Interleaving the bytes of four groups leaves a quarter of each sixteen rows
// in a vector, so sums are [tokens, quarters, L] until they are finished.
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/X86/X86.h"

using namespace mlir;
using namespace tern;
using namespace tern::x86;

/// Groups of columns in a step, and the vectors that they become.
static constexpr int64_t kGroups = 4, kQuarters = 4;
static constexpr int64_t kDigits = 5, kColumns = kGroups * kDigits;
/// Stored.
static constexpr int64_t kMaxDigit = 2;
/// Tokens whose codes are prepared together: the function of a few has no more.
static constexpr int64_t kPreparedTokens = 16;

LogicalResult
GroupDotsAttr::verify(function_ref<InFlightDiagnostic()> emitError, DotAttr,
                      int64_t vectors, int64_t first, int64_t groups,
                      int64_t tokens) {
  if (first < 0 || first >= vectors)
    return emitError() << "expected one of " << vectors
                       << " vectors, got number " << first;
  if (groups < 1 || groups % kGroups)
    return emitError() << "expected a multiple of " << kGroups
                       << " groups, got " << groups;
  if (tokens < 1 || tokens > kPreparedTokens)
    return emitError() << "expected 1 to " << kPreparedTokens << " tokens, got "
                       << tokens;
  return success();
}

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

/// Bytes of a vector, each of a row.
static int64_t getRows(const GroupDotsAttr &kernel) {
  return 4 * kernel.getDot().getLanes();
}

std::string GroupDotsAttr::getKernelName() const {
  return "dot products of groups";
}

MicroTile GroupDotsAttr::getTile() const {
  return {getTokens(), getRows(*this), kColumns, getFirst() * getRows(*this)};
}

SmallVector<Attribute> GroupDotsAttr::getParts() const {
  SmallVector<Attribute> parts;
  for (int64_t v = 0; v < getVectors(); ++v)
    parts.push_back(
        get(getContext(), getDot(), getVectors(), v, getGroups(), getTokens()));
  return parts;
}

bool GroupDotsAttr::reads(const std::optional<Layout> &layout) const {
  return layout &&
         *layout == GroupsInLanes{&codecs::s5, Axis::Column, getGroups(),
                                  getVectors(), getRows(*this)}
                        .layout();
}

CodeRange GroupDotsAttr::getCodeRange() const { return {-128, 127}; }

int64_t GroupDotsAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / (kMaxDigit * 128);
}

int64_t GroupDotsAttr::getOffset() const { return 1; }

/// A load and two shuffles for each vector of bytes; two lookups and their
/// signs, three shifts and four masks for each quarter, then a product for each
/// digit and token, whose codes are a load.
MicroCost GroupDotsAttr::getCost() const {
  int64_t products = kQuarters * getDot().getSlots(kMaxDigit) + 1;
  return {getTokens() * kDigits * products + kGroups * 3 + kQuarters * (7 + 7),
          kGroups * getRows(*this), /*setupSlots=*/0.25};
}

VectorType GroupDotsAttr::getCodesType() const {
  return vectorOf(*this, 8, {getTokens(), kColumns});
}

MicroPreparation GroupDotsAttr::getPreparation() const {
  return {getGroups() / kGroups, kPreparedTokens, getMaxColumns() / kColumns};
}

VectorType GroupDotsAttr::getPreparedType() const { return getCodesType(); }

/// Of each token, the codes that one digit of the groups is multiplied by
/// follow each other.
Value GroupDotsAttr::prepare(OpBuilder &builder, Location loc,
                             Value codes) const {
  ValueBuilder b(loc, builder);
  SmallVector<int64_t> order;
  for (int64_t digit = 0; digit < kDigits; ++digit)
    for (int64_t group = 0; group < kGroups; ++group)
      order.push_back(group * kDigits + digit);
  Value prepared = b.zero(getPreparedType());
  for (int64_t t = 0; t < getTokens(); ++t) {
    Value row = b.part(codes, {t});
    prepared = b.withPart(prepared, b.shuffle(row, row, order), {t});
  }
  return prepared;
}

/// All vectors of the groups of a step.
SmallVector<VectorType> GroupDotsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {kGroups * getVectors() * getRows(*this)})};
}

VectorType GroupDotsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {getTokens(), kQuarters, getDot().getLanes()});
}

VectorType GroupDotsAttr::getSumsType() const {
  return vectorOf(*this, 32, {getTokens(), getRows(*this)});
}

Value GroupDotsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

Value GroupDotsAttr::build(OpBuilder &builder, Location loc, Value prepared,
                           ValueRange weights, Value sums) const {
  ValueBuilder b(loc, builder);
  int64_t lanes = getDot().getLanes();
  Value bytes = b.reshape(weights[0], {kGroups, getVectors(), getRows(*this)});
  SmallVector<Value> four;
  for (int64_t group = 0; group < kGroups; ++group)
    four.push_back(b.part(bytes, {group, getFirst()}));
  for (int64_t quarter = 0; quarter < kQuarters; ++quarter) {
    FourAndOne split =
        splitBytes(b, codecs::s5, interleaveFour(b, four, quarter));
    for (int64_t digit = 0; digit < kDigits; ++digit) {
      Value digits = unpackDigit(b, split, digit);
      for (int64_t t = 0; t < getTokens(); ++t) {
        Value row = b.part(prepared, {t});
        Value codes = b.broadcastFour(b.lanes(row, 4 * digit, 4), 0, lanes);
        Value sum = getDot().build(b, loc, b.part(sums, {t, quarter}), digits,
                                   codes, kMaxDigit);
        sums = b.withPart(sums, sum, {t, quarter});
      }
    }
  }
  return sums;
}

/// Lane 4i + j of quarter q is row 16i + 4q + j.
Value GroupDotsAttr::finish(OpBuilder &builder, Location loc,
                            Value sums) const {
  ValueBuilder b(loc, builder);
  int64_t lanes = getDot().getLanes();
  SmallVector<int64_t> order;
  for (int64_t row = 0; row < getRows(*this); ++row)
    order.push_back(row / 4 % kQuarters * lanes + row / 16 * 4 + row % 4);
  Value result = b.zero(getSumsType());
  for (int64_t t = 0; t < getTokens(); ++t) {
    Value row = b.reshape(b.part(sums, {t}), {getRows(*this)});
    result = b.withPart(result, b.shuffle(row, row, order), {t});
  }
  return result;
}
