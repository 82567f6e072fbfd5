//===- tern/Packing/Layout.h - Byte order of a packed matrix ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layout is data: which digit of a ternary matrix lies in which bits of which
// byte. The same value stands in the IR (`#tern.layout`), drives the packer
// that writes the artifact, the scalar reference kernels and the tests. No MLIR
// here.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_LAYOUT_H
#define TERN_PACKING_LAYOUT_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tern {

/// How digits share a byte.
enum class Codec : uint32_t {
  B2 = 0, ///< four digits per byte, two bits each, stored as digit + 1
};

/// The two indices of a matrix W[row][column]; rows are output features.
enum class Axis : uint32_t { Row = 0, Column = 1 };

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

/// A matrix is cut into equal tiles; a tile is a run of bytes. `bytes` says,
/// outermost first, what walking through the bytes of a tile walks through in
/// the matrix; `field` says the same for the digits inside one byte, lowest
/// bits first. `outer` is the axis whose tile index changes slowest: with Row,
/// the tiles of one block of rows follow each other along the columns.
///
/// Example, sixteen rows in the lanes of a vector and four columns per lane:
///   outer = Row, field = {Column, 4, 4}, bytes = {{Row, 16, 1}, {Column, 4,
///   1}}
/// is a tile of 16 rows and 16 columns; byte 4r + j holds, in bits 2f, row r
/// and column 4f + j.
struct Layout {
  Codec codec = Codec::B2;
  Axis outer = Axis::Row;
  LayoutPart field{Axis::Column, 4, 1};
  std::vector<LayoutPart> bytes;

  /// Empty if the parts of each axis enumerate 0 .. size-1 exactly once;
  /// otherwise one sentence saying what was expected.
  std::string verify() const;

  int64_t tileRows() const;
  int64_t tileColumns() const;
  int64_t tileBytes() const;
  /// Sizes rounded up to whole tiles.
  int64_t paddedRows(int64_t rows) const;
  int64_t paddedColumns(int64_t columns) const;
  /// Bytes of a rows x columns matrix, padding included.
  int64_t storageBytes(int64_t rows, int64_t columns) const;

  /// Byte offset and bit shift of digit W[row][column] of a rows x columns
  /// matrix.
  std::pair<int64_t, unsigned> locate(int64_t row, int64_t column, int64_t rows,
                                      int64_t columns) const;

  /// "b2, rows, k:4:4, [n:16:1, k:4:1]": codec, outer, field, bytes; n are
  /// rows, k columns. `#tern.layout<...>` prints the same.
  std::string str() const;

  /// FNV-1a of str(): stable across compiler versions, part of every artifact's
  /// fingerprint.
  uint64_t fingerprint() const;

  bool operator==(const Layout &other) const {
    return codec == other.codec && outer == other.outer &&
           field == other.field && bytes == other.bytes;
  }
};

} // namespace tern

#endif // TERN_PACKING_LAYOUT_H
