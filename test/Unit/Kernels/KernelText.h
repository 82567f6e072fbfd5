//===- KernelText.h - Pieces of IR as text ----------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_KERNELS_KERNELTEXT_H
#define TERN_TEST_UNIT_KERNELS_KERNELTEXT_H

#include <cstdint>
#include <string>

namespace tern::test {

inline std::string number(int64_t value) { return std::to_string(value); }

inline std::string vectorType(int64_t lanes, const std::string &element) {
  return "vector<" + number(lanes) + "x" + element + ">";
}

/// Constants %i0, %i1, ... of type index.
inline std::string indexText(int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i)
    text += "%i" + number(i) + " = arith.constant " + number(i) + " : index\n";
  return text;
}

/// `value`, a vector<rows x columns x i8>, is what `memory` holds.
inline std::string loadText(const std::string &value, const std::string &memory,
                            int64_t rows, int64_t columns) {
  std::string shape = number(rows) + "x" + number(columns) + "xi8>";
  std::string row = vectorType(columns, "i8");
  std::string text =
      value + "_0 = arith.constant dense<0> : vector<" + shape + "\n";
  for (int64_t r = 0; r < rows; ++r) {
    std::string next = r + 1 < rows ? value + "_" + number(r + 1) : value;
    std::string part = value + "_row" + number(r);
    text += part + " = vector.load " + memory + "[%i" + number(r) +
            ", %i0] : memref<" + shape + ", " + row + "\n" + next +
            " = vector.insert " + part + ", " + value + "_" + number(r) + " [" +
            number(r) + "] : " + row + " into vector<" + shape + "\n";
  }
  return text;
}

inline std::string storeText(const std::string &value,
                             const std::string &memory, int64_t rows,
                             int64_t columns) {
  std::string shape = number(rows) + "x" + number(columns) + "xi8>";
  std::string row = vectorType(columns, "i8"), text;
  for (int64_t r = 0; r < rows; ++r)
    text += value + "_row" + number(r) + " = vector.extract " + value + "[" +
            number(r) + "] : " + row + " from vector<" + shape +
            "\nvector.store " + value + "_row" + number(r) + ", " + memory +
            "[%i" + number(r) + ", %i0] : memref<" + shape + ", " + row + "\n";
  return text;
}

} // namespace tern::test

#endif // TERN_TEST_UNIT_KERNELS_KERNELTEXT_H
