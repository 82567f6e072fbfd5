//===- tern/Artifact/Linker.h - Objects to programs -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Calls the system's C compiler driver as the linker: it knows where libc lies.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_LINKER_H
#define TERN_ARTIFACT_LINKER_H

#include "tern/Artifact/TemporaryDirectory.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tern {

struct Linker {
  /// Where libtern_host.a and libtern_core.a lie.
  std::string libraryDirectory;
  /// Print the command on stderr.
  bool verbose = false;

  /// For the program at `executable`: its ../lib.
  static llvm::Expected<Linker> besideExecutable(llvm::StringRef executable);

  /// The libraries and the C compiler that programs are linked from by the
  /// program at `executable`; an error says which is missing.
  static llvm::Expected<std::vector<std::string>>
  inputsBeside(llvm::StringRef executable);

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
