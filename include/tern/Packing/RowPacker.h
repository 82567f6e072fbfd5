//===- tern/Packing/RowPacker.h - A matrix, packed row by row ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_ROWPACKER_H
#define TERN_PACKING_ROWPACKER_H

#include "tern/Packing/Layout.h"

namespace tern {

/// Makes what packDigits makes of a matrix, of rows that come a few at a time.
class RowPacker {
public:
  RowPacker(const Layout &layout, int64_t rows, int64_t columns);

  /// The next `count` rows.
  void add(const int8_t *digits, int64_t count);
  /// The bytes, once all rows were added.
  std::vector<uint8_t> take();

private:
  void pack(const int8_t *digits, int64_t count);

  const Layout &layout;
  int64_t rows, columns, packed = 0;
  std::vector<int8_t> held; ///< rows that do not make up a tile yet
  std::vector<uint8_t> bytes;
};

} // namespace tern

#endif // TERN_PACKING_ROWPACKER_H
