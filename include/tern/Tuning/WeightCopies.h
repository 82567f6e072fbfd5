//===- tern/Tuning/WeightCopies.h - Weights that no cache holds -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel that is timed with one weight reads it from a cache, where a model
// has hundreds of weights between two readings of one. Copies stand for them.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_WEIGHTCOPIES_H
#define TERN_TUNING_WEIGHTCOPIES_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace tern {

/// How much is read before a byte is read again.
struct CopySize {
  uint64_t bytes;      ///< of all copies of a weight in one layout
  uint64_t cacheBytes; ///< of all caches; 0: not known
  bool isLimited;      ///< by memory, to less than several times the caches
};

/// Four times what all caches hold and 256 MiB at least, so that hardly a byte
/// stays in one even if lines are replaced at random; for each of `layouts`
/// layouts, in a quarter of the memory that is available.
CopySize getCopySize(uint64_t cacheBytes, uint64_t availableBytes,
                     unsigned layouts);

/// The same on this machine.
CopySize getCopySize(unsigned layouts);

/// Copies of one weight, in huge pages where the system gives some.
class WeightCopies {
public:
  /// As many as `bytes` hold, one at least. Pages come when they are filled,
  /// near the thread that does it.
  WeightCopies(llvm::ArrayRef<uint8_t> weight, uint64_t bytes);
  ~WeightCopies();
  WeightCopies(const WeightCopies &) = delete;
  WeightCopies &operator=(const WeightCopies &) = delete;

  bool hasMemory() const { return memory; }
  void fill();
  uint64_t size() const { return count; }
  /// The copy that was read longest ago.
  const uint8_t *next() { return memory + position++ % count * stride; }

private:
  llvm::ArrayRef<uint8_t> weight;
  uint64_t stride, count, position = 0;
  uint8_t *memory;
};

} // namespace tern

#endif // TERN_TUNING_WEIGHTCOPIES_H
