//===- tern/Artifact/TemporaryDirectory.h - Files on the way ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_TEMPORARYDIRECTORY_H
#define TERN_ARTIFACT_TEMPORARYDIRECTORY_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// A directory for files on the way to the output; gone with the object.
class TemporaryDirectory {
public:
  static llvm::Expected<TemporaryDirectory> create();
  TemporaryDirectory(TemporaryDirectory &&other);
  ~TemporaryDirectory();

  std::string path(llvm::StringRef file) const;
  /// Writes `contents` to `file` in here and answers its path.
  llvm::Expected<std::string> write(llvm::StringRef file,
                                    llvm::StringRef contents) const;

  /// Removes all of the process, for an end without destructors. A handler of
  /// signals may call it.
  static void removeAll();

private:
  TemporaryDirectory() = default;
  llvm::SmallString<64> directory;
};

} // namespace tern

#endif // TERN_ARTIFACT_TEMPORARYDIRECTORY_H
