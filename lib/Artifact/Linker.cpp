//===- Linker.cpp - Objects to programs -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Linker.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

std::string tern::libraryDirectory(StringRef directory) {
  if (!directory.empty())
    return directory.str();
  std::string program = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  SmallString<128> beside =
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(program));
  llvm::sys::path::append(beside, "lib");
  return beside.str().str();
}

Expected<std::vector<std::string>> Linker::runtime(StringRef directory) {
  std::vector<std::string> libraries;
  for (StringRef library : {"libtern_host.a", "libtern_core.a"}) {
    SmallString<128> full(libraryDirectory(directory));
    llvm::sys::path::append(full, library);
    if (!llvm::sys::fs::exists(full))
      return llvm::createStringError("the runtime library " + full +
                                     " is missing; build or install all of "
                                     "tern");
    libraries.push_back(full.str().str());
  }
  return libraries;
}

Error Linker::linkProgram(ArrayRef<std::string> objects,
                          ArrayRef<std::string> libraries,
                          ArrayRef<std::string> symbols, Linkage linkage,
                          const TemporaryDirectory &scratch,
                          StringRef output) const {
  std::vector<std::string> arguments(objects.begin(), objects.end());
  if (linkage != Linkage::Dynamic) {
    arguments.push_back(linkage == Linkage::Static ? "-static" : "-static-pie");
  } else {
    // A dynamic symbol: it survives strip, and tern inspect finds it.
    Expected<std::string> exports =
        scratch.write("exports", "{ " + llvm::join(symbols, "; ") + "; };\n");
    if (!exports)
      return exports.takeError();
    arguments.push_back("-Wl,--dynamic-list=" + *exports);
  }
  for (const std::string &function : wanted)
    arguments.push_back("-Wl,-u," + function);
  arguments.insert(arguments.end(), libraries.begin(), libraries.end());
  for (StringRef flag :
       {"-Wl,--gc-sections", "-Wl,--as-needed",
        "-Wl,-z,relro,-z,now,-z,noexecstack", "-lm", "-pthread"})
    arguments.push_back(flag.str());
  arguments.push_back("-o");
  arguments.push_back(output.str());
  return toolchain.run(arguments);
}

Error Linker::linkShared(StringRef object, ArrayRef<std::string> symbols,
                         const TemporaryDirectory &scratch,
                         StringRef output) const {
  Expected<std::string> exports = scratch.write(
      "exports", "{ global: " + llvm::join(symbols, "; ") + "; local: *; };\n");
  if (!exports)
    return exports.takeError();
  return toolchain.run({"-shared", "-nostdlib", object.str(),
                        "-Wl,--version-script=" + *exports, "-Wl,--gc-sections",
                        "-Wl,-z,relro,-z,now,-z,noexecstack", "-lc", "-o",
                        output.str()});
}
