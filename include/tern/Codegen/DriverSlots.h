//===- DriverSlots.h - What the driver and the model share ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The first bytes of the scratch memory are the arguments and results of a
// model's functions: `step` fills them, the functions find them at fixed
// places.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_DRIVERSLOTS_H
#define TERN_CODEGEN_DRIVERSLOTS_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// Byte offsets in the scratch memory, each a multiple of 64; T is the number
/// of tokens of one pass, H of one call of the head.
struct DriverSlots {
  int64_t tokens;        ///< i32[T]
  int64_t positions;     ///< i32[T]
  int64_t states;        ///< i64[T], addresses of the tokens' sequences
  int64_t logits_to;     ///< i64[T], where a token's logits go, or 0
  int64_t hidden_to;     ///< i64[T], where a token's hidden states go, or 0
  int64_t hidden_stride; ///< i64[T], bytes between two layers there
  int64_t input;         ///< f32[T][hidden], input of a layer
  int64_t output;        ///< f32[T][hidden], its output
  int64_t head_to;       ///< i64[H], where the rows of `logits` go
  int64_t head_input;    ///< f32[H][hidden]
  int64_t logits;        ///< f32[H][vocab]
  int64_t end;

  int64_t maxTokens;  ///< T
  int64_t headTokens; ///< H

  /// Slots of a module with `tern.model` and `tern.max_tokens`.
  static DriverSlots of(mlir::ModuleOp module);

  /// The slot of argument `index` of the function named `name` ("layer.decode"
  /// etc.); arguments are those of the import phase, results follow.
  int64_t ofArgument(llvm::StringRef name, unsigned index) const;

  /// Tokens the function named `name` gets at most.
  int64_t maxTokensOf(llvm::StringRef name) const;
};

} // namespace tern

#endif // TERN_CODEGEN_DRIVERSLOTS_H
