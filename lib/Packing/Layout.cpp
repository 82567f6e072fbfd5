//===- lib/Packing/Layout.cpp - Byte order of a packed matrix -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Layout.h"

#include "tern/Packing/Codec.h"

#include <algorithm>

using namespace tern;

static const char *axisName(Axis axis) {
  return axis == Axis::Row ? "n" : axis == Axis::Column ? "k" : "b";
}

static std::string partString(const LayoutPart &part) {
  return std::string(axisName(part.axis)) + ":" + std::to_string(part.size) +
         ":" + std::to_string(part.stride);
}

static std::string listString(const std::vector<LayoutPart> &parts) {
  std::string text = "[";
  for (size_t i = 0; i < parts.size(); ++i)
    text += (i ? ", " : "") + partString(parts[i]);
  return text + "]";
}

static std::string digitsString(const std::vector<LayoutPart> &digits) {
  return digits.size() == 1 ? partString(digits[0]) : listString(digits);
}

/// All parts of one axis, by rising stride.
static std::vector<LayoutPart> partsAlong(const Layout &layout, Axis axis) {
  std::vector<LayoutPart> parts;
  for (const std::vector<LayoutPart> *list : {&layout.digits, &layout.bytes})
    for (const LayoutPart &part : *list)
      if (part.axis == axis)
        parts.push_back(part);
  std::sort(parts.begin(), parts.end(),
            [](const LayoutPart &a, const LayoutPart &b) {
              return std::make_pair(a.stride, a.size) <
                     std::make_pair(b.stride, b.size);
            });
  return parts;
}

static int64_t extentAlong(const std::vector<LayoutPart> &parts, Axis axis) {
  int64_t extent = 1;
  for (const LayoutPart &part : parts)
    if (part.axis == axis)
      extent *= part.size;
  return extent;
}

static int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Far above any register tile, far below where products of sizes overflow.
static constexpr int64_t kMaxExtent = int64_t(1) << 20;

/// That the parts of an axis are each index once.
static std::string verifyAxis(const Layout &layout, Axis axis) {
  int64_t expected = 1;
  for (const LayoutPart &part : partsAlong(layout, axis)) {
    if (part.size < 1 || part.size > kMaxExtent)
      return "expected a size between 1 and " + std::to_string(kMaxExtent) +
             ", but got " + partString(part);
    if (part.stride != expected)
      return "expected a part of axis " + std::string(axisName(axis)) +
             " with stride " + std::to_string(expected) +
             ", so that each index occurs once, but got " + partString(part);
    expected *= part.size;
    if (expected > kMaxExtent)
      return "expected at most " + std::to_string(kMaxExtent) +
             " positions along axis " + axisName(axis) + " of a tile, but " +
             partString(part) + " makes " + std::to_string(expected);
  }
  return "";
}

/// Of a layout that is sound without its scales.
static std::string verifyScales(const Layout &layout) {
  if (layout.codec->fields.isInteger)
    return "expected a codec of ternary digits under scales, but got " +
           std::string(layout.codec->name);
  const std::vector<LayoutPart> &bytes = layout.bytes;
  if (bytes.empty() || bytes[0].axis != Axis::Column ||
      bytes[0].size * bytes[0].stride != layout.tileColumns())
    return "expected the tiles of a group, a part along k, first of the bytes "
           "under scales, but got " +
           listString(bytes);
  return "";
}

std::string Layout::verify() const {
  if (!codec)
    return "expected a codec, but got none";
  for (Axis axis : {Axis::Row, Axis::Column, Axis::Byte}) {
    std::string error = verifyAxis(*this, axis);
    if (!error.empty())
      return error;
  }
  std::string name = codec->name;
  int64_t count = 1;
  for (const LayoutPart &part : digits) {
    if (part.axis == Axis::Byte)
      return "expected digits along n or k, but got " + partString(part);
    if ((count *= part.size) > kMaxExtent)
      break;
  }
  if (count != codec->wordDigits)
    return "expected " + std::to_string(codec->wordDigits) + " digits per " +
           (codec->wordBytes == 1 ? std::string("byte") : "word") +
           ", as codec " + name + " has, but they are " + digitsString(digits);
  int64_t bytesOfWord = extentAlong(bytes, Axis::Byte), parts = 0;
  for (const LayoutPart &part : bytes)
    parts += part.axis == Axis::Byte;
  if (bytesOfWord != codec->wordBytes || parts > 1)
    return codec->wordBytes == 1
               ? "expected no axis b, because a word of codec " + name +
                     " is one byte, but got " + listString(bytes)
               : "expected a part b:" + std::to_string(codec->wordBytes) +
                     ":1, the bytes of a word of codec " + name + ", but got " +
                     listString(bytes);
  return hasScales() ? verifyScales(*this) : "";
}

