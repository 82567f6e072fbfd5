//===- include/tern/Export/GgufWriter.h - GGUF files, written ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_EXPORT_GGUFWRITER_H
#define TERN_EXPORT_GGUFWRITER_H

#include "tern/Artifact/AtomicFile.h"
#include "tern/Import/Gguf.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tern {

/// Puts a file of version 3 together: metadata and a table first, then one
/// tensor after the other, none of which is kept.
class GgufWriter {
public:
  void addInteger(llvm::StringRef key, uint32_t value);
  void addNumber(llvm::StringRef key, float value);
  void addFlag(llvm::StringRef key, bool value);
  void addText(llvm::StringRef key, llvm::StringRef value);
  void addTexts(llvm::StringRef key, llvm::ArrayRef<std::string> values);
  void addIntegers(llvm::StringRef key, llvm::ArrayRef<int32_t> values);
  void addBytes(llvm::StringRef key, llvm::StringRef bytes);
  /// May be called again, even by what makes a tensor, with as many numbers.
  void setNumbers(llvm::StringRef key, llvm::ArrayRef<float> values);
  /// As another file has it.
  void addValue(llvm::StringRef key, const GgufValue &value);

  /// Takes the bytes of a tensor, in pieces, front to back.
  using Sink = llvm::function_ref<llvm::Error(llvm::ArrayRef<uint8_t>)>;
  using Source = std::function<llvm::Error(Sink)>;

  /// `sizes` have the rows first. write() calls `source` once.
  void addTensor(std::string name, llvm::ArrayRef<int64_t> sizes,
                 const GgufEncoding &encoding, Source source);

  llvm::Error write(llvm::StringRef path, const InputFiles &inputs) const;

private:
  struct Tensor {
    std::string name;
    std::vector<int64_t> sizes;
    const GgufEncoding *encoding;
    uint64_t bytes;
    Source source;
  };
  /// The type behind the key; the caller appends the value.
  std::string &add(llvm::StringRef key, GgufKind kind);
  std::string &addArray(llvm::StringRef key, GgufKind kind, uint64_t count);
  std::string header() const;
  llvm::Error writeTensor(AtomicFile &file, const Tensor &tensor) const;

  /// By key, so that a file does not depend on who made it.
  std::map<std::string, std::string> values;
  std::vector<Tensor> tensors;
};

} // namespace tern

#endif // TERN_EXPORT_GGUFWRITER_H
