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

namespace tern {

/// A way to compute a product.
struct ProductTrial {
  ProductShape shape;
  Strategy strategy;
};

/// "contiguous_columns, 8 ahead".
std::string describeStrategy(const ProductTrial &trial);

/// Functions of trials in a library that is loaded. One is called with the
/// descriptors of eight memrefs: codes, weight, row list and its length, column
/// list and its length, scales, result.
class ProductLibrary {
public:
  using Function = void (*)(void *, void *, void *, void *, void *, void *,
                            void *, void *);

  /// An error names what the compiler, the linker or the loader says. `target`
  /// is this machine's.
  static llvm::Expected<std::unique_ptr<ProductLibrary>>
  compile(TargetAttr target, llvm::ArrayRef<ProductTrial> trials);
  ~ProductLibrary();

  /// That of trial number `i`.
  Function get(unsigned i) const { return functions[i]; }

private:
  ProductLibrary() = default;

  void *handle = nullptr;
  llvm::SmallVector<Function> functions;
};

} // namespace tern

#endif // TERN_TUNING_PRODUCTLIBRARY_H
