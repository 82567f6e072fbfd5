//===- OutputForm.h - Which form a file is written in -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_OUTPUTFORM_H
#define TERN_TOOLS_OUTPUTFORM_H

#include "CompileFlags.h"

namespace tern {

/// The form that --compile-to, --emit or else the suffix of -o says. Adds the
/// suffix of a library or object that -o lacks, and the name that it gives. A
/// UsageError if two contradict each other, or if nothing tern compile writes
/// has the suffix.
llvm::Expected<OutputForm> chooseForm(CompileFlags &flags);

/// A UsageError if GGUF files have other suffixes than `output`, or if that is
/// stdout.
llvm::Error checkGgufName(llvm::StringRef output);

/// Of --emit=project, whose object has a name of its own in the folder OUT.
llvm::Error chooseProject(CompileFlags &flags);

} // namespace tern

#endif // TERN_TOOLS_OUTPUTFORM_H
