//===- Run.cpp - tern run, chat, ppl and bench ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles into a cache (Cache.h) and becomes the program that is there.
//
//===----------------------------------------------------------------------===//

#include "Cache.h"
#include "Commands.h"
#include "Console.h"
#include "ProgramFlags.h"
#include "Tune.h"

#include "tern/Artifact/InputFiles.h"

#include "llvm/Support/FileSystem.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// Replaces this process; only returns if that fails, with why.
static int become(StringRef program, StringRef command,
                  llvm::ArrayRef<std::string> arguments) {
  // argv[0] is what the program calls itself in its messages.
  std::vector<std::string> strings = {"tern", command.str()};
  strings.insert(strings.end(), arguments.begin(), arguments.end());
  std::vector<char *> pointers;
  for (std::string &string : strings)
    pointers.push_back(string.data());
  pointers.push_back(nullptr);
  llvm::outs().flush();
  execv(program.str().c_str(), pointers.data());
  return errno;
}

static Error cannotRun(StringRef program, int code) {
  if (code == EACCES && !llvm::sys::fs::can_execute(program))
    return failure("cannot run " + program +
                   ": it is not marked as executable; chmod +x does that");
  if (code == ENOEXEC || code == EINVAL)
    return failure("cannot run " + program +
                   ": it was made for another machine than this one");
  return failure("cannot run " + program + ": " + std::strerror(code));
}

/// Runs a checkpoint's program, which another process may remove from the cache
/// before it starts.
static Error runCached(const ModelInput &model, const ModelFlags &flags,
                       StringRef command,
                       llvm::ArrayRef<std::string> arguments) {
  for (int attempt = 0;; ++attempt) {
    Expected<std::string> program = findOrCompile(model, flags);
    if (!program)
      return program.takeError();
    int code = become(*program, command, arguments);
    if (code != ENOENT || attempt == 2)
      return cannotRun(*program, code);
  }
}

namespace {

/// A command line of run, chat, ppl or bench: flags of the compiler are read,
/// the model is found, the rest is the program's.
struct ProgramArguments {
  explicit ProgramArguments(StringRef command)
      : table((command + " MODEL [flags]").str(),
              "Compiles MODEL, a checkpoint, into a cache (tern cache path) "
              "unless it is there,\nand runs it. MODEL may also be a program "
              "that tern compile made.") {
    table.addPositional("-m, --model", "MODEL");
    table.addHeading("Flags of the compiler");
    flags.addTo(table);
    if (command == "bench")
      table.addSwitch("--kernels",
                      "all ways to compute each product, alone, as tern tune "
                      "measures them, instead",
                      kernels);
    table.addHeading("Flags of the program");
    program.addTo(table, command);
  }
  ProgramArguments(const ProgramArguments &) = delete;

  OptionTable table;
  ModelFlags flags;
  ProgramFlags program;
  bool kernels = false;
};

} // namespace

/// Of a program's products nothing is known but their names.
static Error benchKernels(const ModelInput &model, const ModelFlags &flags,
                          const ProgramFlags &program) {
  if (!model.isCheckpoint())
    return llvm::make_error<UsageError>("--kernels needs the checkpoint that " +
                                        model.path + " was made of");
  Expected<ModelOptions> options = flags.options();
  if (!options)
    return options.takeError();
  options->import.name = symbolOf(model.name);
  Console console(/*progress=*/true, /*verbose=*/false);
  Expected<std::vector<unsigned>> threads = program.getThreads();
  if (!threads)
    return threads.takeError();
  if (threads->empty())
    threads->push_back(0);
  TuneEffort effort;
  effort.rounds = program.getRepetitions().value_or(effort.rounds);
  for (unsigned count : *threads) {
    effort.threads = count;
    if (Error error = measureKernels(*options, model.path, effort,
                                     /*keeps=*/false, console, llvm::outs()))
      return error;
  }
  return Error::success();
}

void tern::describeProgram(StringRef command, TableReader read) {
  read(ProgramArguments(command).table);
}

Expected<int> tern::programMain(StringRef command, Arguments arguments) {
  command = programCommand(command, arguments);
  ProgramArguments parsed(command);
  std::vector<std::string> inputs;
  if (Error error = parsed.table.parse(arguments, inputs))
    return std::move(error);
  if (parsed.program.help) {
    parsed.table.printHelp(llvm::outs());
    return 0;
  }
  if (inputs.size() > 1)
    return llvm::make_error<UsageError>("unexpected '" + inputs[1] +
                                        "'; tern " + command +
                                        " --help lists the flags");
  if (inputs.empty())
    return llvm::make_error<UsageError>(
        "tern " + command + " needs a MODEL; see tern " + command + " --help");
  if (Error error = parsed.program.check(command))
    return std::move(error);
  const std::string &model = inputs.front();
  Expected<ModelInput> input = identifyModel(model);
  if (!input)
    return input.takeError();
  // The program does not know the model it was made of, whose files it must not
  // write over.
  InputFiles inputFiles;
  inputFiles.addModel(input->path);
  if (Error error = parsed.program.checkOutputs(command, inputFiles))
    return std::move(error);
  if (parsed.kernels) {
    if (Error error = benchKernels(*input, parsed.flags, parsed.program))
      return std::move(error);
    return 0;
  }
  if (input->isCheckpoint())
    return runCached(*input, parsed.flags, command, parsed.program.given);
  if (input->kind == ModelKind::Weights)
    return failure(model +
                   " holds weights alone; a program takes them with "
                   "--weights " +
                   model);
  if (input->kind == ModelKind::Library)
    return failure(model + " is a library or object, which cannot be run; "
                           "tern compile makes a program of a checkpoint");
  if (input->kind == ModelKind::Ir)
    return failure(model + " is IR, which cannot be run; tern compile "
                           "--compile-from=PHASE goes on from it");
  if (!input->damage.empty())
    return failure(input->damage);
  if (parsed.flags.areGiven())
    return llvm::make_error<UsageError>(
        model +
        " is compiled already, so flags of the compiler change nothing");
  // execv looks for no program without a slash in the folders of PATH.
  return cannotRun(model, become(model, command, parsed.program.given));
}
