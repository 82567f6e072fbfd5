//===- HalfFloatTest.cpp - Floats of 16 bits ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/HalfFloat.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace tern;

TEST(HalfFloat, HalvesRoundTripAndRoundToEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    if ((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff)) {
      EXPECT_TRUE(std::isnan(value));
      continue;
    }
    EXPECT_EQ(floatToHalf(value), bits);
    if ((bits & 0x7c00) != 0x7c00 && (bits & 0x7fff) < 0x7bff) {
      float next = halfToFloat(static_cast<uint16_t>(bits + 1));
      float middle = (value + next) / 2; // exact
      EXPECT_EQ(floatToHalf(middle), bits + (bits & 1)) << bits;
    }
  }
  EXPECT_EQ(halfToFloat(0x3c00), 1.0f);
  EXPECT_EQ(halfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(floatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(1e30f), 0x7c00);
  EXPECT_EQ(floatToHalf(-0x1p-25f), 0x8000);
  EXPECT_TRUE(std::isnan(
      halfToFloat(floatToHalf(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(bfloatToFloat(0x3f80), 1.0f);
  EXPECT_EQ(bfloatToFloat(0xc049), -3.140625f);
}
