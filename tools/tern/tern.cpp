//===- tern.cpp - The driver ----------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Interrupt.h"
#include "LostFiles.h"
#include "Options.h"

#include "tern/host.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// LLVM calls this instead of aborting; temporary files are removed.
static void endOnFatalError(void *, const char *reason, bool) {
  llvm::errs() << "tern: error: LLVM cannot go on: " << reason << "\n";
  llvm::errs().flush();
  removeUnfinishedFiles();
  _exit(1);
}

template <const char *name> static Expected<int> runProgram(Arguments rest) {
  return programMain(name, rest);
}
template <const char *name> static void describe(TableReader read) {
  describeProgram(name, read);
}

static constexpr char run[] = "run", chat[] = "chat", ppl[] = "ppl",
                      bench[] = "bench";

/// A subcommand is a line here; its flags are records in its own file.
static const Command commands[] = {
    {"compile", "MODEL -o OUT",
     "make a program, library or object of a checkpoint", compileMain,
     describeCompile},
    {run, "MODEL -p TEXT", "compile into a cache, then continue a text",
     runProgram<run>, describe<run>},
    {chat, "MODEL", "the same, as a conversation", runProgram<chat>,
     describe<chat>},
    {ppl, "MODEL -f FILE", "perplexity of a text", runProgram<ppl>,
     describe<ppl>},
    {bench, "MODEL", "tokens per second", runProgram<bench>, describe<bench>},
    {"serve", "MODEL...", "answer over HTTP, as OpenAI's API does", serveMain,
     describeServe},
    {"tune", "MODEL", "measure how this machine computes a model best",
     tuneMain, describeTune},
    {"export", "MODEL -o OUT", "write a GGUF file for other engines",
     exportMain, describeExport},
    {"inspect", "FILE", "what is in a checkpoint or a compiled model",
     inspectMain, describeInspect},
    {"cache", "list|clear|path|add",
     "the programs that run, chat, ppl and bench keep", cacheMain,
     describeCache},
    {"help", "[COMMAND]", "this text, or the flags of a command", helpMain,
     describeHelp},
    {"completion", "SHELL", "a script that completes flags: bash, fish, zsh",
     completionMain, describeCompletion},
    {"manual", "DIR", "write manual pages", manualMain, describeManual},
};

llvm::ArrayRef<Command> tern::allCommands() { return commands; }

static Expected<int> dispatch(Arguments arguments) {
  StringRef command = arguments.empty() ? "" : arguments.front();
  if (command == "-h" || command == "--help")
    return helpMain(arguments.drop_front());
  if (command == "--version" && arguments.size() == 1) {
    printVersion(llvm::outs());
    return 0;
  }
  if (command.empty()) {
    printHelp(llvm::errs());
    return 2;
  }
  const Command *found = findCommand(command);
  return found ? found->run(arguments.drop_front()) : unknownCommand(command);
}

/// A result that nobody got is no success, on a full disk for example. Both C++
/// and C write to stdout: --help lists flags of programs in C.
static Error checkStandardOutput() {
  llvm::outs().flush();
  std::error_code code = llvm::outs().error();
  llvm::outs().clear_error();
  if (!code && (fflush(stdout) != 0 || ferror(stdout)))
    code = std::error_code(errno, std::generic_category());
  return code ? llvm::createStringError("cannot write to standard output: " +
                                        code.message())
              : Error::success();
}

/// Prints the first error and says how many there are; the exit status.
static int reportErrors(Error errors) {
  int failed = 1;
  std::vector<std::string> messages;
  llvm::handleAllErrors(std::move(errors),
                        [&](const llvm::ErrorInfoBase &error) {
                          if (error.isA<UsageError>())
                            failed = 2;
                          messages.push_back(inOneLine(error.message()));
                        });
  llvm::errs() << "tern: error: " << messages.front();
  if (messages.size() > 1)
    llvm::errs() << " (tern inspect MODEL lists " << messages.size() - 1
                 << " more)";
  llvm::errs() << "\n";
  return failed;
}

int main(int argc, char **argv) {
  catchInterrupts();
  catchLostFiles();
  llvm::install_fatal_error_handler(endOnFatalError);
  // The linker that cc looks for, in an empty environment too.
  setenv("PATH", "/usr/local/bin:/usr/bin:/bin", /*overwrite=*/0);
  llvm::SmallVector<StringRef> arguments(argv + 1, argv + argc);
  Expected<int> result = dispatch(arguments);
  int status = result ? *result : reportErrors(result.takeError());
  if (Error error = checkStandardOutput()) {
    if (status == 0)
      status = reportErrors(std::move(error));
    else
      llvm::consumeError(std::move(error));
  }
  // A warning that cannot be written is no reason to fail.
  llvm::errs().clear_error();
  return status;
}
