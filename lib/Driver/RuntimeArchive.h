//===- RuntimeArchive.h - The runtime for another machine -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_RUNTIMEARCHIVE_H
#define TERN_LIB_DRIVER_RUNTIMEARCHIVE_H

#include "tern/Artifact/Toolchain.h"
#include "tern/Driver/CompileListener.h"

namespace tern {

/// The runtime's sources, ../share/tern/runtime of the libraries' folder. An
/// error says that they are missing.
llvm::Expected<std::string> runtimeSources(llvm::StringRef libraryDirectory);

/// The path of an archive of all of the runtime, compiled unless `cache`, a
/// folder of programs, has one of these sources by this compiler. Without a
/// cache it is `spare`, a path of the caller's.
llvm::Expected<std::string>
runtimeArchive(const Toolchain &toolchain, const llvm::Triple &triple,
               llvm::StringRef sources, llvm::StringRef cache,
               llvm::StringRef spare, CompileListener &listener);

} // namespace tern

#endif // TERN_LIB_DRIVER_RUNTIMEARCHIVE_H
