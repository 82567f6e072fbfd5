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

float tern::quantizeRow(const float *values, int64_t count, int8_t *codes) {
  float g = 1e-5f;
  for (int64_t i = 0; i < count; ++i)
    g = std::max(g, std::fabs(values[i]));
  float factor = 127.0f / g;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, halves to
  // even, for any value this small; it needs no call and no particular CPU.
  constexpr float round = 0x1.8p23f;
  for (int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<int8_t>(std::min(
        127.0f, std::max(-128.0f, (values[i] * factor + round) - round)));
  return g / 127.0f;
}

std::vector<float> tern::ropeTable(int64_t positions, int64_t headDim,
                                   double theta,
                                   llvm::ArrayRef<double> divisors,
                                   bool isCos) {
  std::vector<double> periods;
  for (int64_t i = 0; i < headDim / 2; ++i) {
    periods.push_back(std::pow(theta, 2.0 * static_cast<double>(i) /
                                          static_cast<double>(headDim)));
    if (!divisors.empty())
      periods.back() *= divisors[i];
  }
  std::vector<float> table;
  table.reserve(static_cast<size_t>(positions) * periods.size());
  for (int64_t position = 0; position < positions; ++position)
    for (double period : periods) {
      double angle = static_cast<double>(position) / period;
      table.push_back(
          static_cast<float>(isCos ? std::cos(angle) : std::sin(angle)));
    }
  return table;
}
