//===- lib/Cache/FileHashes.cpp - Contents of files -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Cache/FileHashes.h"

#include "Records.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <vector>

using namespace llvm;

namespace tern {

std::string toHex(const ContentHash &hash) {
  return llvm::toHex(ArrayRef<uint8_t>(hash), /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Error readError(StringRef path, int code) {
  return createStringError("cannot read " + path + ": " + strerror(code));
}

/// Bytes read at once. Not mapped: a file that shrinks would end the process.
static constexpr size_t chunkBytes = 1 << 20;

/// Adds `bytes` from `offset` or, at the end of the file, fewer.
static Error addBytes(BLAKE3 &hash, int file, uint64_t offset, uint64_t bytes,
                      MutableArrayRef<uint8_t> chunk, StringRef path) {
  while (bytes > 0) {
    size_t now = std::min<uint64_t>(bytes, chunk.size());
    ssize_t got = pread(file, chunk.data(), now, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return readError(path, errno);
    if (got == 0)
      return Error::success();
    hash.update(chunk.take_front(static_cast<size_t>(got)));
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return Error::success();
}

/// Pages at even distances, the first and the last among them.
static Expected<ContentHash> hashSample(int file, uint64_t size,
                                        StringRef path) {
  constexpr uint64_t pages = 32, pageBytes = 4096;
  std::vector<uint8_t> chunk(pageBytes);
  BLAKE3 hash;
  for (uint64_t i = 0; i < pages; ++i) {
    uint64_t offset = (size - pageBytes) / (pages - 1) * i;
    if (i + 1 == pages)
      offset = size - pageBytes;
    if (Error error = addBytes(hash, file, offset, pageBytes, chunk, path))
      return std::move(error);
  }
  return hash.final();
}

static Expected<ContentHash> hashAll(int file, StringRef path) {
  std::vector<uint8_t> chunk(chunkBytes);
  BLAKE3 hash;
  if (Error error = addBytes(hash, file, 0, UINT64_MAX, chunk, path))
    return std::move(error);
  return hash.final();
}

//===----------------------------------------------------------------------===//
// Facts that change with every write
//===----------------------------------------------------------------------===//

/// If they are equal, so are the bytes. The times of a file can be set by
/// anybody, but not `changed`; device and inode mean something only as long as
/// the machine runs and the same file system is mounted.
struct FileHashes::Facts {
  uint64_t device = 0, inode = 0, size = 0, mount = 0;
  int64_t changedSeconds = 0, changedNanoseconds = 0;
  int64_t modifiedSeconds = 0, modifiedNanoseconds = 0;
  std::string boot;

  static bool read(int file, Facts &facts);
  std::string text() const {
    return llvm::join(
        ArrayRef<std::string>{
            utostr(device), utostr(inode), utostr(size), utostr(mount),
            itostr(changedSeconds), itostr(changedNanoseconds),
            itostr(modifiedSeconds), itostr(modifiedNanoseconds), boot},
        " ");
  }
};

/// A number the kernel gives to no other mount; 0 where it gives none.
static uint64_t mountNumber(int file) {
#ifdef STATX_MNT_ID
  constexpr unsigned uniqueMount = 0x4000; // STATX_MNT_ID_UNIQUE, Linux 6.8
  struct statx status;
  if (statx(file, "", AT_EMPTY_PATH, uniqueMount, &status) == 0 &&
      (status.stx_mask & uniqueMount))
    return status.stx_mnt_id;
#endif
  return 0;
}

bool FileHashes::Facts::read(int file, Facts &facts) {
  struct stat status;
  if (fstat(file, &status) != 0)
    return false;
  facts.device = status.st_dev;
  facts.inode = status.st_ino;
  facts.size = static_cast<uint64_t>(status.st_size);
  facts.changedSeconds = status.st_ctim.tv_sec;
  facts.changedNanoseconds = status.st_ctim.tv_nsec;
  facts.modifiedSeconds = status.st_mtim.tv_sec;
  facts.modifiedNanoseconds = status.st_mtim.tv_nsec;
  facts.mount = mountNumber(file);
  facts.boot = StringRef(readRecord("/proc/sys/kernel/random/boot_id")).trim();
  return !facts.boot.empty();
}

/// True on file systems that note each write in the inode's time of change,
/// those through a mapping too. tmpfs does not; images that are made with fixed
/// times, FAT, FUSE and the network promise nothing; an overlay may lie on any.
bool FileHashes::isTrusted(int file) const {
  if (options.trustsAll)
    return true;
  struct statfs status;
  if (fstatfs(file, &status) != 0)
    return false;
  constexpr uint32_t ext = 0xEF53, xfs = 0x58465342, btrfs = 0x9123683E,
                     f2fs = 0xF2F52010;
  auto type = static_cast<uint32_t>(status.f_type);
  return type == ext || type == xfs || type == btrfs || type == f2fs;
}

//===----------------------------------------------------------------------===//
// Memory: a file for each file, of one line
//===----------------------------------------------------------------------===//

static constexpr StringRef format = "tern-hash-1";
static constexpr size_t nameDigits = 32;

bool FileHashes::isRecordName(StringRef name) {
  return isHexName(finishedName(name), nameDigits);
}

std::string FileHashes::recordPath(const Facts &facts) const {
  std::string place = utostr(facts.device) + " " + utostr(facts.inode);
  BLAKE3 hash;
  hash.update(StringRef(place));
  SmallString<128> path(directory);
  sys::path::append(path,
                    StringRef(toHex(hash.final())).take_front(nameDigits));
  return path.str().str();
}

/// The line, and a hash of it that shows damage.
static std::string sealed(const std::string &line) {
  BLAKE3 hash;
  hash.update(StringRef(line));
  return line + " " + toHex(hash.final()) + "\n";
}

bool FileHashes::recall(const Facts &facts, const ContentHash &sample,
                        ContentHash &hash) const {
  std::string path = recordPath(facts), text = readRecord(path);
  std::string start =
      (format + " " + facts.text() + " " + toHex(sample) + " ").str();
  StringRef rest = text;
  if (!rest.consume_front(start))
    return false;
  StringRef digits = rest.take_front(2 * hash.size());
  std::string bytes;
  if (text != sealed(start + digits.str()) || !tryGetFromHex(digits, bytes) ||
      bytes.size() != hash.size())
    return false;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  touchRecord(path);
  return true;
}

void FileHashes::remember(const Facts &facts, const ContentHash &sample,
                          const ContentHash &hash) const {
  writeRecord(recordPath(facts), sealed((format + " " + facts.text() + " " +
                                         toHex(sample) + " " + toHex(hash))
                                            .str()));
}

void FileHashes::trim(unsigned count) const {
  std::vector<RecordFile> records = listRecords(directory, isRecordName);
  for (size_t i = count; i < records.size(); ++i)
    unlink(records[i].path.c_str());
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

Expected<ContentHash> FileHashes::of(StringRef path) {
  // Without O_NONBLOCK a pipe would be waited for.
  int file = open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return readError(path, errno);
  Expected<ContentHash> hash = of(file, path);
  close(file);
  return hash;
}

Expected<ContentHash> FileHashes::of(int file, StringRef path) {
  struct stat status;
  if (fstat(file, &status) != 0)
    return readError(path, errno);
  if (!S_ISREG(status.st_mode))
    return createStringError("cannot read " + path +
                             ": it is not a regular file");
  Facts before, after;
  bool remembers = !directory.empty() &&
                   static_cast<uint64_t>(status.st_size) >= largeBytes &&
                   isTrusted(file) && Facts::read(file, before);
  if (!remembers) {
    ++readCount;
    return hashAll(file, path);
  }
  Expected<ContentHash> sample = hashSample(file, before.size, path);
  if (!sample)
    return sample;
  ContentHash known;
  if (recall(before, *sample, known))
    return known;
  // A page that is mapped and dirty takes further writes without a new time;
  // one that was written back does not.
  bool synced = fsync(file) == 0;
  synced &= Facts::read(file, before);
  // A second write within a tick of the clock would leave the same time.
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  ++readCount;
  Expected<ContentHash> hash = hashAll(file, path);
  if (!hash || !synced || !Facts::read(file, after) ||
      before.text() != after.text() ||
      now.tv_sec - before.changedSeconds < options.settledSeconds)
    return hash;
  sample = hashSample(file, before.size, path);
  if (!sample)
    return sample;
  remember(before, *sample, *hash);
  return hash;
}

} // namespace tern
