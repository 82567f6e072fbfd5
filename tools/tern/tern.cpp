//===- tern.cpp - The driver ----------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Options.h"

#include "tern/host.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

#include <cstdlib>

using namespace tern;
using llvm::Expected;
using llvm::StringRef;

static std::string executablePath;

StringRef tern::thisExecutable() { return executablePath; }

static void printHelp(llvm::raw_ostream &stream) {
  stream << R"(usage: tern COMMAND ...

Compiles ternary language models to native programs.

  compile MODEL -o OUT    make a program, library or object of a checkpoint
  run MODEL -p TEXT       compile into a cache, then continue a text
  chat MODEL              the same, as a conversation
  ppl MODEL -f FILE       perplexity of a text
  bench MODEL             tokens per second
  export MODEL -o OUT     write a GGUF file for other engines
  inspect FILE            what is in a checkpoint or a compiled model

MODEL is a Hugging Face directory (config.json, *.safetensors, tokenizer.json) or a
GGUF file.
`tern COMMAND --help` lists the flags of a command.

  -h, --help              this text
  --version               versions of tern and LLVM
)";
}

/// LLVM calls this instead of aborting; temporary files are removed.
static void endOnFatalError(void *, const char *reason, bool) {
  llvm::errs() << "tern: error: LLVM cannot go on: " << reason << "\n";
  llvm::errs().flush();
  llvm::sys::RunInterruptHandlers();
  _exit(1);
}

static Expected<int> dispatch(llvm::ArrayRef<StringRef> arguments) {
  StringRef command = arguments.empty() ? "" : arguments.front();
  if (command == "-h" || command == "--help" || command == "help") {
    printHelp(llvm::outs());
    return 0;
  }
  if (command == "--version") {
    llvm::outs() << "tern " TERN_VERSION_TEXT ", LLVM " LLVM_VERSION_STRING
                    "\n";
    return 0;
  }
  if (command.empty()) {
    printHelp(llvm::errs());
    return 2;
  }
  Arguments rest = arguments.drop_front();
  if (command == "compile")
    return compileMain(rest);
  if (command == "export")
    return exportMain(rest);
  if (command == "inspect")
    return inspectMain(rest);
  for (StringRef program : {"run", "chat", "ppl", "bench"})
    if (command == program)
      return programMain(command, rest);
  return llvm::make_error<UsageError>("unknown command '" + command +
                                      "'; tern --help lists them");
}

int main(int argc, char **argv) {
  static int anchor;
  executablePath = llvm::sys::fs::getMainExecutable(argv[0], &anchor);
  llvm::install_fatal_error_handler(endOnFatalError);
  // The linker that cc looks for, in an empty environment too.
  setenv("PATH", "/usr/local/bin:/usr/bin:/bin", /*overwrite=*/0);
  llvm::SmallVector<StringRef> arguments(argv + 1, argv + argc);
  Expected<int> status = dispatch(arguments);
  if (status)
    return *status;
  int failed = 1;
  std::vector<std::string> messages;
  llvm::handleAllErrors(status.takeError(),
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
