//===- Cache.h - Programs of tern run ---------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_CACHE_H
#define TERN_TOOLS_CACHE_H

#include "CompileFlags.h"

#include "tern/Driver/CompileListener.h"
#include "tern/Driver/ModelInput.h"

namespace tern {

/// XDG_CACHE_HOME/tern or ~/.cache/tern, which need not be there. An error says
/// that there is no home directory.
llvm::Expected<std::string> cacheDirectory();

/// The path of a model's program, compiled unless it is in the folder and of
/// the size that the environment says.
llvm::Expected<std::string> findOrCompile(const ModelInput &model,
                                          const ModelFlags &flags);
/// The same, told to a listener and not on the terminal.
llvm::Expected<std::string> findOrCompile(const ModelInput &model,
                                          const ModelFlags &flags,
                                          CompileListener &listener);

} // namespace tern

#endif // TERN_TOOLS_CACHE_H
