//===- tern/Target/Strategy.h - Ways to compute a product -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A target lists its kernels and the layouts they read in a table
// (lib/Target/<T>/Strategies.cpp); `tern-select-strategies` rates the rows that
// fit a weight's products and takes the cheapest layout for all of them.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_STRATEGY_H
#define TERN_TARGET_STRATEGY_H

#include "tern/Packing/Layout.h"

#include "llvm/ADT/StringRef.h"

namespace tern {

/// The part of its weight that a product reads, or that groups have scales.
enum class ProductKind { Dense, ListedRows, ListedColumns, Scaled };

/// Tokens of a product: one, 2 to 16, more.
enum class TokenClass { One, Few, Many };

/// A product as tables see it.
struct ProductShape {
  int64_t rows, columns;
  ProductKind kind = ProductKind::Dense;
  TokenClass tokens = TokenClass::One;
  int64_t lowest = -128, highest = 127; ///< of the codes
  int64_t groupSize = 0;                ///< columns that share a scale
  int64_t integerBits = 0; ///< of weights that are integers; 0: digits
};

/// How a kernel walks through memory.
enum class Walk {
  Stream, ///< from the first byte to the last
  Runs,   ///< listed rows or columns, each a run of a few hundred bytes
};

/// A row of a target's table that fits a product.
struct Strategy {
  llvm::StringRef layoutName; ///< by which a file of strategies asks for it
  llvm::StringRef kernel;     ///< for people
  Layout layout;
  Walk walk;
  /// Issue slots of one digit times one code, with as many tokens as the kernel
  /// takes at once.
  double slots;
};

/// Speeds of one core. A product takes bytes / bandwidth or slots / width
/// cycles, whichever are more.
struct MachineSpeed {
  double streamBytes; ///< per cycle from memory, in order
  double runBytes;    ///< the same in runs
  double issueWidth;  ///< slots per cycle
};

} // namespace tern

#endif // TERN_TARGET_STRATEGY_H
