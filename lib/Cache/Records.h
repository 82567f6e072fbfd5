//===- lib/Cache/Records.h - Small files in a cache -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Their loss costs time and nothing else, so no failure is an error.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CACHE_RECORDS_H
#define TERN_LIB_CACHE_RECORDS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tern {

/// The first 4,096 bytes of a regular file; empty if there is none.
std::string readRecord(llvm::StringRef path);

/// Takes its place whole; its folder is made if need be.
bool writeRecord(llvm::StringRef path, llvm::StringRef text);

/// Notes that it was of use now.
void touchRecord(llvm::StringRef path);

struct RecordFile {
  std::string path;
  int64_t used; ///< nanoseconds since 1970
};

/// Regular files (links are none) whose names `isName` accepts, the last one
/// used first.
std::vector<RecordFile>
listRecords(llvm::StringRef directory,
            llvm::function_ref<bool(llvm::StringRef)> isName);

/// True for `digits` lower-case hexadecimal digits.
bool isHexName(llvm::StringRef name, size_t digits);

/// `name` without the ".tmp.XXXXXX" of files that are not finished.
llvm::StringRef finishedName(llvm::StringRef name);

} // namespace tern

#endif // TERN_LIB_CACHE_RECORDS_H
