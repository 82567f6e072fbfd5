//===- Version.cpp - tern --version ---------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "tern/Artifact/Linker.h"
#include "tern/host.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::StringRef;

/// All that this LLVM makes code for.
static constexpr StringRef llvmTargets[] = {
#define LLVM_TARGET(name) #name,
#include "llvm/Config/Targets.def"
};

/// The commit that the build wrote down beside the program; "unknown" for a
/// program that was copied without its folders.
static std::string readCommit() {
  llvm::SmallString<128> path =
      llvm::sys::path::parent_path(libraryDirectory(/*directory=*/""));
  llvm::sys::path::append(path, "share", "tern", "commit.txt");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(path);
  return file ? (*file)->getBuffer().trim().str() : "unknown";
}

void tern::printVersion(llvm::raw_ostream &stream) {
  stream << "tern " TERN_VERSION_TEXT ", LLVM " LLVM_VERSION_STRING "\n"
         << "commit: " << readCommit() << "\n"
         << "built by: " TERN_BUILT_BY "\n"
         << "LLVM's targets: " << llvm::join(llvm::ArrayRef(llvmTargets), ", ")
         << "\n";
}
