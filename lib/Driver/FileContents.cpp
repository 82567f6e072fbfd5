//===- FileContents.cpp - What a file seems to be -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FileContents.h"

#include "tern/Import/StandIns.h"
#include "tern/artifact.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static const char *describeMode(mode_t mode) {
  if (S_ISDIR(mode))
    return "a folder";
  if (S_ISFIFO(mode))
    return "a pipe";
  if (S_ISSOCK(mode))
    return "a socket";
  return "a device";
}

Expected<std::string> tern::readStart(StringRef path, size_t bytes) {
  auto fail = [&](int code) {
    return llvm::createStringError("cannot read " + path + ": " +
                                   std::strerror(code));
  };
  // Without O_NONBLOCK a pipe would be waited for.
  int file = open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return fail(errno);
  struct stat status;
  std::string start(bytes, '\0');
  size_t size = 0;
  int code = fstat(file, &status) == 0 ? 0 : errno;
  while (code == 0 && S_ISREG(status.st_mode) && size < bytes) {
    ssize_t got = read(file, start.data() + size, bytes - size);
    if (got == 0)
      break;
    if (got > 0)
      size += static_cast<size_t>(got);
    else if (errno != EINTR)
      code = errno;
  }
  close(file);
  if (code != 0)
    return fail(code);
  if (!S_ISREG(status.st_mode))
    return llvm::createStringError(
        path + " is " + describeMode(status.st_mode) + ", not a file");
  start.resize(size);
  return start;
}

bool tern::startsAsGguf(StringRef start) { return start.starts_with("GGUF"); }

bool tern::startsAsArtifact(StringRef start) {
  return start.starts_with(TERN_ARTIFACT_MAGIC);
}

bool tern::startsAsElf(StringRef start) {
  return start.starts_with("\x7f"
                           "ELF");
}

bool tern::startsAsArchive(StringRef start) {
  return start.starts_with("!<arch>\n");
}

bool tern::startsAsSafetensors(StringRef start) {
  return start.size() > 9 && start[8] == '{' &&
         start.substr(5, 3) == StringRef("\0\0\0", 3);
}

/// True if no byte of it is one that text has not. A character may be cut off
/// at the end.
static bool isText(StringRef start) {
  if (start.empty() || start.contains('\0'))
    return false;
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(start.begin());
  const auto *end = reinterpret_cast<const llvm::UTF8 *>(start.end());
  return llvm::isLegalUTF8String(&at, end) || end - at < 4;
}

bool tern::startsAsIr(StringRef start) {
  if (start.starts_with("ML\xefR"))
    return true;
  if (!isText(start))
    return false;
  // Aliases, comments and locations may come first.
  llvm::SmallVector<StringRef> lines;
  start.split(lines, '\n');
  return llvm::any_of(lines, [](StringRef line) {
    line = line.ltrim();
    return line.starts_with("module ") || line.starts_with("builtin.module") ||
           line.starts_with("\"builtin.module\"") || line.contains("#tern.");
  });
}

namespace {
struct Signature {
  StringRef start;
  const char *words;
};
} // namespace

/// Formats that recognizeStandIn does not know, since nothing leaves them in
/// the place of a checkpoint's file.
static constexpr Signature signatures[] = {
    {"#!", "a script"},
    {"!<arch>\n", "an archive of objects"},
    {"BC\xc0\xde", "LLVM bitcode"},
    {"FUGG",
     "a big-endian GGUF file; llama.cpp's gguf_convert_endian.py makes a "
     "little-endian one of it"},
    {"\xcf\xfa\xed\xfe", "a file of macOS (Mach-O)"},
};

std::string tern::describeContents(StringRef start, uint64_t fileBytes) {
  for (const Signature &signature : signatures)
    if (start.starts_with(signature.start))
      return signature.words;
  if (startsAsElf(start))
    return "a program, library or object in which tern put no model";
  if (startsAsSafetensors(start))
    return "a safetensors file, one of the files of a checkpoint";
  std::string other = recognizeStandIn(start, fileBytes, FileRole::Gguf);
  StringRef words = other;
  if (words.consume_front("this is ") || words.consume_front("the file is "))
    return words.str();
  if (!isText(start))
    return "no format that tern knows";
  if (start.starts_with("; ModuleID") || start.contains("\ntarget triple"))
    return "LLVM IR as text";
  return "text";
}
