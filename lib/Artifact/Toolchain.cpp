//===- Toolchain.cpp - The C compiler of a machine ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Toolchain.h"

#include "tern/Artifact/Children.h"
#include "tern/Artifact/TemporaryDirectory.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Triple;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Which
//===----------------------------------------------------------------------===//

namespace {

/// Of Debian, for programs of an architecture: gcc-PACKAGE, libc6-dev-LIBC.
struct Packages {
  Triple::ArchType arch;
  StringRef compiler, library;
};

constexpr Packages packages[] = {
    {Triple::aarch64, "aarch64-linux-gnu", "arm64"},
    {Triple::riscv64, "riscv64-linux-gnu", "riscv64"},
    {Triple::ppc64le, "powerpc64le-linux-gnu", "ppc64el"},
    {Triple::mips64el, "mips64el-linux-gnuabi64", "mips64el"},
    {Triple::arm, "arm-linux-gnueabihf", "armhf"},
    {Triple::x86_64, "x86-64-linux-gnu", "amd64"},
};

} // namespace

/// "install ... or name a C compiler"
static std::string advice(const Triple &triple) {
  for (const Packages &known : packages)
    if (known.arch == triple.getArch())
      return ("install gcc-" + known.compiler + " and libc6-dev-" +
              known.library +
              "-cross (Debian's names), or name a C compiler with --cc and the "
              "folder of its C library with --sysroot")
          .str();
  return "name a C compiler for it with --cc and the folder of its C library "
         "with --sysroot";
}

bool Toolchain::isNative(const Triple &triple) {
  Triple host(Triple::normalize(llvm::sys::getDefaultTargetTriple()));
  return triple.getArch() == host.getArch() && triple.getOS() == host.getOS();
}

static Expected<std::string> findNamed(StringRef name, StringRef by) {
  if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
    return *path;
  return failure("cannot find the C compiler " + name + " that " + by +
                 " names");
}

static Expected<std::string> findNative() {
  if (llvm::sys::fs::can_execute(TERN_DEFAULT_CC))
    return std::string(TERN_DEFAULT_CC);
  for (StringRef name : {"cc", "gcc", "clang"})
    if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
      return *path;
  return failure("a program is linked by the system's C compiler, but there is "
                 "none; install gcc or set TERN_CC");
}

/// Cross compilers are named after triples, with a vendor or without.
static Expected<std::string> findForeign(const Triple &triple) {
  std::string system = ("-" + triple.getOSName()).str();
  if (triple.hasEnvironment())
    system += "-" + triple.getEnvironmentName().str();
  std::string shortest =
      (Triple::getArchTypeName(triple.getArch()) + system).str();
  for (const std::string &name :
       {triple.str() + "-gcc", triple.getArchName().str() + system + "-gcc",
        shortest + "-gcc", std::string("clang")})
    if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
      return *path;
  return failure("cannot find a C compiler that links for " + triple.str() +
                 ", neither " + shortest + "-gcc nor clang; " + advice(triple));
}

Expected<Toolchain> Toolchain::find(const Triple &triple,
                                    const ToolchainChoice &choice) {
  Toolchain found;
  std::optional<std::string> variable = llvm::sys::Process::GetEnv("TERN_CC");
  bool native = isNative(triple);
  Expected<std::string> path = !choice.compiler.empty()
                                   ? findNamed(choice.compiler, "--cc")
                               : variable ? findNamed(*variable, "TERN_CC")
                               : native   ? findNative()
                                          : findForeign(triple);
  if (!path)
    return path.takeError();
  found.compiler = *path;
  if (!native && llvm::sys::path::filename(*path).starts_with("clang")) {
    found.flags.push_back("--target=" + triple.str());
    // The system's own linker knows one machine.
    if (llvm::sys::findProgramByName("ld.lld"))
      found.flags.push_back("-fuse-ld=lld");
  }
  if (!choice.sysroot.empty()) {
    if (!llvm::sys::fs::is_directory(choice.sysroot))
      return failure("--sysroot: there is no folder " + choice.sysroot);
    found.flags.push_back("--sysroot=" + choice.sysroot);
  }
  return found;
}

//===----------------------------------------------------------------------===//
// At work
//===----------------------------------------------------------------------===//

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

Error Toolchain::run(llvm::ArrayRef<std::string> arguments,
                     StringRef work) const {
  llvm::SmallVector<StringRef> command = {compiler};
  command.append(flags.begin(), flags.end());
  command.append(arguments.begin(), arguments.end());
  if (onCommand)
    onCommand(llvm::join(command, " "));
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::string log = scratch->path("log"), reason;
  int status =
      runChild(compiler, command,
               {StringRef("/dev/null"), StringRef(log), StringRef(log)},
               std::nullopt, reason);
  if (status == 0)
    return Error::success();
  if (reason.empty())
    reason = firstLine(log);
  return failure(work + " with " + compiler + " failed: " + reason);
}

static Error checkArchitecture(StringRef path, StringRef compiler,
                               const Triple &triple) {
  auto file = llvm::object::ObjectFile::createObjectFile(path);
  if (!file)
    return file.takeError();
  Triple::ArchType arch = file->getBinary()->getArch();
  if (arch == triple.getArch())
    return Error::success();
  return failure("the C compiler " + compiler + " links for " +
                 Triple::getArchTypeName(arch) + ", not for " + triple.str());
}

Error Toolchain::check(const Triple &triple, bool program) const {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<std::string> source = scratch->write(
      "probe.c", program ? "#include <pthread.h>\n#include <stdio.h>\n"
                           "int main(void) { return puts(\"\") < 0; }\n"
                         : "int probe(void) { return 0; }\n");
  if (!source)
    return source.takeError();
  std::string output = scratch->path("probe");
  std::vector<std::string> arguments = {*source, "-o", output};
  if (program)
    arguments.insert(arguments.end(), {"-static", "-pthread", "-lm"});
  else
    arguments.insert(arguments.end(), {"-shared", "-nostdlib", "-lc"});
  if (Error error = run(arguments))
    return failure("cannot link for " + triple.str() + " (" +
                   llvm::toString(std::move(error)) + "); " + advice(triple));
  return checkArchitecture(output, compiler, triple);
}
