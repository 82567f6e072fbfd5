//===- TemporaryDirectory.cpp - Files on the way to the output ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/TemporaryDirectory.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
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
// Signals: a handler may neither allocate nor read a directory
//===----------------------------------------------------------------------===//

/// Directories that are there, and the files that may be in them. More than
/// there are at a time are not remembered.
static std::atomic<char *> paths[32];

static bool isIn(StringRef path, StringRef directory) {
  return path.consume_front(directory) &&
         (path.empty() || llvm::sys::path::is_separator(path.front()));
}

static void remember(StringRef path) {
  for (const std::atomic<char *> &known : paths)
    if (const char *name = known; name && path == name)
      return;
  char *copy = strdup(path.str().c_str());
  for (std::atomic<char *> &free : paths)
    if (char *none = nullptr; free.compare_exchange_strong(none, copy))
      return;
}

/// A name is not given back: a handler may be reading it.
static void forget(StringRef directory) {
  for (std::atomic<char *> &path : paths)
    if (const char *name = path; name && isIn(name, directory))
      path = nullptr;
}

//===----------------------------------------------------------------------===//
// TemporaryDirectory
//===----------------------------------------------------------------------===//

Expected<TemporaryDirectory> TemporaryDirectory::create() {
  TemporaryDirectory made;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("tern", made.directory))
    return failure("cannot make a temporary directory: " + code.message());
  remember(made.directory);
  return made;
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory &&other)
    : directory(other.directory) {
  other.directory.clear();
}

TemporaryDirectory::~TemporaryDirectory() {
  if (directory.empty())
    return;
  llvm::sys::fs::remove_directories(directory);
  forget(directory);
}

void TemporaryDirectory::removeAll() {
  for (const std::atomic<char *> &path : paths)
    if (const char *name = path)
      unlink(name);
  for (const std::atomic<char *> &path : paths)
    if (const char *name = path)
      rmdir(name);
}

std::string TemporaryDirectory::path(StringRef file) const {
  SmallString<128> full(directory);
  llvm::sys::path::append(full, file);
  remember(full);
  return full.str().str();
}

Expected<std::string> TemporaryDirectory::write(StringRef file,
                                                StringRef contents) const {
  std::string full = path(file);
  std::error_code code;
  llvm::raw_fd_ostream stream(full, code);
  if (!code) {
    stream << contents;
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  if (code)
    return failure("cannot write " + full + ": " + code.message());
  return full;
}
