//===- tern/Tuning/ProductBench.h - Products timed --------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_PRODUCTBENCH_H
#define TERN_TUNING_PRODUCTBENCH_H

#include "tern/Tuning/ProductLibrary.h"

#include <map>
#include <vector>

namespace tern {

struct ProductOperands;

/// Times of one pass over a weight.
struct ProductTime {
  double seconds = 0; ///< of all threads together; the lower quartile
  double spread = 0;  ///< half of what lies between the least and the median,
                      ///< as a share of `seconds`
  double bytes = 0;   ///< of weights that are read
  double products = 0;
  bool isExact = false; ///< the same bits as Generic's
};

/// The lower quartile of times and their spread: what disturbs a measurement
/// only makes it longer.
void summarize(std::vector<double> times, ProductTime &result);

/// How long is measured, and how.
struct TrialOptions {
  unsigned threads = 1; ///< each with weights of its own, all at a time
  unsigned rounds = 10;
  double seconds = 0.01; ///< of one way in one round
  /// Copies of a weight in one layout, of all threads together.
  uint64_t weightBytes = uint64_t(256) << 20;
};

/// A way to compute a product: its code is number `index` of `library`.
struct Candidate {
  Strategy strategy;
  const ProductLibrary *library;
  unsigned index;
};

/// Products of one shape with the same operands, however they are computed.
class ProductBench {
public:
  /// Computes the results that all others must have.
  ProductBench(const ProductShape &shape, const Candidate &reference);
  ~ProductBench();

  /// Compares all candidates and times those with exact results, in turns: each
  /// round has a moment of each of them. The library has copies for all
  /// threads. An error says that there is no memory.
  llvm::Expected<std::vector<ProductTime>>
  measure(llvm::ArrayRef<Candidate> candidates, const TrialOptions &options);

private:
  class Thread;
  /// The weight as `strategy` reads it; packed once for each layout.
  llvm::ArrayRef<uint8_t> pack(const Strategy &strategy);
  /// With the time of a call that finds everything in a cache.
  ProductTime compare(const Candidate &candidate);

  ProductShape shape;
  std::unique_ptr<ProductOperands> operands;
  std::vector<int32_t> expected;                   ///< bits of [tokens, rows]
  std::map<uint64_t, std::vector<uint8_t>> packed; ///< by layout
};

} // namespace tern

#endif // TERN_TUNING_PRODUCTBENCH_H
