//===- lib/Packing/Codec.cpp - Bytes to digits and back -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Codec.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

using namespace tern;

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

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
        pitch(panelTiles * tileColumns + 16), panel(tileRows * pitch, 0),
        field(step(layout.field)) {
    int64_t count = 1;
    byteOffsets.assign(1, 0);
    for (const LayoutPart &part : layout.bytes) {
      std::vector<int64_t> next;
      next.reserve(count *= part.size);
      for (int64_t offset : byteOffsets)
        for (int64_t p = 0; p < part.size; ++p)
          next.push_back(offset + p * step(part));
      byteOffsets = std::move(next);
    }
  }

  void pack(const int8_t *digits, uint8_t *out) {
    forEachPanel([&](int64_t tileRow, int64_t firstTile, int64_t tiles) {
      load(digits, tileRow, firstTile, tiles);
      for (int64_t t = 0; t < tiles; ++t)
        packTile(panel.data() + t * tileColumns,
                 out + tileIndex(tileRow, firstTile + t) * tileBytes);
    });
  }

  bool unpack(const uint8_t *bytes, int8_t *digits) {
    uint8_t bad = 0;
    forEachPanel([&](int64_t tileRow, int64_t firstTile, int64_t tiles) {
      for (int64_t t = 0; t < tiles; ++t)
        bad |= unpackTile(bytes + tileIndex(tileRow, firstTile + t) * tileBytes,
                          panel.data() + t * tileColumns);
      store(digits, tileRow, firstTile, tiles);
    });
    return bad == 0;
  }

private:
  int64_t step(const LayoutPart &part) const {
    return part.axis == Axis::Row ? part.stride * pitch : part.stride;
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

  void packTile(const int8_t *tile, uint8_t *out) const {
    for (int64_t b = 0; b < tileBytes; ++b) {
      const int8_t *d = tile + byteOffsets[b];
      // 0x55 is the code of four zeros: adding it once adds 1 to each digit.
      out[b] = static_cast<uint8_t>(0x55 + d[0] + d[field] * 4 +
                                    d[2 * field] * 16 + d[3 * field] * 64);
    }
  }

  /// Non-zero if a byte holds a code 3.
  uint8_t unpackTile(const uint8_t *bytes, int8_t *tile) const {
    uint8_t bad = 0;
    for (int64_t b = 0; b < tileBytes; ++b) {
      uint8_t byte = bytes[b];
      int8_t *d = tile + byteOffsets[b];
      bad |= byte & (byte >> 1) & 0x55;
      for (int64_t f = 0; f < 4; ++f)
        d[f * field] = static_cast<int8_t>((byte >> 2 * f & 3) - 1);
    }
    return bad;
  }

  const Layout &layout;
  int64_t rows, columns, tileRows, tileColumns, tileBytes;
  int64_t gridRows, gridColumns, panelTiles, pitch;
  std::vector<int8_t> panel;
  int64_t field;                    ///< panel distance of a byte's digits
  std::vector<int64_t> byteOffsets; ///< panel offset of each byte's first digit
};

} // namespace

void tern::packDigits(const Layout &layout, const int8_t *digits, int64_t rows,
                      int64_t columns, uint8_t *out) {
  PanelWalk(layout, rows, columns).pack(digits, out);
}

bool tern::unpackDigits(const Layout &layout, const uint8_t *bytes,
                        int64_t rows, int64_t columns, int8_t *digits) {
  return PanelWalk(layout, rows, columns).unpack(bytes, digits);
}

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

int64_t tern::unpackHuggingFace(const uint8_t *bytes, int64_t rows,
                                int64_t columns, int8_t *digits) {
  int64_t quarter = rows / 4, count = quarter * columns;
  for (int64_t r = 0; r < quarter; ++r) {
    const uint8_t *from = bytes + r * columns;
    uint8_t bad = 0;
    for (int64_t c = 0; c < columns; ++c)
      bad |= from[c] & (from[c] >> 1) & 0x55;
    if (bad)
      for (int64_t c = 0; c < columns; ++c)
        if (from[c] & (from[c] >> 1) & 0x55)
          return r * columns + c;
    for (int64_t i = 0; i < 4; ++i) {
      int8_t *to = digits + i * count + r * columns;
      for (int64_t c = 0; c < columns; ++c)
        to[c] = static_cast<int8_t>((from[c] >> 2 * i & 3) - 1);
    }
  }
  return -1;
}

void Ternarizer::add(const float *values, int64_t count) {
  assert(added % 8 == 0 && "only the last part may end anywhere");
  // Eight sums, so that the adds overlap.
  for (int64_t i = 0; i < count; ++i)
    sums[i % 8] += std::fabs(static_cast<double>(values[i]));
  added += count;
}

float Ternarizer::alpha() const {
  double sum = 0;
  for (double part : sums)
    sum += part;
  float mean = static_cast<float>(added ? sum / static_cast<double>(added) : 0);
  return std::max(mean, 1e-5f);
}

void Ternarizer::toDigits(const float *values, int64_t count,
                          int8_t *digits) const {
  float divisor = alpha();
  // rne then clip: 0.5 goes to 0 and everything beyond to +-1.
  for (int64_t i = 0; i < count; ++i) {
    float scaled = values[i] / divisor;
    digits[i] = static_cast<int8_t>((scaled > 0.5f) - (scaled < -0.5f));
  }
}

float tern::ternarize(const float *master, int64_t count, int8_t *digits) {
  Ternarizer ternarizer;
  ternarizer.add(master, count);
  ternarizer.toDigits(master, count, digits);
  return ternarizer.alpha();
}

//===----------------------------------------------------------------------===//
// 16-bit floats
//===----------------------------------------------------------------------===//

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t toBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float tern::bfloatToFloat(uint16_t bits) {
  return fromBits(static_cast<uint32_t>(bits) << 16);
}

float tern::halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  if (exponent == 31)
    return fromBits(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) { // mantissa * 2^-24 is exact
    float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  return fromBits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t tern::floatToHalf(float value) {
  uint32_t bits = toBits(value);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) // NaN, kept quiet
    return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) // 65536 and above
    return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: 0.5 puts the last bit of the result at the last bit of the
    // sum, which the addition rounds to nearest even.
    return static_cast<uint16_t>(
        sign | (toBits(fromBits(magnitude) + 0.5f) - 0x3f000000));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return static_cast<uint16_t>(sign |
                               ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}
