//===- tern/Packing/Packer.h - Matrices to bytes and back -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reference packer and unpacker. Digits are int8_t in {-1, 0, 1}, row-major.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_PACKER_H
#define TERN_PACKING_PACKER_H

#include "tern/Packing/Layout.h"

#include <optional>

namespace tern {

/// Writes all storageBytes(rows, columns) of `out` but the bytes of scales;
/// padding digits are 0.
void packDigits(const Layout &layout, const int8_t *digits, int64_t rows,
                int64_t columns, uint8_t *out);

/// The inverse. Returns false if a word is none that digits make, as with code
/// 3 of b2.
bool unpackDigits(const Layout &layout, const uint8_t *bytes, int64_t rows,
                  int64_t columns, int8_t *digits);

struct MatrixPlace {
  int64_t row, column;
  bool operator==(const MatrixPlace &other) const {
    return row == other.row && column == other.column;
  }
};

/// Writes the scales of a layout that has them: `scales` is [rows][groups], a
/// group as wide as a tile, so that `columns` is whole groups. Padding rows get
/// 0. Returns the row and group of the first one that the layout's format does
/// not hold exactly; nothing if there is none.
std::optional<MatrixPlace> packScales(const Layout &layout, const float *scales,
                                      int64_t rows, int64_t columns,
                                      uint8_t *out);
/// The inverse.
void unpackScales(const Layout &layout, const uint8_t *bytes, int64_t rows,
                  int64_t columns, float *scales);

/// Hugging Face's packing: u8 [rows/4, columns], bits 2i of P[r][c] hold
/// digit+1 of row i*(rows/4) + r. Reads `count` rows from row `from`. Returns
/// the place of the first code 3, or nothing if all are digits. `rows` is a
/// multiple of 4.
std::optional<MatrixPlace> unpackHuggingFace(const uint8_t *bytes, int64_t rows,
                                             int64_t columns, int64_t from,
                                             int64_t count, int8_t *digits);

} // namespace tern

#endif // TERN_PACKING_PACKER_H
