//===- Strategies.cpp - The table of all other machines -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Digits one after the other, one token at a time. Columns are walked across,
// so each step reads another line of memory.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

namespace {

struct Entry {
  StringLiteral layoutName;
  int64_t integerBits; ///< 0: digits
  Layout (*layout)();
  KernelSpeed speed;
};

template <const Codec &codec, Axis outer> Layout makePlain() {
  return PlainWords{&codec, outer}.layout();
}
Layout makePairs() { return PairedRows{1}.layout(); }
Layout makeGroups() {
  return GroupsInLanes{&codecs::t3p5, Axis::Row, 1, 1, 4}.layout();
}

/// The last two are for machines to come, whose kernels they are compared with;
/// here a digit of them takes several times as long.
constexpr Entry kEntries[] = {
    {"plain_rows", 0, makePlain<codecs::b2, Axis::Row>, {}},
    {"plain_columns", 0, makePlain<codecs::b2, Axis::Column>, {/*stall=*/1.45}},
    {"integer_rows", 6, makePlain<codecs::i6, Axis::Row>, {}},
    {"integer_rows", 4, makePlain<codecs::i4, Axis::Row>, {}},
    {"integer_rows", 2, makePlain<codecs::u2, Axis::Row>, {}},
    {"paired_rows", 0, makePairs, {/*stall=*/2}},
    {"groups_in_lanes", 0, makeGroups, {/*stall=*/3}},
};

constexpr StringLiteral kNames[] = {
    kEntries[0].layoutName, kEntries[1].layoutName, kEntries[2].layoutName,
    kEntries[5].layoutName, kEntries[6].layoutName};

/// Digits of a tile that are code of their own each. With 512 of them a model
/// takes five times as long to compile, and is a third faster than with loops.
constexpr int64_t kMostDigits = 128;

/// A row at a time: 4 and 16 take riscv64 up to 0.3 % more instructions, in
/// objects 3 and 17 % larger; x86-64 then generates as fast (within 0.6 %) and
/// reads a prompt up to 3 % faster.
StrategyAttr makeStrategy(Attribute kernel) {
  return StrategyAttr::get(kernel.getContext(), kernel, /*units=*/1,
                           /*prefetch=*/0);
}

Strategy takeDigits(MLIRContext *context, const Entry &entry,
                    const Layout &layout) {
  auto attr = LayoutAttr::get(context, layout.withoutScales());
  Attribute kernel = DigitByDigitAttr::get(context, attr, /*tokens=*/1);
  return {entry.layoutName, layout, makeStrategy(kernel), entry.speed};
}

} // namespace

ArrayRef<StringLiteral> generic::layoutNames() { return kNames; }

SmallVector<Strategy> generic::findStrategies(MLIRContext *context,
                                              const ProductShape &shape) {
  if (shape.integerBits == 8)
    return {{"",
             std::nullopt,
             makeStrategy(Int8ByInt8Attr::get(context, /*tokens=*/1)),
             {}}};
  // One that another target chose.
  if (shape.layout) {
    const Entry &entry = kEntries[shape.layout->outer == Axis::Column];
    int64_t digits = shape.layout->tileRows() * shape.layout->tileColumns();
    if (digits > kMostDigits)
      return {getPortableStrategy(entry.layoutName, *shape.layout)};
    return {takeDigits(context, entry, *shape.layout)};
  }
  SmallVector<Strategy> found;
  for (const Entry &entry : kEntries)
    if (entry.integerBits == shape.integerBits)
      found.push_back(
          takeDigits(context, entry, shape.withScales(entry.layout())));
  return found;
}
