//===- lib/Export/MatrixEncoder.h - Digits as blocks of GGUF ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_EXPORT_MATRIXENCODER_H
#define TERN_LIB_EXPORT_MATRIXENCODER_H

#include "tern/Export/GgufWriter.h"
#include "tern/Import/Checkpoint.h"

namespace tern {

/// Writes ternary matrices of a checkpoint in one encoding.
class MatrixEncoder {
public:
  MatrixEncoder(const Checkpoint &checkpoint, const GgufEncoding &encoding)
      : checkpoint(checkpoint), encoding(encoding) {}

  /// A projection, which is short enough to be in memory. Rows are paired in
  /// each of `pairedHeads` heads, if there are any. `exactScale` becomes the
  /// only scale, which blocks may hold rounded, or 0 if there are several.
  llvm::Error encode(const std::string &name, int64_t pairedHeads,
                     GgufWriter::Sink sink, float &exactScale) const;
  /// Embedding or head, in parts.
  llvm::Error encodeTable(const std::string &name, GgufWriter::Sink sink,
                          float &exactScale) const;

private:
  llvm::Expected<std::vector<float>> runScales(const std::string &name,
                                               const Scales &scales,
                                               int64_t rows, int64_t run,
                                               bool mayRound) const;
  llvm::Error encodeRuns(llvm::ArrayRef<int8_t> digits,
                         llvm::ArrayRef<float> ofRuns, int64_t run,
                         GgufWriter::Sink sink) const;
  llvm::Error fail(const llvm::Twine &message) const;

  const Checkpoint &checkpoint;
  const GgufEncoding &encoding;
};

} // namespace tern

#endif // TERN_LIB_EXPORT_MATRIXENCODER_H
