//===- lib/Packing/RowPacker.cpp - A matrix, packed row by row ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/RowPacker.h"

#include "tern/Packing/Packer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace tern;

RowPacker::RowPacker(const Layout &layout, int64_t rows, int64_t columns)
    : layout(layout), rows(rows), columns(columns),
      bytes(static_cast<size_t>(layout.storageBytes(rows, columns))) {}

void RowPacker::add(const int8_t *digits, int64_t count) {
  int64_t tileRows = layout.tileRows();
  while (count > 0) {
    int64_t now = count / tileRows * tileRows;
    if (held.empty() && now > 0) {
      pack(digits, now);
    } else {
      int64_t before = static_cast<int64_t>(held.size()) / columns;
      now = std::min(count, tileRows - before);
      held.insert(held.end(), digits, digits + now * columns);
      if (before + now == tileRows) {
        pack(held.data(), tileRows);
        held.clear();
      }
    }
    digits += now * columns;
    count -= now;
  }
}

std::vector<uint8_t> RowPacker::take() {
  pack(held.data(), static_cast<int64_t>(held.size()) / columns);
  assert(packed == rows && "rows are missing");
  return std::move(bytes);
}

/// Of whole tiles, or the last rows.
void RowPacker::pack(const int8_t *digits, int64_t count) {
  auto [outer, inner, tileBytes] = layout.gridShape(count, columns);
  int64_t tileRow = packed / layout.tileRows();
  packed += count;
  if (layout.outer == Axis::Row) {
    packDigits(layout, digits, count, columns,
               bytes.data() + tileRow * inner * tileBytes);
    return;
  }
  std::vector<uint8_t> part(static_cast<size_t>(outer * inner * tileBytes));
  packDigits(layout, digits, count, columns, part.data());
  int64_t gridRows = layout.gridShape(rows, columns)[1];
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(bytes.data() + (i * gridRows + tileRow) * tileBytes,
                part.data() + i * inner * tileBytes, inner * tileBytes);
}
