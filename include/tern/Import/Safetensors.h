//===- include/tern/Import/Safetensors.h - Tensors of a checkpoint, mapped *-
// C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Reads `model.safetensors` or the shards of `model.safetensors.index.json`, or
// those whose names say that they are all.
// Nothing in a file is believed before it is checked: the format allows no
// hole, no overlap and no byte behind the last tensor, and neither do we.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_SAFETENSORS_H
#define TERN_IMPORT_SAFETENSORS_H

#include "tern/Packing/GgufCodecs.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tern {

enum class DType {
  Bool,
  U8,
  I8,
  F8E5M2,
  F8E4M3,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  F64,
  I64,
  U64
};
/// As the format spells it: "BF16".
llvm::StringRef toString(DType dtype);
int64_t byteSize(DType dtype);

/// Widens `count` little-endian values of BF16, F16 or F32; false if one is not
/// finite.
bool widen(DType dtype, const uint8_t *from, int64_t count, float *out);

struct TensorEntry {
  DType dtype = DType::U8;
  llvm::SmallVector<int64_t, 2> shape;
  uint64_t offset = 0; ///< from the beginning of the file
  uint64_t bytes = 0;
  unsigned shard = 0;
  /// In a GGUF file, and of codes of MLX. `dtype` is then what its values are
  /// read as, and U8 if they are digits.
  const GgufEncoding *encoding = nullptr;
  /// Rows of each of so many heads are stored as pairs (2i, 2i + 1) where all
  /// others have (i, i + half); 0: they are not.
  int64_t pairedHeads = 0;
  /// The scale of a ternary matrix whose blocks hold it rounded to a float16.
  std::optional<float> exactScale;

  bool isBlocked() const { return encoding && !encoding->isPlain(); }
  /// A bias whose values are stored as pairs.
  bool hasPairedValues() const { return pairedHeads && shape.size() == 1; }
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    return count;
  }
  /// "BF16 [1024, 192]"
  std::string describe() const;
};

/// Ordered, so that messages and listings do not depend on hashing.
using TensorMap = std::map<std::string, TensorEntry, std::less<>>;

/// Checks and reads the header of one file. `start` holds the file's first
/// bytes, at least the header if there are that many; `fileBytes` is its full
/// size.
llvm::Expected<TensorMap> parseSafetensors(llvm::ArrayRef<uint8_t> start,
                                           uint64_t fileBytes,
                                           llvm::StringRef file);

class GgufFile;
struct GgufOptions;

/// All tensors of a model directory or of a GGUF file.
class TensorFiles {
public:
  static llvm::Expected<std::unique_ptr<TensorFiles>>
  open(llvm::StringRef directory);
  /// Tensors get Hugging Face's names; `config` becomes what config.json would
  /// say.
  static llvm::Expected<std::unique_ptr<TensorFiles>>
  openGguf(llvm::StringRef path, const GgufOptions &options,
           std::string &config);
  ~TensorFiles();

  const TensorMap &all() const { return tensors; }
  /// Null if the tensors are those of a directory.
  const GgufFile *gguf() const { return ggufFile.get(); }
  /// Null if there is none.
  const TensorEntry *find(llvm::StringRef name) const;
  /// The file an entry lies in, for messages.
  llvm::StringRef pathOf(const TensorEntry &entry) const;

  /// The mapped bytes; not aligned to anything.
  llvm::ArrayRef<uint8_t> bytes(const TensorEntry &entry) const;
  /// Gives the pages of a part of a tensor back, so that what has been read
  /// does not count as this program's memory. Reading it again is allowed.
  void release(const TensorEntry &entry, uint64_t from, uint64_t count) const;
  /// In which respect two tensors differ, as a phrase: "differ at element 7, 1
  /// and 0.5". Empty if they have the same shape and values, even if their
  /// types differ, as far as one is no rounding of the other.
  std::string difference(const TensorEntry &a, const TensorEntry &b) const;
  /// Takes a matrix of words for the digits that are in them, 16 to each.
  void takeAsCodes(llvm::StringRef name);
  /// Gives a tensor another name, unless one has it.
  void rename(llvm::StringRef name, llvm::StringRef other);
  /// Forgets a tensor that says nothing of its own.
  void drop(llvm::StringRef name);

private:
  struct Shard;
  TensorFiles();
  llvm::Error addDirectory(llvm::StringRef directory);
  llvm::Error addShard(llvm::StringRef path);
  llvm::Error addIndexed(llvm::StringRef directory, llvm::StringRef indexPath,
                         bool hasSingle);
  llvm::Error addNumbered(llvm::StringRef directory);
  bool areSameBytes(const TensorEntry &a, const TensorEntry &b) const;
  bool isIn(llvm::StringRef name, unsigned shard) const;

  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<GgufFile> ggufFile;
  TensorMap tensors;
  /// Other shards that have a tensor too, with the same values.
  std::multimap<std::string, unsigned, std::less<>> copies;
};

} // namespace tern

#endif // TERN_IMPORT_SAFETENSORS_H
