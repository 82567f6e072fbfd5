//===- Run.cpp - tern run, chat, ppl and bench ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles into a cache and becomes the program that is there. Inputs of the
// same program have the same name in the cache, so nothing in it is ever stale.
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Compilation.h"
#include "ProgramFlags.h"

#include "tern/Artifact/TargetSelection.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/SHA256.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

static Expected<std::string> cacheDirectory() {
  SmallString<128> path;
  if (auto xdg = llvm::sys::Process::GetEnv("XDG_CACHE_HOME");
      xdg && llvm::sys::path::is_absolute(*xdg))
    path = *xdg;
  else if (llvm::sys::path::home_directory(path))
    llvm::sys::path::append(path, ".cache");
  else
    return failure(
        "there is no home directory to cache compiled models in; set "
        "XDG_CACHE_HOME");
  llvm::sys::path::append(path, "tern");
  if (std::error_code code = llvm::sys::fs::create_directories(path))
    return failure("cannot make the cache directory " + path + ": " +
                   code.message());
  return path.str().str();
}

namespace {

/// Everything that decides the bytes of a program.
class CacheKey {
public:
  void add(StringRef text) {
    hash.update(text);
    hash.update(StringRef("\0", 1));
  }

  /// A file's name, size and time; not what is in it.
  Error addFile(StringRef path) {
    llvm::sys::fs::file_status status;
    if (std::error_code code = llvm::sys::fs::status(path, status))
      return failure("cannot read " + path + ": " + code.message());
    add(llvm::sys::path::filename(path));
    add(llvm::utostr(status.getSize()));
    add(llvm::itostr(
        status.getLastModificationTime().time_since_epoch().count()));
    return Error::success();
  }

  Error addContents(StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      return failure("cannot read " + path + ": " +
                     buffer.getError().message());
    add((*buffer)->getBuffer());
    return Error::success();
  }

  std::string take() {
    std::array<uint8_t, 32> digest = hash.final();
    return llvm::toHex(llvm::ArrayRef<uint8_t>(digest).take_front(12), true);
  }

private:
  llvm::SHA256 hash;
};

} // namespace

/// All files of a checkpoint, in the order of their names.
static Expected<std::vector<std::string>> listFiles(StringRef directory) {
  if (llvm::sys::fs::is_regular_file(directory))
    return std::vector<std::string>{directory.str()}; // a GGUF file
  std::vector<std::string> files;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator entry(directory, code), end;
       entry != end && !code; entry.increment(code))
    if (llvm::sys::fs::is_regular_file(entry->path()))
      files.push_back(entry->path());
  if (code)
    return failure("cannot read the directory " + directory + ": " +
                   code.message());
  llvm::sort(files);
  return files;
}

static Expected<std::string> makeKey(StringRef model, const ModelFlags &flags) {
  CacheKey key;
  if (Error error = key.addFile(thisExecutable()))
    return std::move(error);
  // A cache may be shared by machines: "native" is not the same on all of them.
  mlir::MLIRContext context;
  Expected<TargetAttr> target = selectTarget(&context, flags.target, flags.cpu);
  if (!target)
    return target.takeError();
  key.add(target->getTriple());
  key.add(target->getCpu());
  key.add(target->getFeatures());
  key.add(flags.describe());
  if (llvm::sys::fs::exists(flags.activations))
    if (Error error = key.addContents(flags.activations))
      return std::move(error);
  Expected<std::vector<std::string>> files = listFiles(model);
  if (!files)
    return files.takeError();
  for (const std::string &file : *files) {
    if (Error error = key.addFile(file))
      return std::move(error);
    if (StringRef(file).ends_with("config.json"))
      if (Error error = key.addContents(file))
        return std::move(error);
  }
  return key.take();
}

/// The program of a checkpoint, compiled unless it is in the cache.
static Expected<std::string> findProgram(StringRef model,
                                         const ModelFlags &flags) {
  Expected<std::string> directory = cacheDirectory();
  if (!directory)
    return directory.takeError();
  Expected<std::string> key = makeKey(model, flags);
  if (!key)
    return key.takeError();
  SmallString<128> real;
  if (llvm::sys::fs::real_path(model, real))
    real = model;
  std::string name = symbolName(real);
  SmallString<128> program(*directory);
  llvm::sys::path::append(program, name + "-" + *key);
  if (llvm::sys::fs::can_execute(program))
    return program.str().str();
  if (llvm::sys::Process::StandardErrHasColors() ||
      llvm::sys::Process::StandardErrIsDisplayed())
    llvm::errs() << "tern: compiling " << model << "\n";
  CompileFlags compilation;
  compilation.model = flags;
  compilation.input = model.str();
  compilation.output = program.str().str();
  compilation.name = name;
  if (Error error = compile(compilation))
    return std::move(error);
  return program.str().str();
}

//===----------------------------------------------------------------------===//
// The commands
//===----------------------------------------------------------------------===//

/// Replaces this process; only returns if that fails.
static Error become(StringRef program, StringRef command,
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
  return failure("cannot run " + program + ": " + std::strerror(errno));
}

namespace {

/// A command line of run, chat, ppl or bench: flags of the compiler are read,
/// the model is found, the rest is the program's.
struct ProgramArguments {
  explicit ProgramArguments(StringRef command)
      : table((command + " MODEL [flags]").str(),
              "Compiles MODEL, a checkpoint, into a cache (~/.cache/tern) "
              "unless it is there,\nand runs it. MODEL may also be a program "
              "that tern compile made.") {
    table.addPositional("-m, --model", "MODEL");
    table.addHeading("Flags of the compiler");
    flags.addTo(table);
    table.addHeading("Flags of the program");
    program.addTo(table, command);
  }
  ProgramArguments(const ProgramArguments &) = delete;

  OptionTable table;
  ModelFlags flags;
  ProgramFlags program;
};

} // namespace

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
  if (llvm::sys::fs::is_directory(model) ||
      StringRef(model).ends_with(".gguf")) {
    Expected<std::string> program = findProgram(model, parsed.flags);
    if (!program)
      return program.takeError();
    return become(*program, command, parsed.program.given);
  }
  if (!llvm::sys::fs::exists(model))
    return failure("there is no model " + model);
  if (!parsed.flags.describe().empty())
    return llvm::make_error<UsageError>(
        model +
        " is compiled already, so flags of the compiler change nothing");
  return become(model, command, parsed.program.given);
}
