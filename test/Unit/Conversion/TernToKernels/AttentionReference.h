//===- AttentionReference.h - Attention in plain C++ ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md 6 as it stands: no blocks of bytes, no vectors, no packing.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_CONVERSION_TERNTOKERNELS_ATTENTIONREFERENCE_H
#define TERN_TEST_UNIT_CONVERSION_TERNTOKERNELS_ATTENTIONREFERENCE_H

#include <cstdint>
#include <vector>

namespace tern {

struct AttentionShape {
  int64_t heads; ///< kv heads
  int64_t headDim;
  int64_t bits, bosBits, qBits;
};

/// A row as the cache holds it.
struct CodedRow {
  std::vector<int> codes;
  uint16_t scaleBits;
  float scale; ///< the f16 value
};
/// A number of a 16-bit cache: limited to what f16 holds, one NaN.
uint16_t toHalf(float x);

CodedRow encodeRow(const float *x, int64_t n, int64_t bits);

/// One query head (`query`, head_dim floats) at `position` over rows 0 ..
/// position of all kv heads, of which `kvHead` is read.
std::vector<float> attend(const AttentionShape &shape, const float *query,
                          const std::vector<std::vector<float>> &keys,
                          const std::vector<std::vector<float>> &values,
                          int64_t kvHead, int64_t position);

} // namespace tern

#endif // TERN_TEST_UNIT_CONVERSION_TERNTOKERNELS_ATTENTIONREFERENCE_H
