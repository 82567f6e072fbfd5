//===- include/tern/Cache/FileHashes.h - Contents of files ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file is what it contains. Hashing some gigabytes at each start would be
// slow, so hashes of large files are remembered, but only where no write can
// go unnoticed: see docs/cache.md.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CACHE_FILEHASHES_H
#define TERN_CACHE_FILEHASHES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <string>

namespace tern {

/// BLAKE3 of a file's bytes.
using ContentHash = std::array<uint8_t, 32>;

std::string toHex(const ContentHash &hash);

class FileHashes {
public:
  /// Files of fewer bytes are read each time.
  static constexpr uint64_t largeBytes = 1 << 20;

  struct Options {
    /// A file that changed less than this many seconds ago may change again
    /// without another time; it is not remembered.
    int64_t settledSeconds = 3;
    /// Remember files of any file system. For tests.
    bool trustsAll = false;
  };

  /// Remembers in `directory`, which is made when needed; in memory and on no
  /// disk if it is empty.
  explicit FileHashes(llvm::StringRef directory)
      : FileHashes(directory, Options()) {}
  FileHashes(llvm::StringRef directory, Options options)
      : directory(directory), options(options) {}

  /// The hash of a regular file; an error names the file and why it cannot be
  /// read.
  llvm::Expected<ContentHash> of(llvm::StringRef path);

  /// Files whose bytes were all read by `of`.
  unsigned filesRead() const { return readCount; }

  /// True if `name` is what a remembered hash is called in the directory.
  static bool isRecordName(llvm::StringRef name);

  /// Forgets what was not asked for the longest until at most `count` are left.
  void trim(unsigned count) const;

private:
  struct Facts;
  llvm::Expected<ContentHash> of(int file, llvm::StringRef path);
  bool isTrusted(int file) const;
  std::string recordPath(const Facts &facts) const;
  bool recall(const Facts &facts, const ContentHash &sample,
              ContentHash &hash) const;
  void remember(const Facts &facts, const ContentHash &sample,
                const ContentHash &hash) const;

  std::string directory;
  Options options;
  unsigned readCount = 0;
};

} // namespace tern

#endif // TERN_CACHE_FILEHASHES_H
