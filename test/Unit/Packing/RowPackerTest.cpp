//===- RowPackerTest.cpp - A matrix, packed row by row --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/RowPacker.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Packing/Packer.h"

#include "gtest/gtest.h"

#include <random>

using namespace tern;

namespace {

/// One of each order of tiles, and with scales.
std::vector<Layout> layouts() {
  return {RowsInLanes{4, 2}.layout(),
          ContiguousRows{2, 3}.layout(),
          PlainWords{&codecs::b2, Axis::Row}.layout(),
          PlainWords{&codecs::b2, Axis::Row}.layout().withScales(
              24, ScaleFormat::F16),
          PlainWords{&codecs::b2, Axis::Column}.layout(),
          GroupsInLanes{&codecs::s5, Axis::Column, 2, 1, 8}.layout(),
          GroupsInLanes{&codecs::t3p5, Axis::Row, 1, 1, 4}.layout()};
}

} // namespace

/// Whatever the parts are, rows of no whole tiles included.
TEST(RowPacker, IsPackDigits) {
  const int64_t rows = 43, columns = 72;
  std::mt19937 random(5);
  std::vector<int8_t> digits(rows * columns);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(random() % 3) - 1;
  for (const Layout &layout : layouts()) {
    std::vector<uint8_t> expected(layout.storageBytes(rows, columns));
    packDigits(layout, digits.data(), rows, columns, expected.data());
    for (int64_t step : {1, 5, 8, 24, 42, 43}) {
      RowPacker packer(layout, rows, columns);
      for (int64_t row = 0; row < rows; row += step)
        packer.add(digits.data() + row * columns, std::min(step, rows - row));
      EXPECT_EQ(packer.take(), expected) << layout.str() << " " << step;
    }
  }
}
