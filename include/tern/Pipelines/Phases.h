//===- tern/Pipelines/Phases.h - The table of phases ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model goes through the phases in the order of the table; `--compile-to` and
// `--compile-from` take their names. A module in the form a phase leaves has
// the attributes tern.model and, from `packed` on, tern.target.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PIPELINES_PHASES_H
#define TERN_PIPELINES_PHASES_H

#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace tern {

struct PipelineOptions {
  /// Tokens one pass over the weights takes at most; 0: as the target says.
  int64_t maxTokens = 0;
  /// Read inactive rows and columns too (for measuring what skipping saves).
  bool dense = false;
  /// Two to sixteen tokens have functions of their own.
  bool few = false;
  /// Wishes, as tern-select-strategies takes them.
  std::vector<std::string> strategies;
};

struct Phase {
  llvm::StringLiteral name;
  /// tern-opt's pipeline that leads here from the phase before; empty if passes
  /// do not.
  llvm::StringLiteral pipeline;
  /// The state afterwards, one line.
  llvm::StringLiteral summary;
  /// Adds the passes that lead here from the phase before; null for `import`,
  /// which the importer does, and `object`, which the emitter does.
  void (*build)(mlir::OpPassManager &, const PipelineOptions &);
  /// Checks the summary; run after `build` and on every `--compile-from` input.
  std::unique_ptr<mlir::Pass> (*contract)();
};

/// import, fused, quantized, packed, tiled, kernels, llvm, object.
llvm::ArrayRef<Phase> getPhases();

/// Index in getPhases(), or an empty optional for an unknown name.
std::optional<unsigned> findPhase(llvm::StringRef name);

/// Adds all passes after phase `from` up to and including phase `to`, each
/// phase followed by its contract; starts with the contract of `from`.
void buildPipeline(mlir::OpPassManager &pm, unsigned from, unsigned to,
                   const PipelineOptions &options);

/// Registers the `pipeline` of every phase that has one.
void registerPhasePipelines();

} // namespace tern

#endif // TERN_PIPELINES_PHASES_H
