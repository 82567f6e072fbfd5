//===- StrategyRemarks.h - Why weights are stored as they are ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DIALECT_TERN_TRANSFORMS_STRATEGYREMARKS_H
#define TERN_LIB_DIALECT_TERN_TRANSFORMS_STRATEGYREMARKS_H

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"
#include "tern/Dialect/Tern/Transforms/WeightReaders.h"

namespace tern {

/// Remarks on a weight: its layout, the runner-up among `plans`, and layouts
/// that not all products can read. `wish` is the rule that was followed, or
/// null.
void reportChoice(WeightOp weight, mlir::RankedTensorType type,
                  const WeightReaders &readers, const Plan &plan,
                  llvm::ArrayRef<Plan> plans, const StrategyRule *wish);

/// A remark on a weight that versions of the code share in the layout of
/// `plan`, where this one has the plan `alone`.
void reportShared(WeightOp weight, const Plan &plan, const Plan &alone);

/// A remark on a product that no longer skips rows or columns.
void reportReadAll(MatmulOp product, const StrategyRule *wish);

} // namespace tern

#endif // TERN_LIB_DIALECT_TERN_TRANSFORMS_STRATEGYREMARKS_H
