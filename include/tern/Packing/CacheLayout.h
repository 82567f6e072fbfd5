//===- tern/Packing/CacheLayout.h - Bytes of a KV cache ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the keys and values of one sequence lie in its state. No MLIR here, and
// no target: a state may be saved on one machine and restored on another.
//
//   state = header (64 bytes, the runtime's)
//           first rows, if position 0 has its own width: per layer and kv head
//             [key codes, a byte each][value codes, a byte each][2 scales]
//           blocks of 64 tokens: per layer and kv head
//             [key codes][64 key scales][value codes][64 value scales]
//
// Scales are f16; every part starts at a multiple of 64 bytes. With 16 bits
// there are no scales, and codes are f16 values, in vectors of sixteen tokens
// or sixteen dimensions, so that no sum goes across lanes:
//
//   keys   [4 groups of 16 tokens][head_dim][16 tokens]
//   values [groups of 16 dimensions, the last may have fewer][64 tokens]
//          [dimensions of the group]
//
// Narrower codes are cut into planes of 1, 2, 4 or 8 bits (3 = 2 low bits and 1
// high bit), and a plane into chunks of 64 bytes that are vectors of sixteen
// 32 bit lanes, ready for a dot product of four bytes per lane. With F = 8 /
// bits codes of a plane in a byte, lowest bits first:
//
//   keys   [4 groups of 16 tokens][planes][chunks of 4F dimensions][64 bytes]
//          byte 4t + j, field f: token t of the group, dimension 4f + j of the
//          chunk
//   values [groups of 16 dimensions][planes][chunks of 4F tokens][64 bytes]
//          byte 4i + j, field f: dimension i of the group, token 4f + j of the
//          chunk
//
//===----------------------------------------------------------------------===//

#ifndef TERN_PACKING_CACHELAYOUT_H
#define TERN_PACKING_CACHELAYOUT_H

#include <cstdint>
#include <string>
#include <vector>

namespace tern {

/// `bits` of each code, starting at its bit `firstBit`.
struct CachePlane {
  unsigned bits;
  unsigned firstBit;
  /// Codes that share a byte.
  int64_t fields() const { return 8 / bits; }
  /// Bytes of a chunk hold 16 times this many codes.
  int64_t chunkDepth() const { return 4 * fields(); }
  unsigned mask() const { return (1u << bits) - 1; }
};

/// Bits `shift` and up of byte `byte`.
struct CacheBits {
  int64_t byte;
  unsigned shift;
};

struct CacheLayout {
  int64_t layers;
  int64_t heads; ///< kv heads
  int64_t headDim;
  int64_t bits;    ///< of a code: 3, 4, 8 or 16
  int64_t bosBits; ///< of a code of position 0

  /// Where several kinds of layers share the state: places in it of this kind's
  /// first rows and of its part of the first block, and the bytes of all kinds'
  /// blocks. 0: the state is this kind's alone.
  int64_t firstRowsAt = 0;
  int64_t blocksAt = 0;
  int64_t blockStride = 0;

  static constexpr int64_t alignment = 64;
  static constexpr int64_t headerBytes = 64;
  static constexpr int64_t blockTokens = 64;
  static constexpr int64_t lanes = 16; ///< tokens or dimensions of a group
  static constexpr int64_t chunkBytes = 64;

  bool isHalf() const { return bits == 16; }
  /// Position 0 lies outside of the blocks; its place there is unused.
  bool hasFirstRows() const { return bits != bosBits; }
  std::vector<CachePlane> planes() const;

  /// Sizes of the state.
  int64_t fixedBytes() const;
  int64_t blockBytes() const;
  int64_t stateBytes(int64_t capacity) const;

  /// Where first rows and blocks begin, and bytes from block to block.
  int64_t firstRowsOffset() const;
  int64_t blocksOffset() const;
  int64_t blockStep() const;

  /// Parts of a block: what kv head `head` of `layer` has, and inside of that.
  int64_t headBytes() const;
  int64_t headOffset(int64_t layer, int64_t head) const;
  int64_t keysOffset() const { return 0; }
  int64_t keyScalesOffset() const;
  int64_t valuesOffset() const;
  int64_t valueScalesOffset() const;

  /// Chunks of a plane in one group: of keys, of values.
  int64_t keyChunks(const CachePlane &plane) const;
  int64_t valueChunks(const CachePlane &plane) const;
  int64_t keyGroupBytes() const;
  int64_t valueGroupBytes() const; ///< of a whole group
  /// Groups of 16 dimensions that values are cut into.
  int64_t valueGroups() const;
  /// Where a plane starts inside of its group.
  int64_t keyPlaneOffset(size_t plane) const;
  int64_t valuePlaneOffset(size_t plane) const;

  /// A plane's bits of one code, from the start of the key (value) codes.
  CacheBits locateKey(size_t plane, int64_t token, int64_t dim) const;
  CacheBits locateValue(size_t plane, int64_t token, int64_t dim) const;

  /// The same of 16 bits: where the two bytes of a value lie.
  int64_t locateHalfKey(int64_t token, int64_t dim) const;
  int64_t locateHalfValue(int64_t token, int64_t dim) const;
  /// Bytes of what a token has in group `group` of values.
  int64_t halfValueBytes(int64_t group) const;

  /// First rows, from the start of the state.
  int64_t firstRowOffset(int64_t layer, int64_t head) const;
  int64_t firstRowBytes() const;
  int64_t firstCodeBytes() const; ///< of one row; values follow keys
  int64_t firstScalesOffset() const { return 2 * firstCodeBytes(); }

  std::string str() const;
  /// FNV-1a of str(): what the runtime compares before it restores a state.
  uint64_t fingerprint() const;
};

} // namespace tern

#endif // TERN_PACKING_CACHELAYOUT_H
