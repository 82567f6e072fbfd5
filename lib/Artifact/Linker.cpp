//===- Linker.cpp - Objects to programs -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Linker.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Linker
//===----------------------------------------------------------------------===//

/// ../lib of the running program.
static SmallString<128> libraryBesideProgram() {
  std::string program = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  SmallString<128> directory =
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(program));
  llvm::sys::path::append(directory, "lib");
  return directory;
}

Expected<Linker> Linker::create(StringRef libraryDirectory) {
  SmallString<128> directory(libraryDirectory);
  if (directory.empty())
    directory = libraryBesideProgram();
  for (StringRef library : {"libtern_host.a", "libtern_core.a"}) {
    SmallString<128> full = directory;
    llvm::sys::path::append(full, library);
    if (!llvm::sys::fs::exists(full))
      return failure("the runtime library " + full +
                     " is missing; build or "
                     "install all of tern");
  }
  Linker linker;
  linker.libraryDirectory = directory.str().str();
  return linker;
}

Expected<std::string> Linker::compiler() {
  if (std::optional<std::string> asked =
          llvm::sys::Process::GetEnv("TERN_CC")) {
    llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(*asked);
    if (!path)
      return failure("cannot find the C compiler " + *asked +
                     " that TERN_CC names");
    return *path;
  }
  if (llvm::sys::fs::can_execute(TERN_DEFAULT_CC))
    return std::string(TERN_DEFAULT_CC);
  for (StringRef name : {"cc", "gcc", "clang"})
    if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
      return *path;
  return failure("a program is linked by the system's C compiler, but there is "
                 "none; install gcc or set TERN_CC");
}

Expected<std::vector<std::string>> Linker::inputs(StringRef libraryDirectory) {
  Expected<Linker> linker = create(libraryDirectory);
  if (!linker)
    return linker.takeError();
  Expected<std::string> linking = compiler();
  if (!linking)
    return linking.takeError();
  return std::vector<std::string>{linker->libraryDirectory + "/libtern_host.a",
                                  linker->libraryDirectory + "/libtern_core.a",
                                  *linking};
}

/// The first line of a file that says something; a linker says much.
static std::string firstLine(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return "";
  StringRef text = (*buffer)->getBuffer();
  for (llvm::line_iterator line(**buffer); !line.is_at_end(); ++line)
    if (line->contains("error") || line->contains("undefined") ||
        line->contains("cannot"))
      return line->trim().str();
  return text.split('\n').first.trim().str();
}

Error Linker::run(ArrayRef<std::string> arguments) const {
  Expected<std::string> linking = compiler();
  if (!linking)
    return linking.takeError();
  llvm::SmallVector<StringRef> command = {*linking};
  command.append(arguments.begin(), arguments.end());
  if (onCommand)
    onCommand(llvm::join(command, " "));
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::string log = scratch->path("log"), reason;
  int status = llvm::sys::ExecuteAndWait(
      *linking, command, std::nullopt,
      {StringRef("/dev/null"), StringRef(log), StringRef(log)}, 0, 0, &reason);
  if (status == 0)
    return Error::success();
  if (reason.empty())
    reason = firstLine(log);
  return failure("linking with " + *linking + " failed: " + reason);
}

Error Linker::linkProgram(ArrayRef<std::string> objects, StringRef symbol,
                          bool isStatic, const TemporaryDirectory &scratch,
                          StringRef output) const {
  std::vector<std::string> arguments(objects.begin(), objects.end());
  if (isStatic) {
    arguments.push_back("-static-pie");
  } else {
    // A dynamic symbol: it survives strip, and tern inspect finds it.
    Expected<std::string> exports =
        scratch.write("exports", ("{ " + symbol + "; };\n").str());
    if (!exports)
      return exports.takeError();
    arguments.push_back("-Wl,--dynamic-list=" + *exports);
  }
  for (StringRef library : {"libtern_host.a", "libtern_core.a"})
    arguments.push_back(libraryDirectory + "/" + library.str());
  for (StringRef flag :
       {"-Wl,--gc-sections", "-Wl,--as-needed",
        "-Wl,-z,relro,-z,now,-z,noexecstack", "-lm", "-pthread"})
    arguments.push_back(flag.str());
  arguments.push_back("-o");
  arguments.push_back(output.str());
  return run(arguments);
}

Error Linker::linkShared(StringRef object, StringRef symbol,
                         const TemporaryDirectory &scratch,
                         StringRef output) const {
  Expected<std::string> exports = scratch.write(
      "exports", ("{ global: " + symbol + "; local: *; };\n").str());
  if (!exports)
    return exports.takeError();
  return run({"-shared", "-nostdlib", object.str(),
              "-Wl,--version-script=" + *exports, "-Wl,--gc-sections",
              "-Wl,-z,relro,-z,now,-z,noexecstack", "-lc", "-o", output.str()});
}
