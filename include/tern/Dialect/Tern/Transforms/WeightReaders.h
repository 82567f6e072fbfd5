//===- tern/.../WeightReaders.h - Products of one weight --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H
#define TERN_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include <functional>
#include <string>
#include <vector>

namespace tern {

/// A way to compute one product and its cost.
struct Reading {
  Strategy strategy;
  ProductShape shape;     ///< with those of the product's lists that are used
  bool isFew;             ///< its tokens are as many as functions for few take
  double cycles;          ///< of one pass
  llvm::StringRef reason; ///< why it does not fit; empty if it does
};

/// Readings of all products of a weight in one layout, and what they take for
/// each generated token with its share of prompt.
struct Plan {
  Layout layout;
  llvm::StringRef layoutName;
  std::vector<Reading> readings;  ///< one per product
  double decode = 0, prefill = 0; ///< thousands of cycles
  double total() const { return decode + prefill; }
};

/// Lists of rows and columns: used where that is cheaper, or wherever a layout
/// has kernels for them, or not at all if they may be dropped.
enum class ListUse { Cheaper, Always, Never };

/// Cycles of one pass of a strategy that fits.
using StrategyRating =
    std::function<double(const Strategy &, const ProductShape &)>;

/// The products of one weight.
class WeightReaders {
public:
  /// `type` is the weight's. Costs are those of the target's table, or as
  /// `rating` has them.
  WeightReaders(TargetAttr target, mlir::RankedTensorType type,
                llvm::SmallVector<MatmulOp> products,
                StrategyRating rating = nullptr);

  /// Of all weights of `module` that need a layout, have none and are read,
  /// in the order in which they are read first.
  static std::vector<WeightReaders> collect(mlir::ModuleOp module,
                                            TargetAttr target,
                                            StrategyRating rating = nullptr);

  llvm::SmallVector<MatmulOp> getProducts() const { return products; }
  TargetAttr getTarget() const { return target; }

  /// The shapes of the products with all their lists, "+" in between: the key
  /// by which a file of strategies means such weights.
  std::string str() const;

  /// All that fit, of each product.
  std::vector<std::vector<Reading>> getReadings() const;

  /// A plan for each layout that all products can be read in, cheapest first.
  /// Products that no kernel fits in any layout take portable loops, and all of
  /// them if no layout serves all; so there is one at least.
  std::vector<Plan> plan(ListUse lists) const;

  /// The plan in `layout`, which another machine may have chosen: products that
  /// no kernel of this target reads in it take portable loops.
  Plan planIn(const Layout &layout, llvm::StringRef layoutName,
              ListUse lists) const;

  /// True if the table has an entry that reads layout `layoutName` for one of
  /// the products, fit or not.
  bool hasEntry(llvm::StringRef layoutName) const;

  /// The first product, and why none of its ways to read layout `layoutName`
  /// fits; empty if each product has one.
  std::string getReasonAgainst(llvm::StringRef layoutName, ListUse lists) const;

private:
  std::vector<Reading>
  getReadings(MatmulOp product, ListUse lists, bool isPortable,
              const std::optional<Layout> &layout = std::nullopt) const;
  std::vector<Reading> getPortableReadings(MatmulOp product, ListUse lists,
                                           const Layout &layout,
                                           llvm::StringRef layoutName) const;

  TargetAttr target;
  mlir::RankedTensorType type;
  llvm::SmallVector<MatmulOp> products;
  StrategyRating rating;
};

} // namespace tern

#endif // TERN_DIALECT_TERN_TRANSFORMS_WEIGHTREADERS_H
