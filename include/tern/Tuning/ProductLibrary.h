//===- tern/Tuning/ProductLibrary.h - Products alone ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products by themselves, compiled for this machine into a library that this
// process loads.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TUNING_PRODUCTLIBRARY_H
#define TERN_TUNING_PRODUCTLIBRARY_H

#include "tern/Target/Strategy.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace tern {

/// A way to compute a product.
struct ProductTrial {
  ProductShape shape;
  Strategy strategy;
};

/// "contiguous_columns, 8 ahead".
std::string describeStrategy(const ProductTrial &trial);

/// Functions of trials in a library that is loaded, once for each thread: they
/// keep what they prepare in memory of the library. One is called with the
/// descriptors of eight memrefs: codes, weight, row list and its length, column
/// list and its length, scales, result.
class ProductLibrary {
public:
  using Function = void (*)(void *, void *, void *, void *, void *, void *,
                            void *, void *, void *);

  /// An error names what the compiler, the linker or the loader says. `target`
  /// is this machine's, `threads` how many compute at a time.
  static llvm::Expected<std::unique_ptr<ProductLibrary>>
  compile(TargetAttr target, llvm::ArrayRef<ProductTrial> trials,
          unsigned threads = 1);
  ~ProductLibrary();

  /// That of trial number `i`, for one of the threads.
  Function get(unsigned i, unsigned thread = 0) const {
    return functions[thread][i];
  }

private:
  ProductLibrary() = default;

  llvm::Error load(const std::string &path, unsigned count);

  std::vector<void *> handles;
  std::vector<std::vector<Function>> functions; ///< [thread][trial]
};

} // namespace tern

#endif // TERN_TUNING_PRODUCTLIBRARY_H
