//===- tern/Tuning/MeasuredChoice.h - Layouts by times ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_MEASUREDCHOICE_H
#define TERN_TUNING_MEASUREDCHOICE_H

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"
#include "tern/Tuning/ProductBench.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// A strategy and how long it takes.
struct MeasuredProduct {
  ProductTrial trial;
  std::string projections; ///< "q_proj+k_proj+v_proj, o_proj"
  ProductTime time;
  bool isOfTable; ///< with the distance that the target's table has
};

/// A rule for each kind of weight of `module`, which is in the form of the
/// phase `quantized`. A strategy that does not have the bits of Generic's is
/// never chosen. The layout that the table's costs choose, and the distance
/// that the table has, stay unless another one is faster by more than times are
/// spread.
std::vector<StrategyRule>
chooseMeasured(mlir::ModuleOp module, TargetAttr target,
               llvm::ArrayRef<MeasuredProduct> products);

} // namespace tern

#endif // TERN_TUNING_MEASUREDCHOICE_H
