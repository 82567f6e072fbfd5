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

#include "tern/Tuning/MeasuredChoice.h"
#include "tern/Tuning/WeightCopies.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

struct TuneOptions {
  unsigned threads = 1; ///< that compute at a time, each a product
  unsigned rounds = TrialOptions().rounds;
  /// Told before each shape of products is measured.
  std::function<void(const std::string &shape)> onShape;
};

/// Times, and the rules that follow from them.
struct TuneResult {
  std::vector<MeasuredProduct> products; ///< by shape, the fastest first
  std::vector<StrategyRule> rules;       ///< one for each kind of weight
  CopySize copies{};                     ///< the least of all products
  unsigned threads = 1;
};

/// Measures the products of `module`, which is in the form of the phase
/// `quantized`. An error is of the compiler, the linker or memory.
llvm::Expected<TuneResult> tuneProducts(mlir::ModuleOp module,
                                        TargetAttr target,
                                        const TuneOptions &options);

} // namespace tern

#endif // TERN_TUNING_TUNER_H
