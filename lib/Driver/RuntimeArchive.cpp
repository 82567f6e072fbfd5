//===- RuntimeArchive.cpp - The runtime for another machine ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeArchive.h"

#include "Paths.h"

#include "tern/Artifact/Linker.h"
#include "tern/Artifact/TemporaryDirectory.h"
#include "tern/Cache/ProgramStore.h"
#include "tern/Driver/Compile.h"
#include "tern/Driver/ModelInput.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ThreadPool.h"

#include <mutex>
#include <unistd.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// Flags that CMake compiles the runtime with too.
static constexpr StringRef flagsFile = "flags.txt";

Expected<std::string> tern::runtimeSources(StringRef directory) {
  SmallString<128> path =
      llvm::sys::path::parent_path(libraryDirectory(directory));
  llvm::sys::path::append(path, "share", "tern", "runtime");
  if (fs::exists(inside(path, flagsFile)))
    return path.str().str();
  return failure("the runtime's sources in " + path +
                 " are missing; build or install all of tern");
}

/// All files below `folder`, by name.
static Expected<std::vector<std::string>> listFiles(StringRef folder) {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::recursive_directory_iterator at(folder, code), end;
       !code && at != end; at.increment(code))
    if (fs::is_regular_file(at->path()))
      files.push_back(at->path());
  if (code)
    return failure("cannot read the folder " + folder + ": " + code.message());
  llvm::sort(files);
  return files;
}

namespace {

/// An object of the archive. The program's main is one of its own, so that
/// libraries may have the others.
struct Part {
  StringRef object, folder;
};

} // namespace

static constexpr Part parts[] = {
    {"host.o", "host"},           {"command.o", "command"},
    {"engine.o", "engine"},       {"grammar.o", "grammar"},
    {"template.o", "template"},   {"core.o", "core"},
    {"tokenizer.o", "tokenizer"}, {"main.o", "host"}};
static constexpr StringRef mainFile = "main.c";

//===----------------------------------------------------------------------===//
// Name
//===----------------------------------------------------------------------===//

static Expected<std::string> archiveName(const Toolchain &toolchain,
                                         const llvm::Triple &triple,
                                         StringRef sources,
                                         FileHashes &hashes) {
  llvm::BLAKE3 hash;
  auto add = [&](StringRef text) {
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  };
  add(triple.str());
  for (const Part &part : parts)
    add(part.object);
  for (const std::string &flag : toolchain.flags)
    add(flag);
  for (StringRef name : {"COMPILER_PATH", "GCC_EXEC_PREFIX", "CPATH"})
    add(llvm::sys::Process::GetEnv(name).value_or(""));
  std::vector<std::string> files = {toolchain.compiler,
                                    inside(sources, flagsFile)};
  for (StringRef folder : {"src", "include"}) {
    Expected<std::vector<std::string>> listed =
        listFiles(inside(sources, folder));
    if (!listed)
      return listed.takeError();
    llvm::append_range(files, *listed);
  }
  for (const std::string &file : files) {
    Expected<ContentHash> contents = hashes.of(file);
    if (!contents)
      return contents.takeError();
    // Of a source it matters where it lies below the folder.
    StringRef place = file;
    if (place.consume_front(sources))
      add(place);
    add(toHex(*contents));
  }
  return "runtime_" + symbolOf(triple.str()) + "-" +
         StringRef(toHex(hash.final()))
             .take_front(ProgramStore::keyDigits)
             .str();
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

/// One object of the sources of a part, in sections of their own.
static Error compilePart(const Toolchain &toolchain, StringRef sources,
                         const Part &part, StringRef output) {
  std::vector<std::string> arguments = {"-std=c11",
                                        "-D_GNU_SOURCE",
                                        "-D_FILE_OFFSET_BITS=64",
                                        "-w",
                                        "@" + inside(sources, flagsFile),
                                        "-I" + inside(sources, "include"),
                                        "-nostdlib",
                                        "-r"};
  Expected<std::vector<std::string>> files =
      listFiles(inside(inside(sources, "src"), part.folder));
  if (!files)
    return files.takeError();
  for (const std::string &file : *files)
    if (StringRef(file).ends_with(".c") &&
        (llvm::sys::path::filename(file) == mainFile) ==
            (part.object == "main.o"))
      arguments.push_back(file);
  arguments.insert(arguments.end(), {"-o", output.str()});
  return toolchain.run(arguments, "compiling the runtime");
}

static Error writeArchive(llvm::ArrayRef<std::string> objects,
                          StringRef output) {
  std::vector<llvm::NewArchiveMember> members;
  for (const std::string &object : objects) {
    Expected<llvm::NewArchiveMember> member =
        llvm::NewArchiveMember::getFile(object, /*Deterministic=*/true);
    if (!member)
      return member.takeError();
    member->MemberName = llvm::sys::path::filename(member->MemberName);
    members.push_back(std::move(*member));
  }
  return llvm::writeArchive(output, members,
                            llvm::SymtabWritingMode::NormalSymtab,
                            llvm::object::Archive::K_GNU,
                            /*Deterministic=*/true, /*Thin=*/false);
}

static Error compileRuntime(Toolchain toolchain, StringRef sources,
                            StringRef output) {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::mutex mutex;
  if (toolchain.onCommand)
    toolchain.onCommand = [&, tell = toolchain.onCommand](StringRef command) {
      std::lock_guard<std::mutex> guard(mutex);
      tell(command);
    };
  std::vector<std::string> objects;
  Error failed = Error::success();
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency());
  for (const Part &part : parts) {
    objects.push_back(scratch->path(part.object));
    threads.async([&, object = objects.back()] {
      Error error = compilePart(toolchain, sources, part, object);
      std::lock_guard<std::mutex> guard(mutex);
      failed = llvm::joinErrors(std::move(failed), std::move(error));
    });
  }
  threads.wait();
  if (failed)
    return failed;
  return writeArchive(objects, output);
}

Expected<std::string> tern::runtimeArchive(const Toolchain &toolchain,
                                           const llvm::Triple &triple,
                                           StringRef sources, StringRef cache,
                                           StringRef spare,
                                           CompileListener &listener) {
  std::string words = "the runtime for " + triple.str();
  if (cache.empty()) {
    if (Error error = compileRuntime(toolchain, sources, spare))
      return std::move(error);
    return spare.str();
  }
  if (std::error_code code = fs::create_directories(cache))
    return failure("cannot make the cache directory " + cache + ": " +
                   code.message());
  ProgramStore store(cache, isProgram);
  Expected<std::string> name =
      archiveName(toolchain, triple, sources, store.hashes());
  if (!name)
    return name;
  if (std::string found = store.findPart(*name); !found.empty())
    return found;
  listener.message(MessageKind::Work, "compiling " + words);
  std::string staged = store.stagingPath(*name);
  llvm::sys::RemoveFileOnSignal(staged);
  llvm::scope_exit cleaning([&] {
    unlink(staged.c_str());
    llvm::sys::DontRemoveFileOnSignal(staged);
  });
  if (Error error = compileRuntime(toolchain, sources, staged))
    return std::move(error);
  return store.add(*name, staged, words + ", by " + toolchain.compiler);
}
