//===- InputFiles.cpp - Files that are read -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/InputFiles.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <unistd.h>

using namespace llvm;

namespace tern {

static bool isSameFile(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool isSameVersion(const struct stat &a, const struct stat &b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

void InputFiles::add(StringRef path, bool holdsWeights) {
  Input file{path.str(), {}, holdsWeights};
  int result = path == "-" ? fstat(STDIN_FILENO, &file.status)
                           : stat(file.path.c_str(), &file.status);
  if (result == 0 && S_ISREG(file.status.st_mode))
    inputs.push_back(std::move(file));
}

void InputFiles::addModel(StringRef model) {
  if (!sys::fs::is_directory(model))
    return add(model, /*holdsWeights=*/model != "-");
  static constexpr StringRef weights[] = {".safetensors", ".gguf"};
  static constexpr StringRef others[] = {".json", ".model", ".jinja", ".txt",
                                         ".bin",  ".pt",    ".pth"};
  std::error_code code;
  for (sys::fs::directory_iterator entry(model, code), end;
       entry != end && !code; entry.increment(code)) {
    StringRef suffix = sys::path::extension(entry->path());
    bool holdsWeights = is_contained(weights, suffix);
    if (holdsWeights || is_contained(others, suffix))
      add(entry->path(), holdsWeights);
  }
}

Error InputFiles::checkIsNone(StringRef path) const {
  struct stat status;
  if (stat(path.str().c_str(), &status) != 0)
    return Error::success();
  for (const Input &input : inputs)
    if (isSameFile(input.status, status))
      return createStringError("cannot write " + path + ": it is " +
                               (path == input.path ? "a file that is read"
                                : input.path == "-"
                                    ? "standard input"
                                    : input.path + ", which is read"));
  return Error::success();
}

Error InputFiles::checkAreUnchanged() const {
  for (const Input &input : inputs) {
    struct stat status;
    // One that was removed or replaced is still whole for whoever has it open.
    if (!input.holdsWeights || stat(input.path.c_str(), &status) != 0 ||
        !isSameFile(input.status, status) ||
        isSameVersion(input.status, status))
      continue;
    return createStringError(input.path + ": changed while it was read");
  }
  return Error::success();
}

} // namespace tern
