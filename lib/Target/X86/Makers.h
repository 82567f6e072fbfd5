//===- Makers.h - Kernels for products of any size --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layouts, and kernels that read them: entries of the table (Strategies.cpp)
// are made of these.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_X86_MAKERS_H
#define TERN_LIB_TARGET_X86_MAKERS_H

#include "Strategies.h"

namespace tern::x86 {

/// Makes kernels for products of one shape.
struct Maker {
  const Machine &machine;
  const ProductShape &shape;
  DotAttr dot;

  mlir::MLIRContext *context() const { return dot.getContext(); }
  bool takesOne() const { return shape.tokens == 1; }
  StrategyAttr get(llvm::ArrayRef<mlir::Attribute> kernels, int64_t units,
                   int64_t ahead) const {
    return StrategyAttr::get(context(), kernels, units, ahead);
  }
  /// Of weights that a few tokens read as a stream; of many all but the first
  /// read them from the cache.
  int64_t getStreamAhead() const {
    if (takesOne())
      return machine.family.bytesAhead;
    return shape.tokens <= kFewTokens ? machine.family.bytesAheadOfFew : 0;
  }
  /// Of rows, which may be a list.
  int64_t getRowsAhead() const {
    return shape.listsRows ? machine.family.rowsAhead : getStreamAhead();
  }
};

Layout layRowsInLanes(const Maker &make);
Layout layContiguousRows(const Maker &make);
Layout layContiguousColumns(const Maker &make);
Layout layGroupsInLanes(const Maker &make);
Layout layGroupsInRows(const Maker &make);
Layout layGroupsInColumns(const Maker &make);
Layout layPairsInLanes(const Maker &make);
Layout layIntegerRows(const Maker &make);

// Of a weight in the layout that they are given; null if there is nothing to
// gain by them.
StrategyAttr makeRowsInLanes(const Maker &make, const Layout &layout);
StrategyAttr makeContiguousRows(const Maker &make, const Layout &layout);
StrategyAttr makeContiguousColumns(const Maker &make, const Layout &layout);
StrategyAttr makeIntegerRows(const Maker &make, const Layout &layout);
/// Lookups of codes in one plane, and in two.
StrategyAttr makePlane(const Maker &make, const Layout &layout);
StrategyAttr makePlanes(const Maker &make, const Layout &layout);
/// Dot products with the same bytes, of a few tokens.
StrategyAttr makeGroupDots(const Maker &make, const Layout &layout);
/// Lookups of codes in one plane, two digits at a time.
StrategyAttr makePairs(const Maker &make, const Layout &layout);
/// Panels of four and of two vectors of rows, for vectors and for AMX.
StrategyAttr makePanelOfFour(const Maker &make, const Layout &layout);
StrategyAttr makePanelOfTwo(const Maker &make, const Layout &layout);
StrategyAttr makeTilesOfFour(const Maker &make, const Layout &layout);
StrategyAttr makeTilesOfTwo(const Maker &make, const Layout &layout);
/// Panels of groups of four and of two digits that are looked up, and of those
/// of four whose codes are not all zero.
StrategyAttr makeLookupPanel(const Maker &make, const Layout &layout);
StrategyAttr makePairPanel(const Maker &make, const Layout &layout);
StrategyAttr makeListedPanel(const Maker &make, const Layout &layout);

/// Of rows of int8.
StrategyAttr makeInt8Rows(const Maker &make);

} // namespace tern::x86

#endif // TERN_LIB_TARGET_X86_MAKERS_H
