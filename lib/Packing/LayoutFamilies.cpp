//===- lib/Packing/LayoutFamilies.cpp - Layouts that kernels read ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A match reads the numbers of a family off a layout, makes the member that has
// them, and compares: a family's parts are written down once.
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/LayoutFamilies.h"

using namespace tern;

static constexpr LayoutPart rows(int64_t size, int64_t stride) {
  return {Axis::Row, size, stride};
}

static constexpr LayoutPart columns(int64_t size, int64_t stride) {
  return {Axis::Column, size, stride};
}

/// `member` if it is the layout.
template <typename Family>
static std::optional<Family> check(const Layout &layout, const Family &member) {
  if (member.layout() == layout)
    return member;
  return std::nullopt;
}

/// The only digits of a word along `axis`; 0 if there are others.
static int64_t digitsAlong(const Layout &layout, Axis axis) {
  return layout.digits.size() == 1 && layout.digits[0].axis == axis
             ? layout.digits[0].size
             : 0;
}

/// Vectors of rows, four bytes of each in a lane.
static std::vector<LayoutPart> laneBytes(int64_t lanes, int64_t vectors) {
  std::vector<LayoutPart> bytes;
  if (vectors > 1)
    bytes.push_back(rows(vectors, lanes));
  bytes.push_back(rows(lanes, 1));
  bytes.push_back(columns(4, 1));
  return bytes;
}

/// The lanes of a family with rows in lanes are the second last of its bytes.
template <typename Family>
static std::optional<Family> matchLanes(const Layout &layout) {
  if (layout.hasScales())
    return matchLanes<Family>(layout.withoutScales());
  size_t count = layout.bytes.size();
  if (count < 2 || count > 3)
    return std::nullopt;
  int64_t lanes = layout.bytes[count - 2].size;
  return check(layout, Family{lanes, layout.tileRows() / lanes});
}

Layout RowsInLanes::layout() const {
  return {&codecs::b2, Axis::Row, {columns(4, 4)}, laneBytes(lanes, vectors)};
}

std::optional<RowsInLanes> RowsInLanes::match(const Layout &layout) {
  return matchLanes<RowsInLanes>(layout);
}

Layout UnpackedRows::layout() const {
  return {&codecs::b8, Axis::Row, {columns(1, 1)}, laneBytes(lanes, vectors)};
}

std::optional<UnpackedRows> UnpackedRows::match(const Layout &layout) {
  return matchLanes<UnpackedRows>(layout);
}

Layout ContiguousRows::layout() const {
  Layout layout{codec, Axis::Row, {columns(codec->wordDigits, 4 * lanes)}, {}};
  if (rows > 1)
    layout.bytes.push_back({Axis::Row, rows, 1});
  layout.bytes.push_back(columns(4 * lanes, 1));
  return layout;
}

/// Kernels know how digits lie in these bytes.
static bool isOfFieldsOrGroups(const Layout &layout) {
  return layout.codec == &codecs::b2 || layout.codec == &codecs::s5;
}

std::optional<ContiguousRows> ContiguousRows::match(const Layout &layout) {
  if (layout.hasScales())
    return match(layout.withoutScales());
  if (layout.bytes.empty() || !isOfFieldsOrGroups(layout))
    return std::nullopt;
  int64_t lanes = layout.bytes.back().size / 4, rows = layout.tileRows();
  if (lanes == 1 && rows > 1) // RowsInLanes has them
    return std::nullopt;
  return check(layout, ContiguousRows{lanes, rows, layout.codec});
}

Layout ContiguousColumns::layout() const {
  return {codec,
          Axis::Column,
          {rows(codec->wordDigits, 4 * lanes)},
          {rows(lanes / 4, 4), rows(4, lanes), rows(4, 1)}};
}

std::optional<ContiguousColumns>
ContiguousColumns::match(const Layout &layout) {
  if (!isOfFieldsOrGroups(layout))
    return std::nullopt;
  int64_t lanes = layout.tileRows() / layout.codec->wordDigits / 4;
  if (lanes == 0 || lanes % 4)
    return std::nullopt;
  return check(layout, ContiguousColumns{lanes, layout.codec});
}

Layout IntegerRows::layout() const {
  Layout layout{codec, Axis::Row, {columns(codec->wordDigits, 4 * lanes)}, {}};
  if (codec->wordBytes > 1)
    layout.bytes.push_back({Axis::Byte, codec->wordBytes, 1});
  layout.bytes.push_back(columns(4 * lanes, 1));
  return layout;
}

std::optional<IntegerRows> IntegerRows::match(const Layout &layout) {
  if (!layout.codec->fields.isInteger || layout.bytes.empty())
    return std::nullopt;
  int64_t lanes = layout.bytes.back().size / 4;
  if (lanes <= 1)
    return std::nullopt;
  return check(layout, IntegerRows{layout.codec, lanes});
}

Layout PlainWords::layout() const {
  Layout layout{codec, outer, {{Axis::Column, codec->wordDigits, 1}}, {}};
  if (outer == Axis::Column)
    layout.digits[0].axis = Axis::Row;
  if (codec->wordBytes > 1)
    layout.bytes.push_back({Axis::Byte, codec->wordBytes, 1});
  return layout;
}

std::optional<PlainWords> PlainWords::match(const Layout &layout) {
  if (layout.hasScales())
    return match(layout.withoutScales());
  return check(layout, PlainWords{layout.codec, layout.outer});
}

Layout GroupsInLanes::layout() const {
  int64_t digits = codec->wordDigits;
  Layout layout{codec, outer, {columns(digits, 1)}, {}};
  if (groups > 1)
    layout.bytes.push_back(columns(groups, digits));
  if (vectors > 1)
    layout.bytes.push_back(rows(vectors, lanes));
  if (codec->wordBytes > 1)
    layout.bytes.push_back({Axis::Byte, codec->wordBytes, 1});
  layout.bytes.push_back(rows(lanes, 1));
  return layout;
}

std::optional<GroupsInLanes> GroupsInLanes::match(const Layout &layout) {
  int64_t digits = digitsAlong(layout, Axis::Column);
  if (digits == 0 || layout.bytes.empty())
    return std::nullopt;
  int64_t lanes = layout.bytes.back().size;
  return check(layout, GroupsInLanes{layout.codec, layout.outer,
                                     layout.tileColumns() / digits,
                                     layout.tileRows() / lanes, lanes});
}

Layout PairedRows::layout() const {
  Layout layout{&codecs::p2,
                Axis::Row,
                {rows(2, 1), columns(2, 4), columns(2, 1), columns(2, 2)},
                {}};
  if (pairs > 1)
    layout.bytes.push_back(rows(pairs, 2));
  layout.bytes.push_back({Axis::Byte, 4, 1});
  return layout;
}

std::optional<PairedRows> PairedRows::match(const Layout &layout) {
  return check(layout, PairedRows{layout.tileRows() / 2});
}

std::string tern::familyName(const Layout &layout) {
  if (RowsInLanes::match(layout))
    return "rows_in_lanes";
  if (UnpackedRows::match(layout))
    return "unpacked_rows";
  if (ContiguousRows::match(layout))
    return "contiguous_rows";
  if (ContiguousColumns::match(layout))
    return "contiguous_columns";
  if (PlainWords::match(layout))
    return layout.outer == Axis::Row ? "contiguous_rows" : "contiguous_columns";
  if (IntegerRows::match(layout))
    return "integer_rows";
  if (GroupsInLanes::match(layout))
    return "groups_in_lanes";
  if (PairedRows::match(layout))
    return "paired_rows";
  return "";
}
