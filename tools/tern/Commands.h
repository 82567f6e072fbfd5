//===- Commands.h - The subcommands of tern ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_COMMANDS_H
#define TERN_TOOLS_COMMANDS_H

#include "Options.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// Arguments after the subcommand's name; answers the exit status. An error is
/// printed by main: status 1, or 2 for a UsageError.
using Arguments = llvm::ArrayRef<llvm::StringRef>;

/// Gets the table of a subcommand's flags.
using TableReader = llvm::function_ref<void(const OptionTable &)>;

/// For dispatching, help, completion and manual pages.
struct Command {
  llvm::StringLiteral name, arguments, summary;
  llvm::Expected<int> (*run)(Arguments);
  void (*describe)(TableReader);
};

/// In the order of help.
llvm::ArrayRef<Command> allCommands();
/// Null if there is none of that name.
const Command *findCommand(llvm::StringRef name);
/// The refusal of a name that is no command.
llvm::Error unknownCommand(llvm::StringRef name);

void printHelp(llvm::raw_ostream &stream);
/// Versions of tern and LLVM, and the build they come from.
void printVersion(llvm::raw_ostream &stream);
llvm::Expected<int> helpMain(Arguments arguments);
void describeHelp(TableReader read);
llvm::Expected<int> completionMain(Arguments arguments);
void describeCompletion(TableReader read);
llvm::Expected<int> manualMain(Arguments arguments);
void describeManual(TableReader read);

llvm::Expected<int> cacheMain(Arguments arguments);
void describeCache(TableReader read);
llvm::Expected<int> compileMain(Arguments arguments);
void describeCompile(TableReader read);
llvm::Expected<int> exportMain(Arguments arguments);
void describeExport(TableReader read);
llvm::Expected<int> inspectMain(Arguments arguments);
void describeInspect(TableReader read);
llvm::Expected<int> serveMain(Arguments arguments);
void describeServe(TableReader read);
llvm::Expected<int> tuneMain(Arguments arguments);
void describeTune(TableReader read);
/// run, chat, ppl or bench.
llvm::Expected<int> programMain(llvm::StringRef command, Arguments arguments);
void describeProgram(llvm::StringRef command, TableReader read);

/// A message as one line that a terminal can show, whatever the names in it are
/// made of.
std::string inOneLine(llvm::StringRef message);

} // namespace tern

#endif // TERN_TOOLS_COMMANDS_H
