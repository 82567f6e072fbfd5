//===- lib/Packing/Layout.cpp - Byte order of a packed matrix -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Layout.h"

#include <algorithm>

using namespace tern;

static const char *axisName(Axis axis) { return axis == Axis::Row ? "n" : "k"; }

static std::string partString(const LayoutPart &part) {
  return std::string(axisName(part.axis)) + ":" + std::to_string(part.size) +
         ":" + std::to_string(part.stride);
}

/// All parts of one axis, by rising stride.
static std::vector<LayoutPart> partsAlong(const Layout &layout, Axis axis) {
  std::vector<LayoutPart> parts;
  for (const LayoutPart &part : layout.bytes)
    if (part.axis == axis)
      parts.push_back(part);
  if (layout.field.axis == axis)
    parts.push_back(layout.field);
  std::sort(parts.begin(), parts.end(),
            [](const LayoutPart &a, const LayoutPart &b) {
              return std::make_pair(a.stride, a.size) <
                     std::make_pair(b.stride, b.size);
            });
  return parts;
}

static int64_t extentAlong(const Layout &layout, Axis axis) {
  int64_t extent = layout.field.axis == axis ? layout.field.size : 1;
  for (const LayoutPart &part : layout.bytes)
    if (part.axis == axis)
      extent *= part.size;
  return extent;
}

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::string Layout::verify() const {
  // Far above any register tile, far below where products of sizes overflow.
  constexpr int64_t maxExtent = int64_t(1) << 20;
  if (codec != Codec::B2)
    return "expected codec b2, but got number " +
           std::to_string(static_cast<uint32_t>(codec));
  if (field.size != 4)
    return "expected 4 digits per byte, as codec b2 has, but the field is " +
           partString(field);
  for (Axis axis : {Axis::Row, Axis::Column}) {
    int64_t expected = 1;
    for (const LayoutPart &part : partsAlong(*this, axis)) {
      if (part.size < 1 || part.size > maxExtent)
        return "expected a size between 1 and " + std::to_string(maxExtent) +
               ", but got " + partString(part);
      if (part.stride != expected)
        return "expected a part of axis " + std::string(axisName(axis)) +
               " with stride " + std::to_string(expected) +
               ", so that each index occurs once, but got " + partString(part);
      expected *= part.size;
      if (expected > maxExtent)
        return "expected at most " + std::to_string(maxExtent) +
               " positions along axis " + axisName(axis) + " of a tile, but " +
               partString(part) + " makes " + std::to_string(expected);
    }
  }
  return "";
}

int64_t Layout::tileRows() const { return extentAlong(*this, Axis::Row); }

int64_t Layout::tileColumns() const { return extentAlong(*this, Axis::Column); }

int64_t Layout::tileBytes() const {
  int64_t count = 1;
  for (const LayoutPart &part : bytes)
    count *= part.size;
  return count;
}

int64_t Layout::paddedRows(int64_t rows) const {
  return roundUp(rows, tileRows());
}

int64_t Layout::paddedColumns(int64_t columns) const {
  return roundUp(columns, tileColumns());
}

int64_t Layout::storageBytes(int64_t rows, int64_t columns) const {
  return paddedRows(rows) / tileRows() *
         (paddedColumns(columns) / tileColumns()) * tileBytes();
}

std::pair<int64_t, unsigned> Layout::locate(int64_t row, int64_t column,
                                            int64_t rows,
                                            int64_t columns) const {
  int64_t tileRow = row / tileRows(), tileColumn = column / tileColumns();
  int64_t tile =
      outer == Axis::Row
          ? tileRow * (paddedColumns(columns) / tileColumns()) + tileColumn
          : tileColumn * (paddedRows(rows) / tileRows()) + tileRow;
  auto position = [&](const LayoutPart &part) {
    int64_t index =
        part.axis == Axis::Row ? row % tileRows() : column % tileColumns();
    return index / part.stride % part.size;
  };
  int64_t byte = 0;
  for (const LayoutPart &part : bytes)
    byte = byte * part.size + position(part);
  return {tile * tileBytes() + byte,
          static_cast<unsigned>(2 * position(field))};
}

std::string Layout::str() const {
  std::string text = std::string("b2, ") +
                     (outer == Axis::Row ? "rows" : "columns") + ", " +
                     partString(field) + ", [";
  for (size_t i = 0; i < bytes.size(); ++i)
    text += (i ? ", " : "") + partString(bytes[i]);
  return text + "]";
}

uint64_t Layout::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : str())
    hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}
