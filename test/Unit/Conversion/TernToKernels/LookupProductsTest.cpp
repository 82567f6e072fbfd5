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

/// Columns of a part of a tile, of several tiles, and of more than the 819
/// groups whose sums 16 bits hold; three workers with rows and without.
const std::vector<Shape> kShapes = {{1, 1}, {65, 320}, {515, 1000}, {4, 5460}};
const std::vector<Data> kInt8 = {Data::Random, Data::Worst, Data::WorstPlanes,
                                 Data::Int4};
const std::vector<Data> kLists = {Data::MostZero, Data::Worst,
                                  Data::WorstPlanes, Data::Int4};
const std::vector<Data> kInt4 = {Data::Int4, Data::WorstInt4};

class LookupProducts : public testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    if (!GetParam().isHere())
      GTEST_SKIP() << "this host has no " << GetParam().featureString();
  }

  /// Checks products of weights in `layout`, with one strategy.
  void checkAll(const Layout &layout, const std::string &strategy,
                const std::string &codeRange, const std::vector<Kind> &kinds,
                const std::vector<Shape> &shapes,
                const std::vector<Data> &data) {
    std::string text;
    std::vector<Product> products;
    for (Kind kind : kinds)
      for (Shape shape : shapes) {
        Product product(kind, shape, layout);
        product.codeRange = codeRange;
        product.strategy = " strategy #tern.strategy<" + strategy + ">";
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

  /// The same with `planes` planes on tiles of `vectors` x 64 rows and `groups`
  /// groups.
  void checkTiles(int64_t vectors, int64_t groups, int64_t planes,
                  const std::vector<Shape> &shapes,
                  const std::vector<Data> &data) {
    checkTiles({&codecs::s5, Axis::Column, groups, vectors, 64}, planes, shapes,
               data);
  }
  void checkTiles(const GroupsInLanes &tile, int64_t planes,
                  const std::vector<Shape> &shapes,
                  const std::vector<Data> &data) {
    checkAll(tile.layout(),
             "[" + kernel(tile, tile.groups, planes) +
                 "], units = 1, prefetch = 0",
             planes == 1 ? "[-8, 7]" : "[-128, 127]",
             {Kind::Decode, Kind::Prefill}, shapes, data);
  }

  /// The same with weights that are repacked to panels of `vectors` x 64 rows.
  void checkPanels(const Layout &layout, int64_t vectors,
                   const std::vector<Shape> &shapes) {
    checkPanels(layout, {&codecs::t4, Axis::Row, 3, vectors, 64}, shapes);
  }
  void checkPanels(const Layout &layout, const GroupsInLanes &panel,
                   const std::vector<Shape> &shapes) {
    checkAll(layout,
             "[" + kernel(panel, /*groups=*/36, /*planes=*/1) +
                 "], units = 1, prefetch = 0, panel = <" +
                 panel.layout().str() + ">",
             "[-8, 7]", {Kind::Prefill}, shapes, kInt4);
  }

  /// The same with the groups of two planes that are not zero.
  void checkLists(const Layout &layout, int64_t vectors, Shape shape) {
    const Layout panel =
        GroupsInLanes{&codecs::t4, Axis::Row, 1, vectors, 64}.layout();
    checkAll(layout,
             "[#tern.listed_groups<lanes = 64, vectors = " +
                 std::to_string(vectors) +
                 ", groups = 36, planes = 2, tokens = 4>], units = 1, "
                 "prefetch = 0, panel = <" +
                 panel.str() + ">",
             "[-128, 127]", {Kind::Prefill}, {shape}, kLists);
  }

  /// The same by dot products with the bytes of `tile`, `tokens` at a time.
  void checkDots(const GroupsInLanes &tile, int64_t tokens,
                 const std::vector<Shape> &shapes) {
    auto number = [](int64_t n) { return std::to_string(n); };
    checkAll(tile.layout(),
             "[#tern_x86.group_dots<dot = <vpdpbusd_512>, vectors = " +
                 number(tile.vectors) + ", first = 0, groups = " +
                 number(tile.groups) + ", tokens = " + number(tokens) +
                 ">], units = 1, prefetch = 4096",
             "[-128, 127]", {Kind::Decode, Kind::Prefill}, shapes, kInt8);
  }

private:
  static std::string kernel(const GroupsInLanes &tile, int64_t groups,
                            int64_t planes) {
    auto number = [](int64_t n) { return std::to_string(n); };
    return "#tern.lookup_groups<lanes = " + number(tile.lanes) +
           ", vectors = " + number(tile.vectors) +
           ", groups = " + number(groups) + ", planes = " + number(planes) +
           ", tokens = 4, codec = \"" + tile.codec->name + "\">";
  }
};

/// Of tables of 16 bytes.
class PairProducts : public LookupProducts {
protected:
  static GroupsInLanes panel(int64_t vectors, int64_t lanes = 32) {
    return {&codecs::n2, Axis::Row, 6, vectors, lanes};
  }
  static GroupsInLanes tile(int64_t groups, int64_t vectors,
                            int64_t lanes = 32) {
    return {&codecs::t2, Axis::Column, groups, vectors, lanes};
  }
};

TEST_P(LookupProducts, TwoPlanes) { checkTiles(2, 57, 2, kShapes, kInt8); }
TEST_P(LookupProducts, OnePlane) { checkTiles(2, 57, 1, kShapes, kInt4); }
TEST_P(LookupProducts, SmallTiles) {
  checkTiles(1, 3, 2, {{5, 31}, {130, 200}}, kInt8);
}

/// Of 1, 4 and 6 tokens, four and three at a time: some are not there.
TEST_P(LookupProducts, Dots) {
  if (GetParam().features.empty())
    GTEST_SKIP() << "it has no such instruction";
  checkDots({&codecs::s5, Axis::Column, 48, 2, 64}, 4, kShapes);
  checkDots({&codecs::s5, Axis::Column, 12, 1, 64}, 3, {{5, 31}, {130, 200}});
}

/// Columns that are no whole steps of a panel, and more than the 1023 groups
/// whose sums 16 bits hold; panels of several tiles of the weight and of a part
/// of one.
TEST_P(LookupProducts, PanelsOfGroups) {
  checkPanels(GroupsInLanes{&codecs::s5, Axis::Column, 57, 2, 64}.layout(), 6,
              {{700, 1000}});
  checkPanels(GroupsInLanes{&codecs::s5, Axis::Column, 3, 2, 64}.layout(), 1,
              {{130, 1}, {100, 4300}});
}
TEST_P(LookupProducts, PanelsOfRowsInLanes) {
  checkPanels(RowsInLanes{16, 2}.layout(), 8, {{500, 320}});
  checkPanels(RowsInLanes{8, 2}.layout(), 1, {{115, 1}});
}
TEST_P(LookupProducts, PanelsOfContiguousRows) {
  checkPanels(ContiguousRows{16}.layout(), 2, {{256, 1000}});
  checkPanels(ContiguousRows{8}.layout(), 1, {{64, 1}});
}
/// Random codes are seldom zero; those of int4 have a high plane that is.
TEST_P(LookupProducts, ListsOfGroups) {
  checkLists(ContiguousColumns{16}.layout(), 4, {300, 322});
  checkLists(GroupsInLanes{&codecs::s5, Axis::Column, 57, 2, 64}.layout(), 2,
             {100, 4300});
  checkLists(RowsInLanes{16, 2}.layout(), 1, {40, 1});
}
TEST_P(LookupProducts, PanelsOfContiguousColumns) {
  checkPanels(ContiguousColumns{16}.layout(), 4, {{300, 322}});
  checkPanels(ContiguousColumns{16}.layout(), 2, {{250, 1}});
}

/// More than the 2047 numbers whose sums 16 bits hold.
TEST_P(PairProducts, OnePlane) {
  checkTiles(tile(57, 2), 1, {{65, 320}, {4, 5460}}, kInt4);
  checkTiles(tile(3, 1), 1, {{5, 31}}, kInt4);
}
TEST_P(PairProducts, TwoPlanes) {
  checkTiles(tile(12, 2), 2, {{65, 320}}, kInt8);
}
/// Registers of half and of twice the size.
TEST_P(PairProducts, OtherLanes) {
  checkTiles(tile(12, 2, 16), 1, {{65, 100}}, kInt4);
  checkTiles(tile(12, 2, 64), 1, {{65, 100}}, kInt4);
}
TEST_P(PairProducts, Panels) {
  checkPanels(tile(57, 2).layout(), panel(4), {{100, 4300}});
  checkPanels(tile(3, 2).layout(), panel(1), {{60, 1}});
  checkPanels(RowsInLanes{8, 2}.layout(), panel(4), {{250, 320}});
  checkPanels(RowsInLanes{16, 2}.layout(), panel(2, 64), {{250, 100}});
  checkPanels(ContiguousRows{8}.layout(), panel(2), {{64, 260}});
  checkPanels(ContiguousColumns{8}.layout(), panel(4), {{130, 322}});
}

/// One that looks up lane by lane, and registers of 32 and of 64 bytes.
std::vector<Machine> pairMachines() {
  return {machines()[0], machines()[1], machines()[3]};
}

INSTANTIATE_TEST_SUITE_P(Machines, PairProducts,
                         testing::ValuesIn(pairMachines()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

INSTANTIATE_TEST_SUITE_P(Machines, LookupProducts,
                         testing::ValuesIn(lookupMachines()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
