//===- include/tern/Import/Gguf.h - What a GGUF file holds ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Metadata and the table of tensors, versions 2 and 3. Every count and size is
// compared with what is left of the file before it is used, so that reading
// takes memory in proportion to the file and never looks outside of it.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_GGUF_H
#define TERN_IMPORT_GGUF_H

#include "tern/Packing/GgufCodecs.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace tern {

/// As the format numbers them.
enum class GgufKind : uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};

/// Refers to the file's bytes.
struct GgufValue {
  GgufKind kind = GgufKind::U8; ///< of the elements if it is an array
  bool isArray = false;
  uint64_t count = 1;
  /// The elements as stored; a string is its length and its bytes.
  llvm::ArrayRef<uint8_t> bytes;

  bool operator==(const GgufValue &other) const {
    return kind == other.kind && isArray == other.isArray &&
           bytes == other.bytes;
  }
};

struct GgufTensor {
  std::string name;
  /// The columns first, as in the file.
  llvm::SmallVector<uint64_t, 4> sizes;
  uint32_t type = 0;
  uint64_t offset = 0; ///< from the beginning of the file
  uint64_t extent = 0; ///< up to the next tensor or the file's end
  const GgufEncoding *encoding = nullptr;
  uint64_t bytes = 0; ///< without padding

  uint64_t columns() const { return sizes[0]; }
  uint64_t rows() const;
  /// "tq2_0 [64, 256]"
  std::string describe() const;
};

bool isUtf8(llvm::StringRef text);

class GgufFile {
public:
  /// Checks and reads a whole file; `bytes` must outlive the result. Of several
  /// encodings that fit a tensor the one named in `readings` is taken.
  static llvm::Expected<GgufFile>
  parse(llvm::ArrayRef<uint8_t> bytes, llvm::StringRef file,
        llvm::ArrayRef<std::string> readings = {});

  llvm::StringRef file() const { return path; }
  uint32_t version() const { return fileVersion; }
  uint64_t alignment() const { return fileAlignment; }
  const std::map<std::string, GgufValue, std::less<>> &metadata() const {
    return values;
  }
  /// In the file's order; a name may occur twice.
  const std::vector<GgufTensor> &tensors() const { return table; }
  llvm::ArrayRef<uint8_t> bytes(const GgufTensor &tensor) const {
    return contents.slice(tensor.offset, tensor.bytes);
  }

  /// Null if there is none.
  const GgufValue *find(llvm::StringRef key) const;
  /// Nothing if the key is absent; an error if its value is of another kind.
  llvm::Expected<std::optional<uint64_t>> integer(llvm::StringRef key) const;
  llvm::Expected<std::optional<double>> number(llvm::StringRef key) const;
  llvm::Expected<std::optional<bool>> flag(llvm::StringRef key) const;
  llvm::Expected<std::optional<llvm::StringRef>>
  string(llvm::StringRef key) const;
  llvm::Expected<std::vector<llvm::StringRef>>
  strings(llvm::StringRef key) const;
  llvm::Expected<std::vector<int64_t>> integers(llvm::StringRef key) const;
  /// Empty if the key is absent.
  llvm::Expected<std::vector<float>> numbers(llvm::StringRef key) const;

  llvm::Error error(const llvm::Twine &message) const;

private:
  friend class GgufParser;
  llvm::Error wrongKind(llvm::StringRef key, llvm::StringRef expected) const;

  std::string path;
  llvm::ArrayRef<uint8_t> contents;
  uint32_t fileVersion = 0;
  uint64_t fileAlignment = 32;
  std::map<std::string, GgufValue, std::less<>> values;
  std::vector<GgufTensor> table;
};

} // namespace tern

#endif // TERN_IMPORT_GGUF_H
