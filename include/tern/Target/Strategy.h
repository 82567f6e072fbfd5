//===- tern/Target/Strategy.h - Ways to compute a product -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An entry of a target's table (lib/Target/<T>/Strategies.cpp) makes the
// strategy of a product: the layout that it reads and its micro kernels. Costs
// come from these kernels; an entry adds how this machine runs them.
// `tern-select-strategies` takes the cheapest layout for all products of a
// weight.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_STRATEGY_H
#define TERN_TARGET_STRATEGY_H

#include "tern/Dialect/Tern/IR/ProductShape.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace tern {

/// How a machine runs the kernels of an entry, next to their slots and bytes.
struct KernelSpeed {
  double stall = 1; ///< times as long as their slots say
  double reach = 1; ///< of the bandwidth of a stream
  double runs = 1;  ///< of the bandwidth of runs, in lists
};

/// A way to compute a product.
struct Strategy {
  /// By which a file of strategies asks for the layout; empty for rows of int8.
  llvm::StringRef layoutName;
  std::optional<Layout> layout; ///< none: rows of int8
  /// Kernels, units per iteration and prefetch distance; null stands for the
  /// portable loops, which know any layout.
  StrategyAttr kernels;
  KernelSpeed speed;
  /// Weights that are recoded for kernels: slots for each byte of them, once
  /// for each `recodeTokens` tokens; 0 for none.
  double recodeSlots = 0;
  int64_t recodeTokens = 0;
  /// Kernels whose costs count, if not `kernels`: machines that share weights
  /// choose the same layouts for them.
  StrategyAttr rated = {};
};

/// Speeds of one core.
struct MachineSpeed {
  double streamBytes; ///< per cycle from memory, in order
  double runBytes;    ///< the same in runs of a few hundred bytes, as in lists
  double issueWidth;  ///< slots per cycle
};

/// Costs of one pass of a product.
struct ProductCost {
  double bytes;  ///< of weights
  double slots;  ///< in loops over them
  double before; ///< slots before the loops: tables, compaction
  double cycles;
};

/// A product takes bytes / bandwidth or slots / width cycles, whichever are
/// more, after what must be done before.
ProductCost rate(const Strategy &strategy, const ProductShape &shape,
                 const MachineSpeed &speed);

/// The portable loops with a weight in `layout`.
Strategy getPortableStrategy(llvm::StringRef layoutName, const Layout &layout);

/// Why `strategy` does not compute a product of `shape`, whose layout is yet to
/// be chosen or the strategy's; empty if it does.
llvm::StringRef getReasonAgainst(const Strategy &strategy,
                                 const ProductShape &shape);

/// The cheapest strategy of the table for `product`, whose weight has its
/// layout or is of int8; null if no entry fits: portable loops then take it.
StrategyAttr findStrategy(TargetAttr target, MatmulOp product);

} // namespace tern

#endif // TERN_TARGET_STRATEGY_H