int64_t Layout::wordRows() const { return extentAlong(digits, Axis::Row); }

int64_t Layout::wordColumns() const {
  return extentAlong(digits, Axis::Column);
}

int64_t Layout::tileRows() const {
  return wordRows() * extentAlong(bytes, Axis::Row);
}

int64_t Layout::tileColumns() const {
  return wordColumns() * extentAlong(bytes, Axis::Column);
}

int64_t Layout::byteStride() const {
  int64_t stride = 1;
  for (auto part = bytes.rbegin(); part != bytes.rend(); ++part) {
    if (part->axis == Axis::Byte)
      return stride;
    stride *= part->size;
  }
  return 1;
}

int64_t Layout::digitBytes() const {
  int64_t count = 1;
  for (const LayoutPart &part : bytes)
    count *= part.size;
  return count;
}

int64_t Layout::tileBytes() const {
  return digitBytes() + tileRows() * scaleBytes();
}

Layout Layout::withScales(int64_t columns, ScaleFormat format) const {
  int64_t width = tileColumns();
  Layout result = *this;
  result.bytes.insert(result.bytes.begin(),
                      {Axis::Column, columns / width, width});
  result.scales = format;
  return result;
}

Layout Layout::withoutScales() const {
  Layout result = *this;
  if (hasScales())
    result.bytes.erase(result.bytes.begin());
  result.scales = ScaleFormat::None;
  return result;
}

int64_t Layout::paddedRows(int64_t rows) const {
  return roundUp(rows, tileRows());
}

int64_t Layout::paddedColumns(int64_t columns) const {
  return roundUp(columns, tileColumns());
}

int64_t Layout::storageBytes(int64_t rows, int64_t columns) const {
  std::array<int64_t, 3> grid = gridShape(rows, columns);
  return grid[0] * grid[1] * grid[2];
}

std::array<int64_t, 3> Layout::gridShape(int64_t rows, int64_t columns) const {
  int64_t alongRows = paddedRows(rows) / tileRows();
  int64_t alongColumns = paddedColumns(columns) / tileColumns();
  if (outer == Axis::Row)
    return {alongRows, alongColumns, tileBytes()};
  return {alongColumns, alongRows, tileBytes()};
}

int64_t Layout::unpaddedBytes(int64_t rows, int64_t columns) const {
  return roundUp(rows * columns * codec->wordBytes, codec->wordDigits) /
         codec->wordDigits;
}

/// The first byte of the tile that a digit lies in.
static int64_t locateTile(const Layout &layout, int64_t row, int64_t column,
                          int64_t rows, int64_t columns) {
  int64_t tileRow = row / layout.tileRows();
  int64_t tileColumn = column / layout.tileColumns();
  int64_t tile =
      layout.outer == Axis::Row
          ? tileRow * (layout.paddedColumns(columns) / layout.tileColumns()) +
                tileColumn
          : tileColumn * (layout.paddedRows(rows) / layout.tileRows()) +
                tileRow;
  return tile * layout.tileBytes();
}

int64_t Layout::locateScale(int64_t row, int64_t column, int64_t rows,
                            int64_t columns) const {
  return locateTile(*this, row, column, rows, columns) + digitBytes() +
         row % tileRows() * scaleBytes();
}

DigitPlace Layout::locate(int64_t row, int64_t column, int64_t rows,
                          int64_t columns) const {
  int64_t indices[] = {row % tileRows(), column % tileColumns(), 0};
  auto number = [&](const std::vector<LayoutPart> &parts) {
    int64_t number = 0;
    for (const LayoutPart &part : parts)
      number = number * part.size +
               indices[static_cast<int>(part.axis)] / part.stride % part.size;
    return number;
  };
  return {locateTile(*this, row, column, rows, columns) + number(bytes),
          number(digits)};
}

std::string Layout::str() const {
  return std::string(codec->name) + ", " +
         (outer == Axis::Row ? "rows" : "columns") + ", " +
         digitsString(digits) + ", " + listString(bytes) +
         (hasScales() ? ", f" + std::to_string(8 * scaleBytes()) : "");
}

uint64_t Layout::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : str())
    hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}
