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

/// Times of one pass over a weight.
struct ProductTime {
  double seconds = 0; ///< of all threads together
  double bytes = 0;   ///< of weights that are read
  double products = 0;
  bool isExact = false; ///< the same bits as Generic's
};

/// How long is measured, and how.
struct TrialOptions {
  unsigned threads = 1; ///< each with weights of its own, all at a time
  double seconds = 0.12;
  size_t weightBytes = size_t(256) << 20; ///< more than caches hold
};

/// Products of one shape with the same operands, however they are computed.
class ProductBench {
public:
  /// Computes the results that all others must have, by `reference`, a trial
  /// whose code is `function`.
  ProductBench(const ProductTrial &reference,
               ProductLibrary::Function function);
  ~ProductBench();

  /// Compares `function`, which is the code of `strategy`, and times it if its
  /// results are exact. An error says that there is no memory.
  llvm::Expected<ProductTime> measure(const Strategy &strategy,
                                      ProductLibrary::Function function,
                                      const TrialOptions &options);

private:
  struct Operands;
  class Call;
  class Worker;
  /// The weight as `strategy` reads it; packed once for each layout.
  const std::vector<uint8_t> &pack(const Strategy &strategy);

  ProductShape shape;
  std::unique_ptr<Operands> operands;
  std::vector<int32_t> expected;                   ///< bits of [tokens, rows]
  std::map<uint64_t, std::vector<uint8_t>> packed; ///< by layout
};

} // namespace tern

#endif // TERN_TUNING_PRODUCTBENCH_H
