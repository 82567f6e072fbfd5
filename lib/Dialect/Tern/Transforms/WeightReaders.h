//===- WeightReaders.h - Products of one weight ----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H
#define TERN_LIB_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

namespace tern {

/// A way to compute one product and its cost.
struct Reading {
  Strategy strategy;
  bool keepsRows, keepsColumns; ///< lists of the product that are used
  double cycles;                ///< of one pass
};

/// Readings of all products of a weight in one layout, and what they take for
/// each generated token with its share of prompt.
struct Plan {
  Layout layout;
  llvm::StringRef layoutName;
  llvm::SmallVector<Reading> readings; ///< one per product
  double decode = 0, prefill = 0;      ///< thousands of cycles
  double total() const { return decode + prefill; }
};

/// Lists of rows and columns: used where that is cheaper, or wherever a layout
/// has kernels for them, or not at all if they may be dropped.
enum class ListUse { Cheaper, Always, Never };

/// The products of one weight.
class WeightReaders {
public:
  /// `maxTokens` is how many tokens one pass of prefill takes.
  WeightReaders(TargetAttr target, int64_t maxTokens,
                llvm::SmallVector<MatmulOp> products)
      : target(target), maxTokens(maxTokens), products(std::move(products)) {}

  llvm::SmallVector<MatmulOp> getProducts() const { return products; }

  /// A plan for each layout that all products can be read in, cheapest first.
  llvm::SmallVector<Plan> plan(ListUse lists) const;

private:
  void addReadings(MatmulOp product, ListUse lists,
                   llvm::SmallVectorImpl<Reading> &readings) const;
  double getCycles(const Strategy &strategy, const ProductShape &shape,
                   MatmulOp product) const;
  int64_t getTokens(MatmulOp product) const;

  TargetAttr target;
  int64_t maxTokens;
  llvm::SmallVector<MatmulOp> products;
};

} // namespace tern

#endif // TERN_LIB_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H
