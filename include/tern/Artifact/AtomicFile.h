//===- include/tern/Artifact/AtomicFile.h - A file that appears whole *- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_ATOMICFILE_H
#define TERN_ARTIFACT_ATOMICFILE_H

#include "tern/Artifact/InputFiles.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tern {

/// Is written beside its destination as `OUT.tmp.XXXXXX` and takes its name
/// only when complete. Whatever fails, a full disk or a signal, the old file at
/// the destination stays as it was and the new one is removed.
///
/// One rule for all that tern writes: the destination must not exist or be a
/// regular file, and none of the files that are read (`inputs`). A link
/// stays, and the file it leads to is replaced.
class AtomicFile {
public:
  /// `executable` gives mode 0777, otherwise 0666, less the umask.
  static llvm::Expected<std::unique_ptr<AtomicFile>>
  create(llvm::StringRef path, InputFiles inputs, bool executable = false);
  /// The same rule, without writing.
  static llvm::Error check(llvm::StringRef path, const InputFiles &inputs);
  /// Removes what was written unless commit() succeeded.
  ~AtomicFile();

  /// In [from, to), where nothing is written yet and all will be, mostly in
  /// order, writes are gathered into pieces of `growth` bytes. A system keeps a
  /// file in memory in pages as large as the piece that first wrote there, and
  /// maps it in such pages into all programs that read it.
  void growInLargePieces(uint64_t from, uint64_t to);
  static constexpr uint64_t growth = uint64_t(4) << 20;

  /// Bytes between what is written are zero.
  llvm::Error writeAt(uint64_t offset, llvm::ArrayRef<uint8_t> bytes);
  llvm::Error writeAt(uint64_t offset, llvm::StringRef bytes);
  /// Writes at the end.
  llvm::Error append(llvm::ArrayRef<uint8_t> bytes) {
    return writeAt(end, bytes);
  }
  /// Reads back what was written; behind the end is an error.
  llvm::Error readAt(uint64_t offset, llvm::MutableArrayRef<uint8_t> bytes);
  /// One behind the last byte written or padded.
  uint64_t size() const { return end; }
  /// Extends the file with zeros to at least `size` bytes.
  llvm::Error pad(uint64_t size);

  /// Makes the bytes durable and gives the file its name; at most once. An
  /// error if weights that were read changed meanwhile.
  llvm::Error commit();

  /// For programs that must write into the file themselves, as a linker does.
  llvm::StringRef temporaryPath() const { return temporary; }
  llvm::StringRef path() const { return name; }
  /// Open for reading and writing until commit().
  int descriptor() const { return fd; }

private:
  AtomicFile() = default;
  llvm::Error error(int code) const;
  llvm::Error writeNow(uint64_t offset, llvm::ArrayRef<uint8_t> bytes);
  llvm::Error gather(uint64_t &offset, llvm::ArrayRef<uint8_t> &bytes);
  llvm::Error flush();

  /// As it was given; and behind all links.
  std::string name, destination;
  std::string temporary;
  InputFiles inputs;
  int fd = -1;
  uint64_t end = 0;
  /// Pieces from `pieceAt` to `growEnd` are not written yet; `piece` is the
  /// first of them, empty if nothing was written there.
  uint64_t pieceAt = 0, growEnd = 0;
  std::vector<uint8_t> piece;
};

} // namespace tern

#endif // TERN_ARTIFACT_ATOMICFILE_H
