//===- ProgramKey.h - What decides the bytes of a program -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_PROGRAMKEY_H
#define TERN_TOOLS_PROGRAMKEY_H

#include "Compilation.h"
#include "ModelInput.h"

#include "tern/Cache/FileHashes.h"

namespace tern {

/// Hexadecimal digits that are the same for two programs only if all that goes
/// into them is: the contents of the model's files, the flags and the files
/// they name, the target, and tern itself with what it links programs from.
llvm::Expected<std::string> programKey(const ModelInput &model,
                                       const ModelFlags &flags,
                                       FileHashes &hashes);

} // namespace tern

#endif // TERN_TOOLS_PROGRAMKEY_H
