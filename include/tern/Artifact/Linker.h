//===- tern/Artifact/Linker.h - Objects to programs -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Calls the system's C compiler as the linker: it knows where libc lies.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_LINKER_H
#define TERN_ARTIFACT_LINKER_H

#include "tern/Artifact/TemporaryDirectory.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>
#include <vector>

namespace tern {

struct Linker {
  /// Where libtern_host.a and libtern_core.a lie.
  std::string libraryDirectory;
  /// Told each command before it is run.
  std::function<void(llvm::StringRef)> onCommand;

  /// Of programs; an empty directory is ../lib of the running program. An error
  /// says which library is missing.
  static llvm::Expected<Linker> create(llvm::StringRef libraryDirectory);

  /// The libraries and the C compiler that programs are linked from, likewise;
  /// an error says which is missing.
  static llvm::Expected<std::vector<std::string>>
  inputs(llvm::StringRef libraryDirectory);

  /// The C compiler that links; an error says that there is none.
  static llvm::Expected<std::string> compiler();

  /// Links a program that needs nothing but libc, libm and pthread, or nothing
  /// at all. `symbol` of it stays known when symbols are stripped.
  llvm::Error linkProgram(llvm::ArrayRef<std::string> objects,
                          llvm::StringRef symbol, bool isStatic,
                          const TemporaryDirectory &scratch,
                          llvm::StringRef output) const;

  /// Links a library that exports nothing but `symbol`.
  llvm::Error linkShared(llvm::StringRef object, llvm::StringRef symbol,
                         const TemporaryDirectory &scratch,
                         llvm::StringRef output) const;

private:
  llvm::Error run(llvm::ArrayRef<std::string> arguments) const;
};

} // namespace tern

#endif // TERN_ARTIFACT_LINKER_H
