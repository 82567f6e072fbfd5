//===- tern/Packing/GgufCodecs.h - Tensor encodings of GGUF -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How GGUF files store matrices. Projects gave the same type number to
// different encodings, so an encoding is known by its number and its size
// together.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_GGUFCODECS_H
#define TERN_PACKING_GGUFCODECS_H

#include <cstdint>
#include <optional>
#include <vector>

namespace tern {

enum class GgufCodec : uint8_t {
  F32,
  F16,
  BF16,
  Q4_0,
  Q8_0,
  Q4_K,
  Q6_K,
  TQ1_0,
  TQ2_0,
  I2_S,     ///< blocks of 128, as written on x86
  I2_S_ARM, ///< blocks of 64, as written on ARM
  Q2_0_G64,
  Q2_0_G128,
  PQ2_0,  ///< Q2_0_G128 under a number of its own
  PTQ1_0, ///< groups of 128, five digits to a byte
  IQ1_BN,
  IQ2_BN,
  Codes, ///< four to a byte; scales are not in the blocks
};

/// A row is `rowPrefix` bytes and then blocks; `suffix` bytes follow the last
/// row.
struct GgufEncoding {
  GgufCodec codec;
  const char *name; ///< as users write it: "tq2_0"
  uint32_t id;
  int64_t blockElements, blockBytes, rowPrefix, suffix;
  bool isTernary;

  bool isPlain() const { return blockElements == 1; }
};

/// All encodings that tern reads, for listings.
const std::vector<GgufEncoding> &allGgufEncodings();

/// Null if there is none of that name.
const GgufEncoding *findGgufEncoding(const char *name);

/// Codes 0, 1 and 2 alone, the first in the lowest bits, whose scales are
/// tensors of their own: matrices of MLX, which no GGUF file has.
const GgufEncoding &bareCodes();

/// Bytes of `rows` rows of `columns` elements; nothing if a row is no whole
/// number of blocks or the size is more than 63 bits hold.
std::optional<uint64_t> ggufBytes(const GgufEncoding &encoding,
                                  uint64_t columns, uint64_t rows);

/// The meaning of a number in any of the projects, for messages: "Q4_K". Null
/// if nobody is known to use it.
const char *ggufTypeName(uint32_t id);

/// Why a matrix has no digits and one scale.
struct GgufVerdict {
  enum Problem {
    None,
    NotADigit, ///< a code that is none of -1, 0 and 1
    BadScale,  ///< `scale` is negative or not finite
    /// `scale` is not `first`, the scale before it; all digits are read.
    Differs,
  } problem = None;
  int64_t row = 0, column = 0;
  float scale = 0, first = 0;
};

/// Ternary encodings only. Blocks that are zero throughout have no say in the
/// scale: writers store 0 for them.
GgufVerdict decodeDigits(const GgufEncoding &encoding, const uint8_t *bytes,
                         int64_t rows, int64_t columns, int8_t *digits,
                         float &alpha);

/// The scales of a matrix that decodeDigits reads: one, one for each row, or
/// one for each block. 0 where all digits are zero, if that makes a difference.
std::vector<float> decodeScales(const GgufEncoding &encoding,
                                const uint8_t *bytes, int64_t rows,
                                int64_t columns);

/// Plain and quantized encodings that are not ternary; `blocks` blocks from
/// `bytes`. Products of a scale and an integer are rounded once, or not at all
/// where a minimum is taken away from them.
void decodeFloats(const GgufEncoding &encoding, const uint8_t *bytes,
                  int64_t blocks, float *out);

/// Encodings that encodeDigits can write.
bool canEncode(const GgufEncoding &encoding);

/// The opposite of decodeDigits for whole blocks of one scale. Blocks of zeros
/// have the scale 0, as other writers do it.
void encodeDigits(const GgufEncoding &encoding, const int8_t *digits,
                  int64_t count, float scale, uint8_t *out);

/// Rows i and i + half of each head become rows 2i and 2i + 1, and back.
/// Of digits or of scales.
template <typename T>
void pairRows(T *matrix, int64_t heads, int64_t rows, int64_t columns);
template <typename T>
void separateRows(T *matrix, int64_t heads, int64_t rows, int64_t columns);

/// True if all values are -alpha, 0 or alpha: digits times their scale, written
/// as floating point. The alpha of zeros is 0.
bool splitTernaryValues(const float *values, int64_t count, int8_t *digits,
                        float &alpha);

} // namespace tern

#endif // TERN_PACKING_GGUFCODECS_H
