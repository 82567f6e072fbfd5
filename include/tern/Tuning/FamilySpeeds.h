//===- tern/Tuning/FamilySpeeds.h - Numbers of a CPU family -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The costs of a target's table have numbers of a CPU family in them: how much
// longer than its slots a kernel takes, and how much of a stream's bandwidth it
// gets (KernelSpeed). They are measured on a CPU of that family.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_FAMILYSPEEDS_H
#define TERN_TUNING_FAMILYSPEEDS_H

#include "tern/Tuning/ProductBench.h"

namespace tern {

/// An entry of the table, with as many tokens as `shape` has.
struct EntrySpeed {
  ProductTrial trial; ///< with the table's numbers
  /// Next to the first entry with the same tokens, whose numbers are its own of
  /// the table. The reach is one bound: a kernel that is not faster in a cache
  /// may have a longer one.
  KernelSpeed measured;
  bool isReachKnown;
  double cached; ///< multiplications per second with a weight in a cache
  double bytes;  ///< of weights per second from memory
  double spread; ///< of both times, the larger one
};

/// Times of one entry.
struct EntryTimes {
  ProductCost cost; ///< of the small product, whose weight a cache holds
  ProductTime cached, streamed;
  double timesLarger; ///< the weight that is read from memory
};

/// The numbers that follow from times, next to those of `first`, whose numbers
/// are `ofFirst`.
EntrySpeed fitEntry(const ProductTrial &trial, const EntryTimes &times,
                    const EntryTimes &first, const KernelSpeed &ofFirst);

/// All entries for ternary weights, with one token, few and many. An error is
/// of the compiler, the linker or memory.
llvm::Expected<std::vector<EntrySpeed>>
measureFamily(TargetAttr target, unsigned threads, unsigned rounds);

/// An object for any target with the code of all entries, those of lists and of
/// integers too: a function each, "t1.int8.rows_in_lanes". With a `layout` those
/// of this name alone.
llvm::Expected<std::string> emitFamily(TargetAttr target,
                                       llvm::StringRef layout);

} // namespace tern

#endif // TERN_TUNING_FAMILYSPEEDS_H
