//===- tern/Packing/LayoutFamilies.h - Layouts that kernels read *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel is written for a family of layouts, whose members differ by a few
// numbers. Targets make a member by `layout()`; a kernel asks `match` which one
// it was given, nothing if none. Members of rows in lanes, of unpacked and
// contiguous rows and of plain words may have scales. docs/packing.md has
// tables of their bytes.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_LAYOUTFAMILIES_H
#define TERN_PACKING_LAYOUTFAMILIES_H

#include "tern/Packing/Codec.h"
#include "tern/Packing/Layout.h"

#include <optional>

namespace tern {

/// Four columns of one row in the bytes of a 32-bit lane: b2, rows, k:4:4,
/// [n:V:L, n:L:1, k:4:1]. A tile is V vectors of L rows by 16 columns.
struct RowsInLanes {
  int64_t lanes, vectors;
  Layout layout() const;
  static std::optional<RowsInLanes> match(const Layout &layout);
};

/// The same with one digit to a byte: b8, rows, k:1:1, [n:V:L, n:L:1, k:4:1]. A
/// tile is V vectors of L rows by 4 columns.
struct UnpackedRows {
  int64_t lanes, vectors;
  Layout layout() const;
  static std::optional<UnpackedRows> match(const Layout &layout);
};

/// A row follows itself: b2, rows, k:4:4L, [k:4L:1] and s5, rows, k:5:4L,
/// [k:4L:1]. A tile is a vector of 4L bytes, 16L or 20L columns; with R
/// interleaved rows, [n:R:1, k:4L:1], R of them, L > 1.
struct ContiguousRows {
  int64_t lanes, rows = 1;
  const Codec *codec = &codecs::b2;
  Layout layout() const;
  static std::optional<ContiguousRows> match(const Layout &layout);
};

/// A column follows itself: b2, columns, n:4:4L, [n:L/4:4, n:4:L, n:4:1] and
/// s5, columns, n:5:4L, the same, L a multiple of 4. A tile is one vector of
/// 16L or 20L rows of a column, in the order that interleaving the bytes of
/// four columns within 16 byte parts turns into rising rows.
struct ContiguousColumns {
  int64_t lanes;
  const Codec *codec = &codecs::b2;
  Layout layout() const;
  static std::optional<ContiguousColumns> match(const Layout &layout);
};

/// A row of integers follows itself: u2, rows, k:4:4L, [k:4L:1], i4, rows,
/// k:2:4L, [k:4L:1] and i6, rows, k:4:4L, [b:3:1, k:4L:1], L > 1. A tile is a
/// vector of 4L bytes for each byte of a word, and as many columns for each of
/// its digits.
struct IntegerRows {
  const Codec *codec;
  int64_t lanes;
  Layout layout() const;
  static std::optional<IntegerRows> match(const Layout &layout);
};

/// Neighbouring digits in a word, one word after the other: b2, rows, k:4:1, []
/// and b2, columns, n:4:1, [].
struct PlainWords {
  const Codec *codec;
  Axis outer;
  Layout layout() const;
  static std::optional<PlainWords> match(const Layout &layout);
};

/// A byte is a lane, and a group of neighbouring columns of one row: what
/// tables are looked up by. s5, rows, k:5:1, [n:V:L, n:L:1] is V vectors of L
/// rows; cut along k into blocks of B groups, whose tables stay in the cache,
/// it is s5, columns, k:5:1, [k:B:5, n:V:L, n:L:1]. The bytes of a longer word
/// lie in vectors of their own: t3p5, rows, k:24:1, [n:V:L, b:5:1, n:L:1].
struct GroupsInLanes {
  const Codec *codec;
  Axis outer;
  int64_t groups, vectors, lanes;
  Layout layout() const;
  static std::optional<GroupsInLanes> match(const Layout &layout);
};

/// Two rows in each half word: p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:P:2,
/// b:4:1]. A tile is P words of two rows by 8 columns; half words side by side
/// are of columns 0 and 2, 1 and 3, 4 and 6, 5 and 7.
struct PairedRows {
  int64_t pairs;
  Layout layout() const;
  static std::optional<PairedRows> match(const Layout &layout);
};

/// "rows_in_lanes" and so on: the family of a layout, empty if it is of none.
std::string familyName(const Layout &layout);

} // namespace tern

#endif // TERN_PACKING_LAYOUTFAMILIES_H
