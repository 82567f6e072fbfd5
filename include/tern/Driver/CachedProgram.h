//===- tern/Driver/CachedProgram.h - Programs of tern run -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program's name in the cache is a hash of all that decides its bytes, and
// its record there has a hash of its bytes. docs/cache.md.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_CACHEDPROGRAM_H
#define TERN_DRIVER_CACHEDPROGRAM_H

#include "tern/Cache/ProgramStore.h"
#include "tern/Driver/Compile.h"
#include "tern/Driver/ModelInput.h"

namespace tern {

/// The same for two programs only if all that goes into them is: the contents
/// of the model's files, the options and the files they name, the target, and
/// tern itself with what it links programs from.
llvm::Expected<std::string> programName(const ModelInput &model,
                                        const ModelOptions &options,
                                        ProgramStore &store);

/// The path of a model's program, compiled unless it is in the store, of which
/// `limit` bytes stay. `options.import.name` does not count.
llvm::Expected<std::string> cachedProgram(const ModelInput &model,
                                          const ModelOptions &options,
                                          ProgramStore &store, uint64_t limit,
                                          CompileListener &listener);

} // namespace tern

#endif // TERN_DRIVER_CACHEDPROGRAM_H
