//===- lib/Artifact/AtomicFile.cpp - A file that appears whole ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/AtomicFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace llvm;

namespace tern {

Error AtomicFile::error(int code) const {
  return createStringError(std::error_code(code, std::generic_category()),
                           "cannot write " + name + ": " + strerror(code));
}

/// Six letters and digits.
static std::string randomSuffix() {
  static constexpr char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string suffix;
  for (int i = 0; i < 6; ++i)
    suffix += alphabet[random() % (sizeof alphabet - 1)];
  return suffix;
}

/// The path that `path` leads to, also through a link to no file yet.
static std::string followLinks(std::string path) {
  // As many as Linux follows; more are refused before.
  for (int links = 0; links < 40; ++links) {
    char target[PATH_MAX];
    ssize_t size = readlink(path.c_str(), target, sizeof target);
    if (size < 0)
      break;
    StringRef to(target, static_cast<size_t>(size));
    SmallString<256> next;
    if (sys::path::is_relative(to))
      next = sys::path::parent_path(path);
    sys::path::append(next, to);
    path = next.str().str();
  }
  return path;
}

Error AtomicFile::check(StringRef path, const InputFiles &inputs) {
  // Renaming over a device or a directory is never what was meant.
  struct stat status;
  bool exists = stat(path.str().c_str(), &status) == 0;
  if (!exists && errno == ELOOP)
    return createStringError("cannot write " + path + ": " + strerror(ELOOP));
  if (exists && !S_ISREG(status.st_mode))
    return createStringError("cannot write " + path +
                             ": it exists and is not a regular file");
  return inputs.checkIsNone(path);
}

Expected<std::unique_ptr<AtomicFile>>
AtomicFile::create(StringRef path, InputFiles inputs, bool executable) {
  if (Error error = check(path, inputs))
    return std::move(error);
  std::unique_ptr<AtomicFile> file(new AtomicFile);
  file->name = path.str();
  file->inputs = std::move(inputs);
  file->destination = followLinks(file->name);
  do {
    file->temporary = file->destination + ".tmp." + randomSuffix();
    // Not mkstemp, which ignores the umask.
    file->fd =
        open(file->temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
             executable ? 0777 : 0666);
  } while (file->fd < 0 && errno == EEXIST);
  if (file->fd < 0)
    return file->error(errno);
  sys::RemoveFileOnSignal(file->temporary);
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd < 0)
    return;
  close(fd);
  unlink(temporary.c_str());
  sys::DontRemoveFileOnSignal(temporary);
}

void AtomicFile::growInLargePieces(uint64_t from, uint64_t to) {
  pieceAt = alignTo(from, growth);
  growEnd = alignDown(to, growth);
}

Error AtomicFile::writeAt(uint64_t offset, ArrayRef<uint8_t> bytes) {
  while (!bytes.empty()) {
    // Bytes before the piece that is gathered, or behind all pieces.
    bool isBefore = offset < pieceAt;
    if (isBefore || offset >= growEnd) {
      size_t now = isBefore ? std::min<uint64_t>(bytes.size(), pieceAt - offset)
                            : bytes.size();
      if (Error error = writeNow(offset, bytes.take_front(now)))
        return error;
      bytes = bytes.drop_front(now);
      offset += now;
    } else if (Error error = gather(offset, bytes)) {
      return error;
    }
    end = std::max(end, offset);
  }
  return Error::success();
}

/// Takes as much as belongs to one piece.
Error AtomicFile::gather(uint64_t &offset, ArrayRef<uint8_t> &bytes) {
  if (offset >= pieceAt + growth) {
    if (Error error = flush())
      return error;
    pieceAt = alignDown(offset, growth);
  }
  piece.resize(growth);
  size_t now = std::min<uint64_t>(bytes.size(), pieceAt + growth - offset);
  std::copy_n(bytes.begin(), now, piece.begin() + (offset - pieceAt));
  bytes = bytes.drop_front(now);
  offset += now;
  return Error::success();
}

/// Writes the piece. Bytes that come for it later are written at once.
Error AtomicFile::flush() {
  if (piece.empty())
    return Error::success();
  uint64_t at = pieceAt;
  pieceAt += growth;
  Error error = writeNow(at, piece);
  piece.clear();
  return error;
}

Error AtomicFile::writeNow(uint64_t offset, ArrayRef<uint8_t> bytes) {
  while (!bytes.empty()) {
    size_t now = std::min<size_t>(bytes.size(), size_t(1) << 30);
    ssize_t written = pwrite(fd, bytes.data(), now, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return error(written < 0 ? errno : EIO);
    bytes = bytes.drop_front(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return Error::success();
}

Error AtomicFile::writeAt(uint64_t offset, StringRef bytes) {
  return writeAt(offset, ArrayRef<uint8_t>(bytes.bytes_begin(), bytes.size()));
}

Error AtomicFile::readAt(uint64_t offset, MutableArrayRef<uint8_t> bytes) {
  if (Error error = flush())
    return error;
  while (!bytes.empty()) {
    size_t now = std::min<size_t>(bytes.size(), size_t(1) << 30);
    ssize_t read = pread(fd, bytes.data(), now, static_cast<off_t>(offset));
    if (read < 0 && errno == EINTR)
      continue;
    if (read <= 0)
      return error(read < 0 ? errno : EIO);
    bytes = bytes.drop_front(static_cast<size_t>(read));
    offset += static_cast<uint64_t>(read);
  }
  return Error::success();
}

Error AtomicFile::pad(uint64_t size) {
  if (Error error = flush())
    return error;
  if (size <= end)
    return Error::success();
  if (ftruncate(fd, static_cast<off_t>(size)) != 0)
    return error(errno);
  end = size;
  return Error::success();
}

/// So that the new name survives a crash; a file system that cannot is no
/// reason to fail.
static void syncDirectoryOf(StringRef path) {
  SmallString<128> directory(sys::path::parent_path(path));
  if (directory.empty())
    directory = ".";
  int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  fsync(fd);
  close(fd);
}

Error AtomicFile::commit() {
  if (Error error = inputs.checkAreUnchanged())
    return error;
  if (Error error = flush())
    return error;
  // Some file systems report a full disk only now.
  if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
    return error(errno);
  if (rename(temporary.c_str(), destination.c_str()) != 0)
    return error(errno);
  int finished = fd;
  fd = -1;
  sys::DontRemoveFileOnSignal(temporary);
  if (close(finished) != 0)
    return error(errno);
  syncDirectoryOf(destination);
  return Error::success();
}

} // namespace tern
