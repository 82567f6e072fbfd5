//===- ProductReference.h - Products and their definition -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_CONVERSION_PRODUCTREFERENCE_H
#define TERN_TEST_UNIT_CONVERSION_PRODUCTREFERENCE_H

#include "Kernels/KernelRunner.h"

#include "tern/Packing/Layout.h"

namespace tern::test {

/// Worst are as large as can be; WorstPlanes is 120, 16 * 8 - 8.
enum class Data { Random, MostZero, Worst, WorstPlanes, Int4, WorstInt4 };

struct Shape {
  int64_t rows, columns;
};

/// How a product's operands are given.
enum class Kind { Decode, Prefill, Rows, Sparse };

/// A product of a weight with a layout.
struct Product {
  Product(Kind kind, Shape shape, Layout layout);

  std::string name() const;
  /// A function of (codes or values, weight, list, count, result).
  std::string text() const;

  Kind kind;
  Shape shape;
  Layout layout;
  int64_t columns, rows; // padded
  int64_t listSize;
  /// In the IR's words.
  std::string codeRange = "[-128, 127]", strategy;
};

/// A product of rows of int8.
struct Int8Product {
  std::string name() const;
  /// A function of (codes, weight, result).
  std::string text() const;

  Shape shape;
  bool isPrefill;
};

/// Runs a product on `tokens` tokens and compares it with its definition; a
/// list holds about `density` of all.
void check(CompiledModule &module, const Product &p, Data data, int64_t tokens,
           double density = 1);
void check(CompiledModule &module, const Int8Product &p, Data data,
           int64_t tokens);

} // namespace tern::test

#endif // TERN_TEST_UNIT_CONVERSION_PRODUCTREFERENCE_H
