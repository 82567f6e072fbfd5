//===- lib/Packing/Packer.cpp - Matrices to bytes and back ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Packer.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/HalfFloat.h"

#include <algorithm>
#include <cstring>

using namespace tern;

namespace {

/// Walks a matrix panel by panel: one tile high, as many tiles wide as make
/// copying whole runs of a row worth while. A panel is copied to or from a
/// small padded buffer, so that edges are no special case and a matrix whose
/// row pitch is a power of two does not fight over the same few cache lines.
class PanelWalk {
public:
  PanelWalk(const Layout &layout, int64_t rows, int64_t columns)
      : layout(layout), rows(rows), columns(columns),
        tileRows(layout.tileRows()), tileColumns(layout.tileColumns()),
        tileBytes(layout.tileBytes()),
        gridRows(layout.paddedRows(rows) / tileRows),
        gridColumns(layout.paddedColumns(columns) / tileColumns),
        panelTiles(std::max<int64_t>(1, 256 / tileColumns)),
        pitch(panelTiles * tileColumns + 16), panel(tileRows * pitch, 0) {
    auto digitStep = [&](const LayoutPart &part) {
      return part.axis == Axis::Row ? part.stride * pitch : part.stride;
    };
    digitsOf = {0};
    for (const LayoutPart &part : layout.digits)
      spread(digitsOf, part.size, digitStep(part));
    digitAt = byteAt = {0};
    int64_t byteStep = layout.digitBytes();
    for (const LayoutPart &part : layout.bytes) {
      byteStep /= part.size;
      if (part.axis == Axis::Byte)
        continue;
      spread(digitAt, part.size, digitStep(part));
      spread(byteAt, part.size, byteStep);
    }
  }

  void pack(const int8_t *digits, uint8_t *out) {
    forEachPanel([&](int64_t tileRow, int64_t firstTile, int64_t tiles) {
      load(digits, tileRow, firstTile, tiles);
      layout.codec->packTiles(run(tiles), panel.data(),
                              out + tileIndex(tileRow, firstTile) * tileBytes);
    });
  }

  bool unpack(const uint8_t *bytes, int8_t *digits) {
    bool valid = true;
    forEachPanel([&](int64_t tileRow, int64_t firstTile, int64_t tiles) {
      valid &= layout.codec->unpackTiles(
          run(tiles), bytes + tileIndex(tileRow, firstTile) * tileBytes,
          panel.data());
      store(digits, tileRow, firstTile, tiles);
    });
    return valid;
  }

private:
  /// Each offset becomes `size` of them, `step` apart.
  static void spread(std::vector<int64_t> &offsets, int64_t size,
                     int64_t step) {
    std::vector<int64_t> next;
    next.reserve(offsets.size() * size);
    for (int64_t offset : offsets)
      for (int64_t p = 0; p < size; ++p)
        next.push_back(offset + p * step);
    offsets = std::move(next);
  }

  /// `tiles` tiles of a panel.
  TileRun run(int64_t tiles) const {
    return {tiles,
            static_cast<int64_t>(digitAt.size()),
            digitAt.data(),
            byteAt.data(),
            digitsOf.data(),
            layout.byteStride(),
            tileColumns,
            tileBytes * (layout.outer == Axis::Row ? 1 : gridRows)};
  }

  int64_t tileIndex(int64_t tileRow, int64_t tileColumn) const {
    return layout.outer == Axis::Row ? tileRow * gridColumns + tileColumn
                                     : tileColumn * gridRows + tileRow;
  }

  template <typename Body> void forEachPanel(Body body) const {
    for (int64_t tileRow = 0; tileRow < gridRows; ++tileRow)
      for (int64_t tile = 0; tile < gridColumns; tile += panelTiles)
        body(tileRow, tile, std::min(panelTiles, gridColumns - tile));
  }

