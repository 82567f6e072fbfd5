//===- ModelFunction.h - Functions of a model by their names ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_MODELFUNCTION_H
#define TERN_CODEGEN_MODELFUNCTION_H

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// A name as "layer.decode" or "layer.KIND.decode": what the function computes,
/// and after the last dot for how many tokens (tern-specialize-tokens); a
/// device has "best.prefill" and "candidates.prefill" alone.
struct ModelFunction {
  enum Role { Embed, Layer, Head, Best, Candidates, Other };

  Role role;
  llvm::StringRef whole; ///< "embed", "layer", "layer.KIND", "head" or "best"
  llvm::StringRef body;  ///< "decode", "few" or "prefill"

  static ModelFunction of(llvm::StringRef name);

  /// True if it is for one token alone.
  bool isForOneToken() const { return body == "decode"; }

  /// Tokens it gets at most, in a module with `tern.max_tokens`.
  int64_t maxTokens(mlir::ModuleOp module) const;

  /// The field of tern_rows that is its argument `index`, those of the import
  /// phase with results behind them; -1: none. A layer may have no state.
  int32_t rowsField(unsigned index, bool isState) const;
};

/// Of a module in the form `llvm`, the bytes of its weights by their kind, as
/// "ternary 491520, norms 22528".
inline constexpr llvm::StringLiteral kWeightKindsAttr = "tern.weight_kinds";

/// Of a module in the form `llvm` for a device, which it is, as
/// "nvptx64-nvidia-cuda/sm_80,sm_90".
inline constexpr llvm::StringLiteral kDeviceNameAttr = "tern.device_name";

/// `tern.max_tokens`, or the default.
int64_t getMaxTokens(mlir::ModuleOp module);

/// Tokens that the head takes in a call, at most.
int64_t getHeadTokens(mlir::ModuleOp module);

} // namespace tern

#endif // TERN_CODEGEN_MODELFUNCTION_H
