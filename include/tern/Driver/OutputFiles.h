//===- tern/Driver/OutputFiles.h - Which files may be written ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Asked before the work begins and, where the answer could have changed, once
// more before a file is written: can it be, and is what is there of the same
// kind. A command line never costs a model that it does not name.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_OUTPUTFILES_H
#define TERN_DRIVER_OUTPUTFILES_H

#include "tern/Artifact/InputFiles.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tern {

/// `bard.so` -> `NAME.weights`, in the same directory.
std::string besideOutput(llvm::StringRef output, llvm::StringRef name,
                         llvm::StringRef suffix);

/// Writes a whole file.
llvm::Error writeFile(llvm::StringRef path, llvm::StringRef contents,
                      const InputFiles &inputs);

/// An error if a file cannot be made at `path`. Nothing is left there.
llvm::Error checkWritable(llvm::StringRef path, const InputFiles &inputs);

/// An error if `path`, which a user named, is a file of a checkpoint or another
/// that no output of `form` (of nameOf, or GGUF) replaces.
llvm::Error checkReplaceable(llvm::StringRef path, llvm::StringRef form);

/// NAME.h and NAME.weights beside a library or object `output`, which no user
/// named, are replaced only together with the one library or object of NAME
/// that they belong to; otherwise they must stay the same. Asked first, for
/// files that tern did not write:
llvm::Error checkBeside(llvm::StringRef output, llvm::StringRef name,
                        llvm::ArrayRef<llvm::StringRef> suffixes,
                        const InputFiles &inputs);
/// as soon as it is known which code the weights are for:
llvm::Error checkWeightsBeside(llvm::StringRef output, llvm::StringRef name,
                               uint64_t weightsId);
/// and before the file `written` takes the place of `file`.
llvm::Error checkSameBeside(llvm::StringRef output, llvm::StringRef name,
                            llvm::StringRef file, llvm::StringRef written);

/// All files that one compilation writes.
struct OutputPlan {
  /// No output is written if `output` is empty.
  std::string output, form;
  /// Of NAME.h and NAME.weights beside `output`; empty if there are none.
  std::string name;
  bool hasWeights = true; ///< NAME.weights is one of them
  /// The folder of --save-stages, or empty, and the files there.
  std::string stages;
  std::vector<std::string> stageFiles;
};

/// Asks all of the above; makes the folder of stages.
llvm::Error checkOutputs(const OutputPlan &plan, const InputFiles &inputs);

/// An error if the file system of `path` has no room for `bytes` bytes.
llvm::Error checkRoom(llvm::StringRef path, uint64_t bytes);

} // namespace tern

#endif // TERN_DRIVER_OUTPUTFILES_H
