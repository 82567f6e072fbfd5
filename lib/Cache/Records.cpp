//===- lib/Cache/Records.cpp - Small files in a cache ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Records.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace tern {

std::string readRecord(StringRef path) {
  int file =
      open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (file < 0)
    return "";
  struct stat status;
  std::string text(4096, '\0');
  ssize_t got = fstat(file, &status) == 0 && S_ISREG(status.st_mode)
                    ? read(file, text.data(), text.size())
                    : -1;
  close(file);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

bool writeRecord(StringRef path, StringRef text) {
  if (sys::fs::create_directories(sys::path::parent_path(path)))
    return false;
  SmallString<128> temporary;
  int file;
  if (sys::fs::createUniqueFile(path + ".tmp.%%%%%%", file, temporary))
    return false;
  ssize_t written = write(file, text.data(), text.size());
  bool done = close(file) == 0 && written == static_cast<ssize_t>(text.size());
  done = done && rename(temporary.c_str(), path.str().c_str()) == 0;
  if (!done)
    unlink(temporary.c_str());
  return done;
}

void touchRecord(StringRef path) {
  utimensat(AT_FDCWD, path.str().c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

std::vector<RecordFile> listRecords(StringRef directory,
                                    function_ref<bool(StringRef)> isName) {
  std::vector<RecordFile> records;
  std::error_code code;
  for (sys::fs::directory_iterator at(directory, code, false), end;
       !code && at != end; at.increment(code)) {
    struct stat status;
    if (isName(sys::path::filename(at->path())) &&
        lstat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode))
      records.push_back({at->path(), status.st_mtim.tv_sec * 1000000000 +
                                         status.st_mtim.tv_nsec});
  }
  sort(records, [](const RecordFile &a, const RecordFile &b) {
    return a.used > b.used;
  });
  return records;
}

bool isHexName(StringRef name, size_t digits) {
  return name.size() == digits && all_of(name, [](char c) {
           return isDigit(c) || (c >= 'a' && c <= 'f');
         });
}

StringRef finishedName(StringRef name) {
  constexpr StringRef mark = ".tmp.";
  constexpr size_t letters = 6;
  while (true) {
    auto [start, end] = name.rsplit(mark);
    if (end.size() != letters ||
        !all_of(end, [](char c) { return isAlnum(c); }) ||
        start.size() + mark.size() + letters != name.size())
      return name;
    name = start;
  }
}

} // namespace tern
