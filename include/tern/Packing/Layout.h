//===- tern/Packing/Layout.h - Byte order of a packed matrix ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layout is data: which digit of a ternary matrix lies where in which byte.
// The same value stands in the IR (`#tern.layout`), drives the packer that
// writes the artifact, the scalar reference kernels and the tests. No MLIR
// here.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_LAYOUT_H
#define TERN_PACKING_LAYOUT_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tern {

struct Codec;

/// The two indices of a matrix W[row][column]; rows are output features. Byte
/// is the number of a byte in a codec's word.
enum class Axis : uint32_t { Row = 0, Column = 1, Byte = 2 };

/// `size` positions, `stride` rows (or columns) apart. Position p of a part
/// contributes p * stride to the index along `axis`.
struct LayoutPart {
  Axis axis;
  int64_t size;
  int64_t stride;
  bool operator==(const LayoutPart &other) const {
    return axis == other.axis && size == other.size && stride == other.stride;
  }
};

/// A word, by the offset of its first byte, and a digit of it. The word's other
/// bytes are Layout::byteStride() apart.
struct DigitPlace {
  int64_t byte, digit;
  bool operator==(const DigitPlace &other) const {
    return byte == other.byte && digit == other.digit;
  }
};

/// How scales are stored with the digits they belong to; the number is bits.
enum class ScaleFormat : uint32_t { None = 0, F16 = 16, F32 = 32 };

/// A matrix is cut into equal tiles; a tile is a run of bytes. `bytes` says,
/// outermost first, what walking through the bytes of a tile walks through in
/// the matrix; `digits` says the same for the digits of one word of the codec,
/// the last part changing fastest. A word of several bytes is a part of `bytes`
/// too. `outer` is the axis whose tile index changes slowest: with Row, the
/// tiles of one block of rows follow each other along the columns.
///
/// Example, sixteen rows in the lanes of a vector and four columns per lane:
///   codec = b2, outer = Row, digits = {{Column, 4, 4}},
///   bytes = {{Row, 16, 1}, {Column, 4, 1}}
/// is a tile of 16 rows and 16 columns; digit f of byte 4r + j is row r and
/// column 4f + j.
///
/// With `scales` a tile is a group of columns: the first part of `bytes` are
/// the tiles that it would be cut into without, and after the digits comes a
/// scale for each of its rows, by rising row, little endian. So a kernel reads
/// one stream.
struct Layout {
  const Codec *codec = nullptr;
  Axis outer = Axis::Row;
  std::vector<LayoutPart> digits;
  std::vector<LayoutPart> bytes;
  ScaleFormat scales = ScaleFormat::None;

  /// Empty if the parts of each axis enumerate 0 .. size-1 exactly once;
  /// otherwise one sentence saying what was expected.
  std::string verify() const;

  int64_t tileRows() const;
  int64_t tileColumns() const;
  int64_t tileBytes() const;
  /// Bytes of a tile before its scales, and of each scale.
  int64_t digitBytes() const;
  int64_t scaleBytes() const { return static_cast<int64_t>(scales) / 8; }
  /// Sizes rounded up to whole tiles.
  int64_t paddedRows(int64_t rows) const;
  int64_t paddedColumns(int64_t columns) const;
  /// Bytes of a rows x columns matrix, padding included.
  int64_t storageBytes(int64_t rows, int64_t columns) const;

  bool hasScales() const { return scales != ScaleFormat::None; }
  /// This layout, which has no scales, with those of groups of `columns`
  /// columns, a multiple of those of a tile; and the reverse.
  Layout withScales(int64_t columns, ScaleFormat format) const;
  Layout withoutScales() const;

  /// Bytes of the digits without padding, rounded up to whole bytes.
  int64_t unpaddedBytes(int64_t rows, int64_t columns) const;
  /// The bytes as a grid: tiles along the outer axis, tiles along the other
  /// one, bytes of a tile.
  std::array<int64_t, 3> gridShape(int64_t rows, int64_t columns) const;

  /// Rows (columns) that have digits in one word.
  int64_t wordRows() const;
  int64_t wordColumns() const;
  /// From one byte of a word to the next.
  int64_t byteStride() const;

  /// The word of digit W[row][column] of a rows x columns matrix and the
  /// digit's number in it.
  DigitPlace locate(int64_t row, int64_t column, int64_t rows,
                    int64_t columns) const;
  /// The first byte of that digit's scale.
  int64_t locateScale(int64_t row, int64_t column, int64_t rows,
                      int64_t columns) const;

  /// "b2, rows, k:4:4, [n:16:1, k:4:1]": codec, outer, digits, bytes; n are
  /// rows, k columns, b the bytes of a word. Several parts of digits are a list
  /// like the bytes; `, f16` or `, f32` are scales. `#tern.layout<...>` prints
  /// the same.
  std::string str() const;

  /// FNV-1a of str(): stable across compiler versions, part of every artifact's
  /// fingerprint.
  uint64_t fingerprint() const;

  bool operator==(const Layout &other) const {
    return codec == other.codec && outer == other.outer &&
           digits == other.digits && bytes == other.bytes &&
           scales == other.scales;
  }
};

} // namespace tern

#endif // TERN_PACKING_LAYOUT_H
