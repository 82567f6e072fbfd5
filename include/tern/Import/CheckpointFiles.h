//===- tern/Import/CheckpointFiles.h - Files beside a model ------*- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every file of a checkpoint's directory is read, is known not to matter, or is
// spoken of. lib/Import/CheckpointFiles.def is the table.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_CHECKPOINTFILES_H
#define TERN_IMPORT_CHECKPOINTFILES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <set>
#include <string>
#include <vector>

namespace tern {

enum class FileUse {
  Read,
  Irrelevant, ///< whatever it holds, answers are the same
  NotRead,    ///< answers may differ; there is a warning
  Unknown     ///< not in the table; there is one warning for all of them
};
llvm::StringRef toString(FileUse use);

struct CheckpointFile {
  std::string name;
  FileUse use;
  std::string why; ///< of Irrelevant and NotRead; empty for others
};

/// The files of a directory by name, at most 10,000; folders are left out, as
/// nothing looks into them. `tensorFiles`: names of files that tensors are read
/// from. A directory that cannot be read has none.
std::vector<CheckpointFile>
listCheckpointFiles(llvm::StringRef directory,
                    const std::set<std::string> &tensorFiles);

/// A sentence for each file that is NotRead, and one for those that are
/// Unknown.
std::vector<std::string> warnOfFiles(const std::vector<CheckpointFile> &files);

/// An error if the directory is an adapter or has one beside a model, which
/// loaders would apply.
llvm::Error refuseAdapter(llvm::StringRef directory);

} // namespace tern

#endif // TERN_IMPORT_CHECKPOINTFILES_H
