//===- include/tern/Import/StandIns.h - Other files than wanted -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Downloads and clones leave other things in the place of a checkpoint's files:
// pointers, pages that report an error, half a file, weights in the format of
// another program. Readers would refuse these by a symptom; here they are
// recognized, so that the refusal names the cause and the way out.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_STANDINS_H
#define TERN_IMPORT_STANDINS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// The kind of file that a reader takes one for.
enum class FileRole {
  Safetensors,
  Gguf,
  Json,
  Text,  ///< a chat template
  Binary ///< tokenizer.model
};

/// Bytes from the beginning of a file that recognition looks at.
constexpr size_t standInBytes = 4096;

/// A sentence about a file that is not what it is taken for, such as "this is a
/// pointer of Git LFS, not the file itself; run git lfs pull". Empty if nothing
/// is known against it. `start` holds the first bytes, standInBytes or all of
/// the file's `fileBytes`.
std::string recognizeStandIn(llvm::StringRef start, uint64_t fileBytes,
                             FileRole role);
inline std::string recognizeStandIn(llvm::ArrayRef<uint8_t> bytes,
                                    FileRole role) {
  return recognizeStandIn(
      {reinterpret_cast<const char *>(bytes.data()), bytes.size()},
      bytes.size(), role);
}

/// Why there is no file at `path`, as far as its folder tells: a link without
/// its target, an unfinished download, a packed copy. Empty if it does not.
std::string explainAbsence(llvm::StringRef path);

/// Refuses a directory without config.json; names what is there instead.
llvm::Error refuseWithoutConfig(llvm::StringRef directory);

/// Refuses a directory without weights that tern reads; names what is there
/// instead and how it is converted.
llvm::Error refuseWithoutWeights(llvm::StringRef directory);

} // namespace tern

#endif // TERN_IMPORT_STANDINS_H
