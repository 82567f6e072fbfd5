//===- tern/Packing/Codec.h - How digits share bytes ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A codec is a record: a word of some bytes holds some digits, int8_t in {-1,
// 0, 1}, or integers of a few bits. Each is defined in one file of lib/Packing;
// everything else asks the record.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_CODEC_H
#define TERN_PACKING_CODEC_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace tern {

/// A field of a word whose bits are not beside each other.
struct ScatteredField {
  struct Run {
    int64_t from = 0, bits = 0; ///< of the word; no bits: no run
  };
  Run runs[3] = {};  ///< lowest bits of the field first
  int64_t added = 0; ///< the field is what they hold plus this, mod 2^bits

  constexpr uint64_t gather(uint64_t word) const {
    uint64_t value = 0;
    int64_t at = 0;
    for (const Run &run : runs) {
      value |= (word >> run.from & ((uint64_t(1) << run.bits) - 1)) << at;
      at += run.bits;
    }
    return (value + static_cast<uint64_t>(added)) & ((uint64_t(1) << at) - 1);
  }
  /// The bits of a word that hold `value`.
  constexpr uint64_t scatter(uint64_t value) const {
    uint64_t word = 0, rest = value - static_cast<uint64_t>(added);
    for (const Run &run : runs) {
      word |= (rest & ((uint64_t(1) << run.bits) - 1)) << run.from;
      rest >>= run.bits;
    }
    return word;
  }
};

/// The digits of a word, a little endian number, whose fields are numbers to
/// base 3: field f is bits f * bits and up, unless it is scattered, and
/// `digits` digits of it are (number / 3^j) mod 3, minus 1. A field of sign and
/// magnitude is s << (bits - 1) | |v|, with number = v + (3^digits - 1) / 2. A
/// field that is an integer is one digit, number - 2^(bits - 1), or number if
/// it is unsigned.
struct DigitFields {
  int64_t bits, digits;
  bool isSignMagnitude = false;
  bool isInteger = false;
  const ScatteredField *scattered = nullptr; ///< one for each field, or null
  bool isUnsigned = false;
};

/// Some equal tiles to pack or unpack: digits lie in a matrix, bytes one after
/// the other.
struct TileRun {
  int64_t tiles;
  int64_t words;           ///< of a tile
  const int64_t *digitAt;  ///< of each word's first digit, from the tile's
  const int64_t *byteAt;   ///< of each word's first byte, from the tile's
  const int64_t *digitsOf; ///< of each digit of a word, from the word's first
  int64_t byteStride;      ///< between the bytes of a word
  int64_t tileDigits;      ///< from one tile's first digit to the next one's
  int64_t tileBytes;       ///< the same for bytes
};

struct Codec {
  static constexpr int64_t kMaxWordBytes = 8, kMaxWordDigits = 32;

  const char *name; ///< "b2"
  uint32_t number;  ///< stable: never given to another codec
  int64_t wordBytes, wordDigits;
  DigitFields fields;
  uint8_t zero[kMaxWordBytes]; ///< the word of zeros

  /// Words are bytes of ternary digits, in fields that are not scattered.
  bool hasTernaryBytes() const {
    return wordBytes == 1 && !fields.isInteger && !fields.scattered;
  }

  /// The smallest digit and the largest one.
  int lowest() const {
    if (!fields.isInteger)
      return -1;
    return fields.isUnsigned ? 0 : -(1 << (fields.bits - 1));
  }
  int highest() const {
    return fields.isInteger ? lowest() + (1 << fields.bits) - 1 : 1;
  }

  void (*encode)(const int8_t *digits, uint8_t *word);
  /// Digit i of a valid word.
  int8_t (*decode)(const uint8_t *word, int64_t i);
  /// True for the words that `encode` makes.
  bool (*isValid)(const uint8_t *word);

  /// Both walk all tiles of a run; unpackTiles returns false if a word is not
  /// valid, whose digits are then anything.
  void (*packTiles)(const TileRun &run, const int8_t *digits, uint8_t *bytes);
  bool (*unpackTiles)(const TileRun &run, const uint8_t *bytes, int8_t *digits);
};

namespace codecs {
#define TERN_CODEC(name) extern const Codec name;
#include "tern/Packing/Codecs.def"
} // namespace codecs

/// By rising number.
const std::vector<const Codec *> &allCodecs();

/// Null if there is none of that name.
const Codec *findCodec(std::string_view name);

} // namespace tern

#endif // TERN_PACKING_CODEC_H
