//===- Passes.h - Passes of Codegen -----------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_PASSES_H
#define TERN_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tern {

class TargetAttr;

/// Bits of tern/cpu_features.def for the features of `target`.
uint64_t getCpuFeatureBits(TargetAttr target);

/// "tern_model_bard_for_cortex_a76": the symbol of a version of a model's code.
inline constexpr llvm::StringLiteral kForVersion = "_for_";
std::string getVersionSymbol(llvm::StringRef model, llvm::StringRef version);

/// Gives each result of `op`, a KernelOpInterface in tensor form, an empty
/// tensor as its out, unless it has outs.
void addDestinations(mlir::Operation *op);

/// Attaches the bufferization of tern operations.
void registerBufferization(mlir::DialectRegistry &registry);

#define GEN_PASS_DECL
#include "tern/Codegen/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "tern/Codegen/Passes.h.inc"

} // namespace tern

#endif // TERN_CODEGEN_PASSES_H
