//===- lib/Import/CheckpointBlocks.cpp - Tensors of GGUF files, read ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"
#include "tern/Packing/Codec.h"

#include <cmath>

using namespace llvm;

namespace tern {

Error Checkpoint::checkFinite(StringRef name, const TensorEntry &entry,
                              int64_t from, int64_t count,
                              const float *values) const {
  for (int64_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      return error(name, entry,
                   "holds " + std::to_string(values[i]) + " at element " +
                       Twine(from + i));
  return Error::success();
}

/// The blocks that hold the elements, a few at a time.
Error Checkpoint::readBlocks(StringRef name, const TensorEntry &entry,
                             int64_t from, int64_t count, float *out) const {
  const GgufEncoding &encoding = *entry.encoding;
  int64_t elements = encoding.blockElements;
  std::vector<float> values(static_cast<size_t>(256 * elements));
  for (int64_t done = 0; done < count;) {
    int64_t block = (from + done) / elements;
    int64_t skipped = (from + done) % elements;
    int64_t now = std::min<int64_t>(values.size() - skipped, count - done);
    int64_t blocks = (skipped + now + elements - 1) / elements;
    ArrayRef<uint8_t> bytes = tensors->bytes(entry).slice(
        block * encoding.blockBytes, blocks * encoding.blockBytes);
    decodeFloats(encoding, bytes.data(), blocks, values.data());
    std::copy_n(values.begin() + skipped, now, out + done);
    done += now;
  }
  tensors->release(entry, from / elements * encoding.blockBytes,
                   count / elements * encoding.blockBytes);
  return checkFinite(name, entry, from, count, out);
}

static std::string describe(const GgufVerdict &verdict) {
  std::string at = " at row " + std::to_string(verdict.row) + ", column " +
                   std::to_string(verdict.column);
  switch (verdict.problem) {
  case GgufVerdict::NotADigit:
    return "holds code 3, which is no digit," + at;
  case GgufVerdict::BadScale:
    return "has the scale " + std::to_string(verdict.scale) + at +
           ", but a scale must be positive and finite";
  default:
    return "has the scale " + std::to_string(verdict.first) + " and, from" +
           at.substr(3) + ", " + std::to_string(verdict.scale) +
           "; tern does not support several scales in a matrix yet";
  }
}

/// Rows 2i and 2i + 1 of each head become rows i and i + half.
static void separatePairs(int8_t *digits, int64_t heads, int64_t rows,
                          int64_t columns) {
  int64_t headRows = rows / heads, half = headRows / 2;
  std::vector<int8_t> head(static_cast<size_t>(headRows * columns));
  for (int64_t h = 0; h < heads; ++h) {
    int8_t *at = digits + h * headRows * columns;
    std::copy_n(at, head.size(), head.begin());
    for (int64_t row = 0; row < headRows; ++row)
      std::copy_n(head.begin() + row * columns, columns,
                  at + (row / 2 + row % 2 * half) * columns);
  }
}

Error Checkpoint::readEncoded(StringRef name, const TensorEntry &entry,
                              int8_t *digits, float &alpha) const {
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  if (entry.isBlocked()) {
    GgufVerdict verdict =
        decodeDigits(*entry.encoding, tensors->bytes(entry).data(), rows,
                     columns, digits, alpha);
    if (verdict.problem != GgufVerdict::None)
      return error(name, entry, describe(verdict));
    tensors->release(entry, 0, entry.bytes);
  } else {
    // Either digits times their scale, which converters write, or a master.
    std::vector<float> values(static_cast<size_t>(rows * columns));
    if (Error error = readFloats(name, values.data()))
      return error;
    if (!splitTernaryValues(values.data(), rows * columns, digits, alpha))
      alpha = ternarize(values.data(), rows * columns, digits);
  }
  if (tensors->find(scaleName(name))) {
    Expected<Scales> scale = readScales(name);
    if (!scale)
      return scale.takeError();
    alpha *= scale->values[0];
  }
  if (entry.pairedHeads)
    separatePairs(digits, entry.pairedHeads, rows, columns);
  return Error::success();
}

} // namespace tern
