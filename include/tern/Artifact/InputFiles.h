//===- tern/Artifact/InputFiles.h - Files that are read ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The files that work on one model reads, by what they are and not by their
// names. No AtomicFile takes the place of one of them, and none is committed
// when weights changed after they were noted: the half that was read would not
// fit the rest.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_INPUTFILES_H
#define TERN_ARTIFACT_INPUTFILES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <sys/stat.h>
#include <vector>

namespace tern {

class InputFiles {
public:
  /// Notes a file; "-" is standard input. One that cannot be looked at is not
  /// noted: whoever reads it says why.
  void addFile(llvm::StringRef path) { add(path, /*holdsWeights=*/false); }

  /// Notes a model: a file, or all files of a directory that a checkpoint may
  /// consist of, whether they are read or not.
  void addModel(llvm::StringRef model);

  /// An error if `path` exists and is one of them.
  llvm::Error checkIsNone(llvm::StringRef path) const;

  /// An error that names a file of weights that is not what it was.
  llvm::Error checkAreUnchanged() const;

private:
  struct Input {
    std::string path;
    struct stat status;
    bool holdsWeights;
  };

  void add(llvm::StringRef path, bool holdsWeights);

  std::vector<Input> inputs;
};

} // namespace tern

#endif // TERN_ARTIFACT_INPUTFILES_H
