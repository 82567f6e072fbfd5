//===- lib/Artifact/WeightValues.cpp - Numbers that the compiler makes ----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightValues.h"

#include <algorithm>
#include <cmath>

using namespace tern;

float tern::quantizeRow(const float *values, int64_t count, int64_t bits,
                        int8_t *codes) {
  const float lowest = static_cast<float>(-(1 << (bits - 1)));
  const float largest = -lowest - 1;
  float g = 1e-5f;
  for (int64_t i = 0; i < count; ++i)
    g = std::max(g, std::fabs(values[i]));
  float factor = largest / g;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, halves to
  // even, for any value this small; it needs no call and no particular CPU.
  constexpr float round = 0x1.8p23f;
  for (int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<int8_t>(std::min(
        largest, std::max(lowest, (values[i] * factor + round) - round)));
  return g / largest;
}

void tern::takeUpperBits(int8_t *codes, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<int8_t>(codes[i] >> 2);
}

float tern::takeLowerBits(int8_t *codes, int64_t count) {
  int64_t squares = 0;
  for (int64_t i = 0; i < count; ++i) {
    codes[i] = codes[i] & 3;
    squares += (2 * codes[i] - 3) * (2 * codes[i] - 3);
  }
  // The square of a float is exact in double.
  auto norm = static_cast<float>(std::sqrt(static_cast<double>(squares)));
  if (static_cast<double>(norm) * norm < static_cast<double>(squares))
    norm = std::nextafter(norm, HUGE_VALF);
  return norm;
}

float tern::minusExp(float x) {
  return static_cast<float>(-std::exp(static_cast<double>(x)));
}

std::vector<float> tern::transpose(llvm::ArrayRef<float> values,
                                   int64_t columns) {
  int64_t rows = static_cast<int64_t>(values.size()) / columns;
  std::vector<float> result;
  result.reserve(values.size());
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t row = 0; row < rows; ++row)
      result.push_back(values[row * columns + column]);
  return result;
}

std::vector<double> tern::ropePeriods(int64_t headDim, double theta,
                                      llvm::ArrayRef<double> divisors) {
  std::vector<double> periods;
  for (int64_t i = 0; i < headDim / 2; ++i) {
    periods.push_back(std::pow(theta, 2.0 * static_cast<double>(i) /
                                          static_cast<double>(headDim)));
    if (!divisors.empty())
      periods.back() *= divisors[i];
  }
  return periods;
}

std::vector<float> tern::ropeRows(int64_t first, int64_t count,
                                  llvm::ArrayRef<double> periods, bool isCos,
                                  double factor) {
  std::vector<float> rows;
  rows.reserve(static_cast<size_t>(count) * periods.size());
  for (int64_t position = first; position < first + count; ++position)
    for (double period : periods) {
      double angle = static_cast<double>(position) / period;
      rows.push_back(static_cast<float>(
          factor * (isCos ? std::cos(angle) : std::sin(angle))));
    }
  return rows;
}
