//===- Strategies.cpp - The table of all other machines -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Digits one after the other: rows are summed in a register, columns are added
// to sums in memory.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Packing/LayoutFamilies.h"

using namespace tern;

namespace {

constexpr llvm::StringLiteral kNames[] = {"plain_rows", "plain_columns",
                                          "integer_rows"};

struct Row {
  llvm::StringLiteral layoutName;
  ProductKind kind;
  llvm::StringLiteral kernel;
  Axis outer;
  Walk walk;
  double slots;
};

using Kind = ProductKind;

constexpr Row kRows[] = {
    {kNames[0], Kind::Dense, "contiguous_rows", Axis::Row, Walk::Stream, 4},
    {kNames[0], Kind::ListedRows, "listed_rows", Axis::Row, Walk::Runs, 4},
    {kNames[0], Kind::Scaled, "scaled_contiguous_rows", Axis::Row, Walk::Stream,
     4},
    {kNames[1], Kind::Dense, "contiguous_columns", Axis::Column, Walk::Stream,
     5},
    {kNames[1], Kind::ListedColumns, "listed_columns", Axis::Column, Walk::Runs,
     5},
};

} // namespace

llvm::ArrayRef<llvm::StringLiteral> generic::layoutNames() { return kNames; }

llvm::SmallVector<Strategy> generic::findStrategies(const ProductShape &shape) {
  llvm::SmallVector<Strategy> found;
  if (shape.integerBits) {
    const Codec *codec = shape.integerBits == 6 ? &codecs::i6 : &codecs::i4;
    return {{kNames[2], "integer_rows", PlainWords{codec, Axis::Row}.layout(),
             Walk::Stream, 4}};
  }
  for (const Row &row : kRows)
    if (row.kind == shape.kind)
      found.push_back({row.layoutName, row.kernel,
                       PlainWords{&codecs::b2, row.outer}.layout(), row.walk,
                       row.slots});
  return found;
}
