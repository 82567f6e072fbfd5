//===- tern/Artifact/Children.h - Programs that tern runs -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_CHILDREN_H
#define TERN_ARTIFACT_CHILDREN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace tern {

/// As llvm::sys::ExecuteAndWait, but that endChildren ends it, too. No
/// `seconds`: as long as it takes.
int runChild(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments,
             llvm::ArrayRef<std::optional<llvm::StringRef>> redirects,
             std::optional<unsigned> seconds, std::string &reason);

/// SIGTERM for all that run, before an end without waiting for them. A handler
/// of signals may call it.
void endChildren();

} // namespace tern

#endif // TERN_ARTIFACT_CHILDREN_H
