//===- tern/Artifact/Toolchain.h - The C compiler of a machine --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs are linked by a C compiler, since it knows where libc lies: the
// system's for this machine, a cross compiler or clang for another one.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_TOOLCHAIN_H
#define TERN_ARTIFACT_TOOLCHAIN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

#include <functional>
#include <string>
#include <vector>

namespace tern {

/// As --cc and --sysroot name them; empty: not named.
struct ToolchainChoice {
  std::string compiler, sysroot;
};

struct Toolchain {
  std::string compiler; ///< its path
  std::vector<std::string> flags;
  /// Told each command before it is run.
  std::function<void(llvm::StringRef)> onCommand;

  /// The compiler that `choice` names, or TERN_CC, or for this machine the one
  /// that tern was built with, for another one TRIPLE-gcc or clang. An error
  /// says what is missing and, for another machine, names Debian's packages.
  static llvm::Expected<Toolchain> find(const llvm::Triple &triple,
                                        const ToolchainChoice &choice = {});

  /// True if programs for it are made with libraries that are there.
  static bool isNative(const llvm::Triple &triple);

  /// Compiles a few lines, to say before the work begins what could not be
  /// linked for `triple` after it: a program, or else a library.
  llvm::Error check(const llvm::Triple &triple, bool program) const;

  /// Runs it with `arguments` behind its flags. The error is what it says,
  /// behind "linking" or whatever the `work` is.
  llvm::Error run(llvm::ArrayRef<std::string> arguments,
                  llvm::StringRef work = "linking") const;
};

} // namespace tern

#endif // TERN_ARTIFACT_TOOLCHAIN_H
