//===- LookupProductsTest.cpp - Products by tables of sums ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductReference.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/LayoutFamilies.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

/// A machine that looks up lane by lane, and those with permutes of bytes.
std::vector<Machine> lookupMachines() {
  return {machines().front(), machines().back()};
}

class LookupProducts : public testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    if (!GetParam().isHere())
      GTEST_SKIP() << "this host has no " << GetParam().featureString();
  }

  /// Checks products of `planes` planes on tiles of `vectors` x 64 rows and
  /// `groups` groups.
  void checkAll(int64_t vectors, int64_t groups, int64_t planes,
                const std::vector<Shape> &shapes,
                const std::vector<Data> &data) {
    const Layout layout =
        GroupsInLanes{&codecs::s5, Axis::Column, groups, vectors, 64}.layout();
    auto number = [](int64_t n) { return std::to_string(n); };
    std::string text;
    std::vector<Product> products;
    for (Kind kind : {Kind::Decode, Kind::Prefill})
      for (Shape shape : shapes) {
        Product product(kind, shape, layout);
        if (planes == 1)
          product.codeRange = "[-8, 7]";
        product.strategy = " strategy #tern.strategy<[#tern.lookup_groups<"
                           "lanes = 64, vectors = " +
                           number(vectors) + ", groups = " + number(groups) +
                           ", planes = " + number(planes) +
                           ", tokens = 4>], units = 1, prefetch = 0>";
        text += product.text();
        products.push_back(product);
      }
    // The target's own choice would take the place of the text's.
    auto module = CompiledModule::compile(GetParam(), text, Strategies::None);
    ASSERT_TRUE(module);
    EXPECT_EQ(module->portableProducts(), 0);
    for (const Product &product : products)
      for (int64_t tokens : {1, 4, 6})
        for (Data codes : data) {
          if (product.kind == Kind::Prefill || tokens == 1)
            check(*module, product, codes, tokens);
          if (HasFatalFailure())
            return;
        }
  }
};

/// Columns of a part of a tile, of several tiles, and of more than the 819
/// groups whose sums 16 bits hold; three workers with rows and without.
const std::vector<Shape> kShapes = {{1, 1}, {65, 320}, {515, 1000}, {4, 5460}};
const std::vector<Data> kInt8 = {Data::Random, Data::Worst, Data::WorstPlanes,
                                 Data::Int4};
const std::vector<Data> kInt4 = {Data::Int4, Data::WorstInt4};

TEST_P(LookupProducts, TwoPlanes) { checkAll(2, 57, 2, kShapes, kInt8); }
TEST_P(LookupProducts, OnePlane) { checkAll(2, 57, 1, kShapes, kInt4); }
TEST_P(LookupProducts, SmallTiles) {
  checkAll(1, 3, 2, {{5, 31}, {130, 200}}, kInt8);
}
INSTANTIATE_TEST_SUITE_P(Machines, LookupProducts,
                         testing::ValuesIn(lookupMachines()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
