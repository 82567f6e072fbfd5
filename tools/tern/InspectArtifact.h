//===- InspectArtifact.h - tern inspect of compiled models ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_INSPECTARTIFACT_H
#define TERN_TOOLS_INSPECTARTIFACT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tern {

/// Starts a line of tern inspect: what it is about, and room up to the value.
llvm::raw_ostream &printField(llvm::StringRef what);

/// Says what is in a program, library, object or .weights file.
llvm::Error inspectArtifact(llvm::StringRef path);

} // namespace tern

#endif // TERN_TOOLS_INSPECTARTIFACT_H
