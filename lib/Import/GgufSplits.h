//===- lib/Import/GgufSplits.h - How GGUF files split text ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_GGUFSPLITS_H
#define TERN_LIB_IMPORT_GGUFSPLITS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace tern {

/// The meaning of a name in `tokenizer.ggml.pre`: expressions that split a text
/// one after the other, each the pieces of the one before.
struct GgufSplit {
  llvm::StringLiteral name;
  llvm::ArrayRef<llvm::StringLiteral> steps;
  bool thenGpt2; ///< GPT-2's expression, which ByteLevel brings along, is last
  bool ignoreMerges, addsBos;
};

/// Null for a name that is not known.
const GgufSplit *ggufSplit(llvm::StringRef name);

} // namespace tern

#endif // TERN_LIB_IMPORT_GGUFSPLITS_H