  /// Digits outside the matrix are 0.
  void load(const int8_t *digits, int64_t tileRow, int64_t firstTile,
            int64_t tiles) {
    int64_t column = firstTile * tileColumns, width = tiles * tileColumns;
    int64_t inside = std::min(width, columns - column);
    for (int64_t r = 0; r < tileRows; ++r) {
      int8_t *to = panel.data() + r * pitch;
      int64_t row = tileRow * tileRows + r;
      int64_t valid = row < rows ? inside : 0;
      if (valid)
        std::memcpy(to, digits + row * columns + column, valid);
      std::memset(to + valid, 0, width - valid);
    }
  }

  void store(int8_t *digits, int64_t tileRow, int64_t firstTile,
             int64_t tiles) const {
    int64_t column = firstTile * tileColumns;
    int64_t inside = std::min(tiles * tileColumns, columns - column);
    int64_t last = std::min(tileRows, rows - tileRow * tileRows);
    for (int64_t r = 0; r < last; ++r)
      std::memcpy(digits + (tileRow * tileRows + r) * columns + column,
                  panel.data() + r * pitch, inside);
  }

  const Layout &layout;
  int64_t rows, columns, tileRows, tileColumns, tileBytes;
  int64_t gridRows, gridColumns, panelTiles, pitch;
  std::vector<int8_t> panel;
  /// Of the panel, for each digit of a word and for each word of a tile; and
  /// where these begin in a tile's bytes.
  std::vector<int64_t> digitsOf, digitAt, byteAt;
};

} // namespace

void tern::packDigits(const Layout &layout, const int8_t *digits, int64_t rows,
                      int64_t columns, uint8_t *out) {
  PanelWalk(layout, rows, columns).pack(digits, out);
}

/// Calls body(row, group, byte) for the scale of every padded row, which begins
/// there.
template <typename Body>
static void forEachScale(const Layout &layout, int64_t rows, int64_t columns,
                         Body body) {
  int64_t tileRows = layout.tileRows(), size = layout.scaleBytes();
  int64_t groups = columns / layout.tileColumns();
  auto [outer, inner, tileBytes] = layout.gridShape(rows, columns);
  int64_t byte = layout.digitBytes();
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j, byte += tileBytes) {
      bool isByRows = layout.outer == Axis::Row;
      int64_t firstRow = (isByRows ? i : j) * tileRows;
      int64_t group = isByRows ? j : i;
      for (int64_t r = 0; group < groups && r < tileRows; ++r)
        body(firstRow + r, group, byte + r * size);
    }
}

std::optional<MatrixPlace> tern::packScales(const Layout &layout,
                                            const float *scales, int64_t rows,
                                            int64_t columns, uint8_t *out) {
  std::optional<MatrixPlace> inexact;
  int64_t groups = columns / layout.tileColumns();
  forEachScale(layout, rows, columns,
               [&](int64_t row, int64_t group, int64_t byte) {
                 float scale = row < rows ? scales[row * groups + group] : 0;
                 if (layout.scales == ScaleFormat::F32) {
                   std::memcpy(out + byte, &scale, sizeof(scale));
                   return;
                 }
                 uint16_t half = floatToHalf(scale);
                 if (halfToFloat(half) != scale && !inexact)
                   inexact = MatrixPlace{row, group};
                 std::memcpy(out + byte, &half, sizeof(half));
               });
  return inexact;
}

void tern::unpackScales(const Layout &layout, const uint8_t *bytes,
                        int64_t rows, int64_t columns, float *scales) {
  int64_t groups = columns / layout.tileColumns();
  forEachScale(layout, rows, columns,
               [&](int64_t row, int64_t group, int64_t byte) {
                 if (row >= rows)
                   return;
                 float &scale = scales[row * groups + group];
                 if (layout.scales == ScaleFormat::F32) {
                   std::memcpy(&scale, bytes + byte, sizeof(scale));
                   return;
                 }
                 uint16_t half;
                 std::memcpy(&half, bytes + byte, sizeof(half));
                 scale = halfToFloat(half);
               });
}

bool tern::unpackDigits(const Layout &layout, const uint8_t *bytes,
                        int64_t rows, int64_t columns, int8_t *digits) {
  return PanelWalk(layout, rows, columns).unpack(bytes, digits);
}
