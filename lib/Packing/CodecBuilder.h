//===- CodecBuilder.h - Records out of two functions ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A codec's class C has, constexpr and static,
//   kBytes, kDigits, kFields
//   void encode(const int8_t *digits, uint8_t *word)
//   int8_t decode(const uint8_t *word, int64_t i)
//   unsigned invalid(const uint8_t *word), 0 for the words that encode makes
// and CodecBuilder<C> the loops over tiles, so that these are inlined.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_CODECBUILDER_H
#define TERN_PACKING_CODECBUILDER_H

#include "tern/Packing/Codec.h"

namespace tern {

template <typename C> class CodecBuilder {
public:
  static constexpr Codec build(const char *name, uint32_t number) {
    Codec codec{name,      number,    C::kBytes, C::kDigits, C::kFields, {},
                C::encode, C::decode, isValid,   packTiles,  unpackTiles};
    int8_t zeros[C::kDigits] = {};
    C::encode(zeros, codec.zero);
    return codec;
  }

private:
  static bool isValid(const uint8_t *word) { return !C::invalid(word); }

  static void packTiles(const TileRun &given, const int8_t *digits,
                        uint8_t *bytes) {
    const TileRun run = given; // no store reaches a copy
    int64_t at[C::kDigits];
    for (int64_t i = 0; i < C::kDigits; ++i)
      at[i] = run.digitsOf[i];
    for (int64_t tile = 0; tile < run.tiles; ++tile)
      for (int64_t w = 0; w < run.words; ++w) {
        const int8_t *from = digits + tile * run.tileDigits + run.digitAt[w];
        uint8_t *to = bytes + tile * run.tileBytes;
        int8_t of[C::kDigits];
        for (int64_t i = 0; i < C::kDigits; ++i)
          of[i] = from[at[i]];
        if constexpr (C::kBytes == 1) {
          C::encode(of, to + w);
        } else {
          uint8_t word[C::kBytes];
          C::encode(of, word);
          for (int64_t i = 0; i < C::kBytes; ++i)
            to[run.byteAt[w] + i * run.byteStride] = word[i];
        }
      }
  }

  static bool unpackTiles(const TileRun &given, const uint8_t *bytes,
                          int8_t *digits) {
    const TileRun run = given;
    int64_t at[C::kDigits];
    for (int64_t i = 0; i < C::kDigits; ++i)
      at[i] = run.digitsOf[i];
    unsigned invalid = 0; // bits are cheaper to gather than answers
    for (int64_t tile = 0; tile < run.tiles; ++tile)
      for (int64_t w = 0; w < run.words; ++w) {
        const uint8_t *from = bytes + tile * run.tileBytes;
        int8_t *to = digits + tile * run.tileDigits + run.digitAt[w];
        uint8_t word[C::kBytes];
        if constexpr (C::kBytes == 1)
          word[0] = from[w];
        else
          for (int64_t i = 0; i < C::kBytes; ++i)
            word[i] = from[run.byteAt[w] + i * run.byteStride];
        invalid |= C::invalid(word);
        for (int64_t i = 0; i < C::kDigits; ++i)
          to[at[i]] = C::decode(word, i);
      }
    return !invalid;
  }
};

/// A little endian word of `count` bytes.
constexpr uint64_t loadWord(const uint8_t *bytes, int64_t count) {
  uint64_t word = 0;
  for (int64_t i = 0; i < count; ++i)
    word |= static_cast<uint64_t>(bytes[i]) << 8 * i;
  return word;
}
constexpr void storeWord(uint64_t word, uint8_t *bytes, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    bytes[i] = static_cast<uint8_t>(word >> 8 * i);
}

constexpr int kPowersOf3[] = {1, 3, 9, 27, 81, 243};

/// A byte of equal fields, each the number sum (d_j + 1) 3^j.
template <int64_t bits, int64_t digits> struct NumberFields {
  static constexpr int64_t kBytes = 1, kDigits = 8 / bits * digits;
  static constexpr DigitFields kFields{bits, digits, false};

  static constexpr void encode(const int8_t *d, uint8_t *word) {
    int byte = 0;
    for (int64_t i = 0; i < kDigits; ++i)
      byte += (d[i] + 1) * (kPowersOf3[i % digits] << bits * (i / digits));
    *word = static_cast<uint8_t>(byte);
  }
  static constexpr int field(uint8_t byte, int64_t f) {
    return byte >> bits * f & ((1 << bits) - 1);
  }
  static constexpr int8_t decode(const uint8_t *word, int64_t i) {
    int number = field(*word, i / digits) / kPowersOf3[i % digits];
    return static_cast<int8_t>((digits == 1 ? number : number % 3) - 1);
  }
  static constexpr unsigned invalid(const uint8_t *word) {
    unsigned count = 0;
    for (int64_t f = 0; f < 8 / bits; ++f)
      count += field(*word, f) >= kPowersOf3[digits];
    return count;
  }
};

} // namespace tern

#endif // TERN_PACKING_CODECBUILDER_H
