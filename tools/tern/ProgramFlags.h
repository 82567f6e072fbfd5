//===- ProgramFlags.h - Flags of the programs tern makes --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_PROGRAMFLAGS_H
#define TERN_TOOLS_PROGRAMFLAGS_H

#include "Commands.h"

#include "tern/Artifact/InputFiles.h"

namespace tern {

/// The command that arguments of `command` mean: `run -cnv` is chat.
llvm::StringRef programCommand(llvm::StringRef command, Arguments arguments);

struct ProgramFlags {
  std::vector<std::string> given; ///< as the program takes them
  bool help = false;

  /// Adds what the runtime's table (host/options.h) has for a command: flags,
  /// other spellings of them, and those that are refused with a reason.
  void addTo(OptionTable &table, llvm::StringRef command);
  /// Refuses what the program would refuse at its start.
  llvm::Error check(llvm::StringRef command) const;
  /// Of bench: numbers of threads; empty where -t is not given.
  llvm::Expected<std::vector<unsigned>> getThreads() const;
  /// Of bench, checked before; none where -r is not given.
  std::optional<unsigned> getRepetitions() const;
  /// Refuses to write over files that are read.
  llvm::Error checkOutputs(llvm::StringRef command,
                           const InputFiles &inputs) const;
};

/// A flag that other programs take and a compiled program refuses.
struct RefusedFlag {
  std::string names; ///< with commas between
  std::string reason;
};
/// Of run, chat, ppl or bench; empty for other commands.
std::vector<RefusedFlag> refusedFlags(llvm::StringRef command);

} // namespace tern

#endif // TERN_TOOLS_PROGRAMFLAGS_H
