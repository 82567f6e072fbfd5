//===- include/tern/Cache/ProgramStore.h - Programs kept --------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A folder of compiled programs, NAME-KEY, and in its folder `records` a small
// file for each, which says what the program's bytes are and, by its time, when
// it was last used. A program whose bytes are others is not there. Several
// processes may use a folder at once: files appear whole, and a program that
// runs can be removed.
//
// Nothing is touched but what a store made: regular files (no links) whose
// names have the form of a store's and that have a record or are programs.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CACHE_PROGRAMSTORE_H
#define TERN_CACHE_PROGRAMSTORE_H

#include "tern/Cache/FileHashes.h"

#include <functional>
#include <vector>

namespace tern {

class ProgramStore {
public:
  /// Hexadecimal digits of a key.
  static constexpr size_t keyDigits = 32;

  struct Program {
    std::string name, path;
    std::string model; ///< where it came from; empty if nobody noted it
    uint64_t bytes = 0;
    int64_t used = 0; ///< nanoseconds since 1970
  };

  struct Removed {
    uint64_t programs = 0, bytes = 0;
    uint64_t left = 0; ///< files and folders in it that no store made
  };

  /// `isProgram` tells programs by their content.
  ProgramStore(llvm::StringRef directory,
               std::function<bool(llvm::StringRef path)> isProgram);

  llvm::StringRef directory() const { return folder; }
  FileHashes &hashes() { return fileHashes; }

  /// The path of a program that is there as it was added, and a note that it
  /// was used; empty if it is not there, was damaged or cannot be executed.
  std::string find(llvm::StringRef name);
  /// The same of a part of programs, which nobody executes.
  std::string findPart(llvm::StringRef name);

  /// A path in the folder for a program on its way to `add`.
  std::string stagingPath(llvm::StringRef name) const;

  /// Takes in the program at `staged`; returns its new path. An error names the
  /// folder.
  llvm::Expected<std::string> add(llvm::StringRef name, llvm::StringRef staged,
                                  llvm::StringRef model);

  /// The last one used first.
  std::vector<Program> list() const;

  /// Removes programs, the one not used for the longest first, until all have
  /// at most `limit` bytes; `keep` stays.
  Removed trim(uint64_t limit, llvm::StringRef keep);

  /// Removes all that stores made.
  Removed clear();

private:
  std::string pathOf(llvm::StringRef name) const;
  std::string recordOf(llvm::StringRef name) const;
  bool isOurs(llvm::StringRef path) const;
  void removeUnfinished(int64_t olderThanSeconds) const;
  bool remove(const Program &program) const;

  std::string folder, records;
  std::function<bool(llvm::StringRef)> isProgram;
  FileHashes fileHashes;
};

} // namespace tern

#endif // TERN_CACHE_PROGRAMSTORE_H
