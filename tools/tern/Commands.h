//===- Commands.h - The subcommands of tern ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_COMMANDS_H
#define TERN_TOOLS_COMMANDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// Arguments after the subcommand's name; answers the exit status. An error is
/// printed by main: status 1, or 2 for a UsageError.
using Arguments = llvm::ArrayRef<llvm::StringRef>;

llvm::Expected<int> compileMain(Arguments arguments);
llvm::Expected<int> exportMain(Arguments arguments);
llvm::Expected<int> inspectMain(Arguments arguments);
/// run, chat, ppl or bench.
llvm::Expected<int> programMain(llvm::StringRef command, Arguments arguments);

/// The path of the running tern.
llvm::StringRef thisExecutable();

/// A message as one line that a terminal can show, whatever the names in it are
/// made of.
std::string inOneLine(llvm::StringRef message);

} // namespace tern

#endif // TERN_TOOLS_COMMANDS_H
