//===- RecodeKernelsTest.cpp - Other bytes of the same numbers ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tern.recode and tern.split_codes for every byte.
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelJit.h"
#include "Kernels/KernelText.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/Codec.h"

#include "gtest/gtest.h"

#include <random>

using namespace tern;
using namespace tern::test;

namespace {

class Recoding : public testing::TestWithParam<JitTarget> {};

} // namespace

/// x = 16 h + l for every byte, and in range.
TEST_P(Recoding, SplitCodes) {
  auto module = JitModule::compile(
      "func.func @split(%x: memref<256xi8>, %h: memref<256xi8>, %l: "
      "memref<256xi8>) {\n%c0 = arith.constant 0 : index\n"
      "%v = vector.load %x[%c0] : memref<256xi8>, vector<256xi8>\n"
      "%a, %b = tern.split_codes %v : vector<256xi8>\n"
      "vector.store %a, %h[%c0] : memref<256xi8>, vector<256xi8>\n"
      "vector.store %b, %l[%c0] : memref<256xi8>, vector<256xi8>\n"
      "return\n}\n",
      GetParam());
  ASSERT_TRUE(module);
  Vector<int8_t> x(256), high(256), low(256);
  for (int i = 0; i < 256; ++i)
    x.data[i] = static_cast<int8_t>(i);
  module->call("split", x.get(), high.get(), low.get());
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(16 * high.data[i] + low.data[i], x.data[i]);
    EXPECT_TRUE(high.data[i] >= -8 && high.data[i] <= 8) << i;
    EXPECT_TRUE(low.data[i] >= -8 && low.data[i] <= 7) << i;
  }
}

/// Every byte of each codec recoded to each other one.
TEST_P(Recoding, Recode) {
  struct Pair {
    const Codec *from, *to;
    std::string name() const {
      return std::string(from->name) + "_" + to->name;
    }
  };
  std::vector<Pair> pairs;
  for (const Codec *from : allCodecs())
    for (const Codec *to : allCodecs())
      if (from->hasTernaryBytes() && to->hasTernaryBytes() && from != to)
        pairs.push_back({from, to});
  EXPECT_EQ(pairs.size(), 30u);
  std::string text;
  for (auto [from, to] : pairs) {
    int64_t in = RecodeOp::getUnitBytes(*from, *to);
    int64_t out = in * from->wordDigits / to->wordDigits;
    std::string inShape = number(in) + "x16xi8>";
    std::string outShape = number(out) + "x16xi8>";
    text += "func.func @" + Pair{from, to}.name() + "(%x: memref<" + inShape +
            ", %y: memref<" + outShape + ") {\n" +
            indexText(std::max(in, out)) + loadText("%v", "%x", in, 16) +
            "%r = tern.recode %v \"" + from->name + "\" to \"" + to->name +
            "\" : vector<" + inShape + " -> vector<" + outShape + "\n" +
            storeText("%r", "%y", out, 16) + "return\n}\n";
  }
  auto module = JitModule::compile(text, GetParam());
  ASSERT_TRUE(module);
  std::mt19937 random(13);
  for (auto [from, to] : pairs) {
    int64_t unit = RecodeOp::getUnitBytes(*from, *to);
    llvm::SmallVector<int64_t> order = RecodeOp::getColumnOrder(*from, *to);
    int64_t results = order.size() / to->wordDigits;
    std::vector<uint8_t> valid;
    for (int byte = 0; byte < 256; ++byte)
      if (uint8_t word = static_cast<uint8_t>(byte); from->isValid(&word))
        valid.push_back(word);
    for (size_t first = 0; first < valid.size(); first += 16) {
      Matrix<int8_t> in(unit, 16), out(results, 16);
      for (int64_t i = 0; i < unit; ++i)
        for (int64_t lane = 0; lane < 16; ++lane)
          in.at(i, lane) =
              static_cast<int8_t>(i == 0 ? valid[(first + lane) % valid.size()]
                                         : valid[random() % valid.size()]);
      module->call(Pair{from, to}.name(), in.get(), out.get());
      for (int64_t lane = 0; lane < 16; ++lane)
        for (size_t at = 0; at < order.size(); ++at) {
          uint8_t source =
              static_cast<uint8_t>(in.at(order[at] / from->wordDigits, lane));
          uint8_t result =
              static_cast<uint8_t>(out.at(at / to->wordDigits, lane));
          ASSERT_TRUE(to->isValid(&result));
          ASSERT_EQ(to->decode(&result, at % to->wordDigits),
                    from->decode(&source, order[at] % from->wordDigits))
              << Pair{from, to}.name() << " digit " << at;
        }
    }
  }
}

TEST(RecodeColumns, OrderOfFiveToFourDigits) {
  const int64_t expected[] = {0,  1,  2,  3,  5,  6,  7, 8, 10, 11,
                              12, 13, 15, 16, 17, 18, 4, 9, 14, 19};
  EXPECT_EQ(llvm::ArrayRef(expected),
            llvm::ArrayRef(RecodeOp::getColumnOrder(codecs::s5, codecs::t4)));
  EXPECT_EQ(RecodeOp::getUnitBytes(codecs::s5, codecs::b2), 4);
  EXPECT_EQ(RecodeOp::getUnitBytes(codecs::t4, codecs::b2), 1);
  EXPECT_EQ(RecodeOp::getUnitBytes(codecs::t4, codecs::s5), 5);
}

INSTANTIATE_TEST_SUITE_P(Targets, Recoding, testing::ValuesIn(getJitTargets()),
                         [](const auto &info) { return info.param.name; });
