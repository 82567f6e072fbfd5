//===- Project.h - A folder that builds a program ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An object with its header and weights, the runtime's core as sources and one
// of the examples: copies of installed files, and target.mk.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_PROJECT_H
#define TERN_LIB_DRIVER_PROJECT_H

#include "tern/Artifact/InputFiles.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "llvm/Support/Error.h"

namespace tern {

/// Makes the folder. An error if there is no example for the target, or if the
/// folder has other files than those of a project.
llvm::Error beginProject(llvm::StringRef folder, TargetAttr target);

/// Writes everything but the object and what lies beside it; `runtime` has the
/// sources. The tokenizer is the table that the weights file has, or,
/// `embedded` as they are, the object.
llvm::Error writeProject(llvm::StringRef folder, TargetAttr target,
                         llvm::StringRef runtime,
                         llvm::ArrayRef<uint8_t> tokenizer, bool embedded,
                         const InputFiles &inputs);

/// The fewest and the most.
struct TokenInstructions {
  uint64_t least, most;
};

/// Builds the program of a folder and runs it where instructions are counted;
/// absent if nothing does that for the target.
llvm::Expected<std::optional<TokenInstructions>>
countInstructions(llvm::StringRef folder, TargetAttr target);

} // namespace tern

#endif // TERN_LIB_DRIVER_PROJECT_H
