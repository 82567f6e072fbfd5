//===- tern/Tuning/Tuner.h - Strategies by measurement ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All strategies of the target's table for the products of a model, each alone
// on this machine, and the layouts of weights that follow from their times.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_TUNER_H
#define TERN_TUNING_TUNER_H

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"
#include "tern/Tuning/ProductBench.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// A strategy and how long it takes.
struct MeasuredProduct {
  ProductTrial trial;
  std::string projections; ///< "q_proj+k_proj+v_proj, o_proj"
  ProductTime time;
};

struct TuneOptions {
  /// Threads that read weights at a time; of many tokens one is measured.
  unsigned threads = 1;
  double seconds = 0.12; ///< for each strategy
  /// Told before each shape of products is measured.
  std::function<void(const std::string &shape)> onShape;
};

/// Times, and the rules that follow from them.
struct TuneResult {
  std::vector<MeasuredProduct> products; ///< by shape, the fastest first
  std::vector<StrategyRule> rules;       ///< one for each kind of weight
};

/// Measures the products of `module`, which is in the form of the phase
/// `quantized`. A strategy that does not have the bits of Generic's is never
/// chosen. The layout that the table's costs choose stays unless another one is
/// faster by more than measurements differ. An error is of the compiler, the
/// linker or memory.
llvm::Expected<TuneResult> tuneProducts(mlir::ModuleOp module,
                                        TargetAttr target,
                                        const TuneOptions &options);

} // namespace tern

#endif // TERN_TUNING_TUNER_H
