//===- tern/Artifact/Linker.h - Objects to programs -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_LINKER_H
#define TERN_ARTIFACT_LINKER_H

#include "tern/Artifact/TemporaryDirectory.h"
#include "tern/Artifact/Toolchain.h"

namespace tern {

/// How a program finds the libraries it needs.
enum class Linkage {
  Dynamic,   ///< libc, libm and pthread when it starts
  StaticPie, ///< has them in it, and may lie at any address
  Static,    ///< has them in it
};

/// ../lib of the running program, unless `directory` says otherwise.
std::string libraryDirectory(llvm::StringRef directory);

struct Linker {
  Toolchain toolchain;
  /// Functions of the runtime that a program needs although its objects do not
  /// say so.
  std::vector<std::string> wanted = {};

  /// This machine's libraries of the runtime, in the order in which they are
  /// linked. An error says which is missing; `directory` as above.
  static llvm::Expected<std::vector<std::string>>
  runtime(llvm::StringRef directory);

  /// Links a program of objects and `libraries`. `symbols` of it stay known
  /// when symbols are stripped, unless it is static.
  llvm::Error linkProgram(llvm::ArrayRef<std::string> objects,
                          llvm::ArrayRef<std::string> libraries,
                          llvm::ArrayRef<std::string> symbols, Linkage linkage,
                          const TemporaryDirectory &scratch,
                          llvm::StringRef output) const;

  /// Links a library that exports nothing but `symbols`.
  llvm::Error linkShared(llvm::StringRef object,
                         llvm::ArrayRef<std::string> symbols,
                         const TemporaryDirectory &scratch,
                         llvm::StringRef output) const;
};

} // namespace tern

#endif // TERN_ARTIFACT_LINKER_H
