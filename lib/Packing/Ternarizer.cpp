//===- lib/Packing/Ternarizer.cpp - Digits of a master --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Ternarizer.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace tern;

void Ternarizer::add(const float *values, int64_t count) {
  assert(added % 8 == 0 && "only the last part may end anywhere");
  // Eight sums, so that the adds overlap.
  for (int64_t i = 0; i < count; ++i)
    sums[i % 8] += std::fabs(static_cast<double>(values[i]));
  added += count;
}

float Ternarizer::alpha() const {
  double sum = 0;
  for (double part : sums)
    sum += part;
  float mean = static_cast<float>(added ? sum / static_cast<double>(added) : 0);
  return std::max(mean, 1e-5f);
}

void Ternarizer::toDigits(const float *values, int64_t count,
                          int8_t *digits) const {
  float divisor = alpha();
  // rne then clip: 0.5 goes to 0 and everything beyond to +-1.
  for (int64_t i = 0; i < count; ++i) {
    float scaled = values[i] / divisor;
    digits[i] = static_cast<int8_t>((scaled > 0.5f) - (scaled < -0.5f));
  }
}

float tern::ternarize(const float *master, int64_t count, int8_t *digits) {
  Ternarizer ternarizer;
  ternarizer.add(master, count);
  ternarizer.toDigits(master, count, digits);
  return ternarizer.alpha();
}
