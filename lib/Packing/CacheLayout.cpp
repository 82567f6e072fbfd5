//===- lib/Packing/CacheLayout.cpp - Bytes of a KV cache ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/CacheLayout.h"

#include <algorithm>

using namespace tern;

static int64_t ceilDiv(int64_t value, int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

static int64_t align(int64_t bytes) {
  return ceilDiv(bytes, CacheLayout::alignment) * CacheLayout::alignment;
}

std::vector<CachePlane> CacheLayout::planes() const {
  switch (bits) {
  case 3:
    return {{2, 0}, {1, 2}};
  case 4:
    return {{4, 0}};
  case 8:
    return {{8, 0}};
  default:
    return {}; // f16 values, no codes
  }
}

//===----------------------------------------------------------------------===//
// The state
//===----------------------------------------------------------------------===//

int64_t CacheLayout::fixedBytes() const {
  return headerBytes + (hasFirstRows() ? layers * heads * firstRowBytes() : 0);
}

int64_t CacheLayout::blockBytes() const { return layers * heads * headBytes(); }

int64_t CacheLayout::stateBytes(int64_t capacity) const {
  return blocksOffset() + ceilDiv(capacity, blockTokens) * blockStep();
}

int64_t CacheLayout::firstRowsOffset() const {
  return firstRowsAt ? firstRowsAt : headerBytes;
}

int64_t CacheLayout::blocksOffset() const {
  return blocksAt ? blocksAt : fixedBytes();
}

int64_t CacheLayout::blockStep() const {
  return blockStride ? blockStride : blockBytes();
}

int64_t CacheLayout::firstRowOffset(int64_t layer, int64_t head) const {
  return firstRowsOffset() + (layer * heads + head) * firstRowBytes();
}

int64_t CacheLayout::firstCodeBytes() const { return align(headDim); }

int64_t CacheLayout::firstRowBytes() const {
  return firstScalesOffset() + align(2 * sizeof(uint16_t));
}

//===----------------------------------------------------------------------===//
// A block
//===----------------------------------------------------------------------===//

int64_t CacheLayout::headBytes() const {
  int64_t scales = isHalf() ? 0 : align(blockTokens * sizeof(uint16_t));
  return valueScalesOffset() + scales;
}

int64_t CacheLayout::headOffset(int64_t layer, int64_t head) const {
  return (layer * heads + head) * headBytes();
}

int64_t CacheLayout::keyScalesOffset() const {
  return align(blockTokens / lanes * keyGroupBytes());
}

int64_t CacheLayout::valuesOffset() const {
  int64_t scales = isHalf() ? 0 : align(blockTokens * sizeof(uint16_t));
  return keyScalesOffset() + scales;
}

int64_t CacheLayout::valueScalesOffset() const {
  int64_t values = isHalf() ? align(blockTokens * headDim * sizeof(uint16_t))
                            : valueGroups() * valueGroupBytes();
  return valuesOffset() + values;
}

int64_t CacheLayout::valueGroups() const { return ceilDiv(headDim, lanes); }

int64_t CacheLayout::keyChunks(const CachePlane &plane) const {
  return ceilDiv(headDim, plane.chunkDepth());
}

int64_t CacheLayout::valueChunks(const CachePlane &plane) const {
  return blockTokens / plane.chunkDepth();
}

int64_t CacheLayout::keyPlaneOffset(size_t plane) const {
  std::vector<CachePlane> all = planes();
  int64_t offset = 0;
  for (size_t p = 0; p < plane; ++p)
    offset += keyChunks(all[p]) * chunkBytes;
  return offset;
}

int64_t CacheLayout::valuePlaneOffset(size_t plane) const {
  std::vector<CachePlane> all = planes();
  int64_t offset = 0;
  for (size_t p = 0; p < plane; ++p)
    offset += valueChunks(all[p]) * chunkBytes;
  return offset;
}

int64_t CacheLayout::keyGroupBytes() const {
  if (isHalf())
    return headDim * lanes * sizeof(uint16_t);
  return keyPlaneOffset(planes().size());
}

int64_t CacheLayout::valueGroupBytes() const {
  if (isHalf())
    return blockTokens * lanes * sizeof(uint16_t);
  return valuePlaneOffset(planes().size());
}

CacheBits CacheLayout::locateKey(size_t plane, int64_t token,
                                 int64_t dim) const {
  CachePlane p = planes()[plane];
  int64_t chunk = dim / p.chunkDepth(), inChunk = dim % p.chunkDepth();
  return {token / lanes * keyGroupBytes() + keyPlaneOffset(plane) +
              chunk * chunkBytes + 4 * (token % lanes) + inChunk % 4,
          unsigned(inChunk / 4) * p.bits};
}

CacheBits CacheLayout::locateValue(size_t plane, int64_t token,
                                   int64_t dim) const {
  CachePlane p = planes()[plane];
  int64_t chunk = token / p.chunkDepth(), inChunk = token % p.chunkDepth();
  return {dim / lanes * valueGroupBytes() + valuePlaneOffset(plane) +
              chunk * chunkBytes + 4 * (dim % lanes) + inChunk % 4,
          unsigned(inChunk / 4) * p.bits};
}

int64_t CacheLayout::locateHalfKey(int64_t token, int64_t dim) const {
  return token / lanes * keyGroupBytes() +
         (dim * lanes + token % lanes) * sizeof(uint16_t);
}

int64_t CacheLayout::locateHalfValue(int64_t token, int64_t dim) const {
  int64_t group = dim / lanes;
  return group * valueGroupBytes() + token * halfValueBytes(group) +
         dim % lanes * sizeof(uint16_t);
}

int64_t CacheLayout::halfValueBytes(int64_t group) const {
  return std::min(lanes, headDim - group * lanes) * sizeof(uint16_t);
}

//===----------------------------------------------------------------------===//
// Identity
//===----------------------------------------------------------------------===//

std::string CacheLayout::str() const {
  // A change of the byte order above needs another word in front.
  std::string order = isHalf() ? "grouped" : "chunked";
  return order + " layers=" + std::to_string(layers) +
         " heads=" + std::to_string(heads) +
         " head_dim=" + std::to_string(headDim) +
         " bits=" + std::to_string(bits) +
         " bos_bits=" + std::to_string(bosBits);
}

uint64_t CacheLayout::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : str())
    hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}
