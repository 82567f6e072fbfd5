//===- OutputForm.h - Which form a file is written in -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_OUTPUTFORM_H
#define TERN_TOOLS_OUTPUTFORM_H

#include "Compilation.h"

namespace tern {

/// Decides --emit by the suffix of -o unless it was given, and adds the suffix
/// of a library or object that the name lacks. A UsageError if the two
/// contradict each other, or if nothing tern compile writes has the suffix.
llvm::Error chooseForm(CompileFlags &flags);

/// A UsageError if GGUF files have other suffixes than `output`, or if that is
/// stdout.
llvm::Error checkGgufName(llvm::StringRef output);

} // namespace tern

#endif // TERN_TOOLS_OUTPUTFORM_H
