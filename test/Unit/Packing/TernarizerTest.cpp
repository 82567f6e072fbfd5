//===- TernarizerTest.cpp - Masters to digits -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Ternarizer.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace tern;

TEST(Ternarizer, TernarizeRoundsHalvesToEven) {
  // mean|W| = 1: 0.5 goes to 0, just above to 1; the sign follows.
  std::vector<float> master = {0.5f, -0.5f, 0.50000006f, -0.75f,
                               1.5f, -1.5f, 1.5f,        1.24999994f};
  std::vector<int8_t> digits(master.size());
  EXPECT_EQ(ternarize(master.data(), 8, digits.data()), 1.0f);
  EXPECT_EQ(digits, (std::vector<int8_t>{0, 0, 1, -1, 1, -1, 1, 1}));
  // A matrix of zeros has alpha 1e-5 and digits 0, not NaN.
  std::vector<float> zeros(8, 0.0f);
  EXPECT_EQ(ternarize(zeros.data(), 8, digits.data()), 1e-5f);
  EXPECT_EQ(digits, std::vector<int8_t>(8, 0));
}

TEST(Ternarizer, TernarizeTakesTheMeanInDouble) {
  // In f32 the sum would stop growing at 2^24.
  std::vector<float> master(16384, 0.0f);
  std::vector<int8_t> digits(master.size());
  master[0] = 0x1p24f;
  for (int i = 1; i <= 1024; ++i)
    master[8 * i] = 1.0f;
  EXPECT_EQ(ternarize(master.data(), 16384, digits.data()), 1024.0625f);
}

TEST(Ternarizer, TernarizingInPartsIsTheSame) {
  std::vector<float> master(1003);
  for (size_t i = 0; i < master.size(); ++i)
    master[i] = std::sin(static_cast<float>(i * i)) * (i % 7 ? 1.0f : 1e4f);
  std::vector<int8_t> whole(master.size()), parts(master.size());
  float alpha = ternarize(master.data(), 1003, whole.data());
  for (int64_t size : {8, 64, 1000}) {
    Ternarizer ternarizer;
    for (int64_t from = 0; from < 1003; from += size)
      ternarizer.add(master.data() + from,
                     std::min<int64_t>(size, 1003 - from));
    EXPECT_EQ(ternarizer.alpha(), alpha);
    for (int64_t from = 0; from < 1003; from += size)
      ternarizer.toDigits(master.data() + from,
                          std::min<int64_t>(size, 1003 - from),
                          parts.data() + from);
    EXPECT_EQ(parts, whole);
  }
}
