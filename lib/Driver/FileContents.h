//===- FileContents.h - What a file seems to be -----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_FILECONTENTS_H
#define TERN_LIB_DRIVER_FILECONTENTS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// At most `bytes` from the beginning of a regular file. An error says why it
/// cannot be read, or what is there instead of a file.
llvm::Expected<std::string> readStart(llvm::StringRef path, size_t bytes);

bool startsAsGguf(llvm::StringRef start);
bool startsAsArtifact(llvm::StringRef start);
bool startsAsElf(llvm::StringRef start);
bool startsAsArchive(llvm::StringRef start);
bool startsAsSafetensors(llvm::StringRef start);
/// MLIR as text or bytecode.
bool startsAsIr(llvm::StringRef start);

/// "a script", "a zip archive; unpack it, ...", "text": a file of `fileBytes`
/// bytes by its first ones.
std::string describeContents(llvm::StringRef start, uint64_t fileBytes);

} // namespace tern

#endif // TERN_LIB_DRIVER_FILECONTENTS_H
