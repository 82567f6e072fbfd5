//===- LayoutFamiliesTest.cpp - Families make what they match -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/LayoutFamilies.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

const Axis R = Axis::Row, C = Axis::Column, B = Axis::Byte;

/// A member of each family and shape: what it is and how it prints.
struct Member {
  Layout layout;
  std::string text, family;
};

std::vector<Member> allMembers() {
  const Codec *s5 = &codecs::s5;
  return {
      {RowsInLanes{16, 2}.layout(), "b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]",
       "rows_in_lanes"},
      {RowsInLanes{8, 1}.layout(), "b2, rows, k:4:4, [n:8:1, k:4:1]",
       "rows_in_lanes"},
      {RowsInLanes{4, 4}.layout(), "b2, rows, k:4:4, [n:4:4, n:4:1, k:4:1]",
       "rows_in_lanes"},
      {UnpackedRows{16, 4}.layout(), "b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]",
       "unpacked_rows"},
      {GroupsInLanes{&codecs::t2, Axis::Column, 216, 2, 32}.layout(),
       "t2, columns, k:4:1, [k:216:4, n:2:32, n:32:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::n2, Axis::Row, 6, 4, 32}.layout(),
       "n2, rows, k:2:1, [k:6:2, n:4:32, n:32:1]", "groups_in_lanes"},
      {UnpackedRows{8, 1}.layout(), "b8, rows, k:1:1, [n:8:1, k:4:1]",
       "unpacked_rows"},
      {ContiguousRows{16}.layout(), "b2, rows, k:4:64, [k:64:1]",
       "contiguous_rows"},
      {ContiguousRows{4, 2}.layout(), "b2, rows, k:4:16, [n:2:1, k:16:1]",
       "contiguous_rows"},
      {ContiguousColumns{16}.layout(),
       "b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]", "contiguous_columns"},
      {ContiguousColumns{8}.layout(),
       "b2, columns, n:4:32, [n:2:4, n:4:8, n:4:1]", "contiguous_columns"},
      {ContiguousRows{16, 1, s5}.layout(), "s5, rows, k:5:64, [k:64:1]",
       "contiguous_rows"},
      {ContiguousColumns{16, s5}.layout(),
       "s5, columns, n:5:64, [n:4:4, n:4:16, n:4:1]", "contiguous_columns"},
      {PlainWords{&codecs::b2, R}.layout(), "b2, rows, k:4:1, []",
       "contiguous_rows"},
      {PlainWords{&codecs::b2, C}.layout(), "b2, columns, n:4:1, []",
       "contiguous_columns"},
      {PlainWords{&codecs::t3p5, R}.layout(), "t3p5, rows, k:24:1, [b:5:1]",
       "contiguous_rows"},
      {GroupsInLanes{s5, R, 1, 8, 64}.layout(),
       "s5, rows, k:5:1, [n:8:64, n:64:1]", "groups_in_lanes"},
      {GroupsInLanes{s5, C, 24, 8, 64}.layout(),
       "s5, columns, k:5:1, [k:24:5, n:8:64, n:64:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::t4, R, 3, 8, 64}.layout(),
       "t4, rows, k:4:1, [k:3:4, n:8:64, n:64:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::t2, C, 4, 1, 16}.layout(),
       "t2, columns, k:4:1, [k:4:4, n:16:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::b2, R, 1, 1, 32}.layout(),
       "b2, rows, k:4:1, [n:32:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::t3p5, R, 1, 2, 16}.layout(),
       "t3p5, rows, k:24:1, [n:2:16, b:5:1, n:16:1]", "groups_in_lanes"},
      {GroupsInLanes{&codecs::t3p5, C, 1, 1, 16}.layout(),
       "t3p5, columns, k:24:1, [b:5:1, n:16:1]", "groups_in_lanes"},
      {IntegerRows{&codecs::i6, 16}.layout(),
       "i6, rows, k:4:64, [b:3:1, k:64:1]", "integer_rows"},
      {IntegerRows{&codecs::i4, 8}.layout(), "i4, rows, k:2:32, [k:32:1]",
       "integer_rows"},
      {PlainWords{&codecs::i6, R}.layout(), "i6, rows, k:4:1, [b:3:1]",
       "contiguous_rows"},
      {PairedRows{4}.layout(),
       "p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [n:4:2, b:4:1]", "paired_rows"},
      {PairedRows{1}.layout(),
       "p2, rows, [n:2:1, k:2:4, k:2:1, k:2:2], [b:4:1]", "paired_rows"},
  };
}

} // namespace

TEST(LayoutFamilies, TextAndName) {
  for (const Member &member : allMembers()) {
    EXPECT_EQ(member.layout.verify(), "");
    EXPECT_EQ(member.layout.str(), member.text);
    EXPECT_EQ(familyName(member.layout), member.family) << member.text;
  }
}

TEST(LayoutFamilies, EachMemberIsOfOneFamilyAndKeepsItsNumbers) {
  auto makeAgain = [](const auto &member, const Layout &layout) {
    if (member)
      EXPECT_EQ(member->layout().str(), layout.str());
    return member ? 1 : 0;
  };
  for (const Member &member : allMembers()) {
    const Layout &layout = member.layout;
    EXPECT_EQ(makeAgain(RowsInLanes::match(layout), layout) +
                  makeAgain(UnpackedRows::match(layout), layout) +
                  makeAgain(ContiguousRows::match(layout), layout) +
                  makeAgain(ContiguousColumns::match(layout), layout) +
                  makeAgain(PlainWords::match(layout), layout) +
                  makeAgain(GroupsInLanes::match(layout), layout) +
                  makeAgain(IntegerRows::match(layout), layout) +
                  makeAgain(PairedRows::match(layout), layout),
              1)
        << member.text;
  }
  auto rows = RowsInLanes::match(RowsInLanes{8, 2}.layout());
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->lanes, 8);
  EXPECT_EQ(rows->vectors, 2);
  auto blocks =
      GroupsInLanes::match(GroupsInLanes{&codecs::s5, C, 24, 8, 64}.layout());
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->codec, &codecs::s5);
  EXPECT_EQ(blocks->groups, 24);
  EXPECT_EQ(blocks->vectors, 8);
  EXPECT_EQ(blocks->lanes, 64);
  auto pairs = PairedRows::match(PairedRows{4}.layout());
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->pairs, 4);
}

TEST(LayoutFamilies, NearMissesAreOfNoFamily) {
  const Codec *b2 = &codecs::b2, *s5 = &codecs::s5;
  const Layout misses[] = {
      {b2, C, {{C, 4, 4}}, {{R, 2, 16}, {R, 16, 1}, {C, 4, 1}}}, // outer
      {b2, R, {{C, 4, 4}}, {{R, 16, 1}, {R, 2, 16}, {C, 4, 1}}}, // order
      {b2, R, {{C, 4, 4}}, {{C, 4, 1}, {R, 16, 1}}},
      {b2, R, {{C, 4, 1}}, {{C, 4, 4}}},
      {&codecs::b8, C, {{C, 1, 1}}, {{R, 16, 1}, {C, 4, 1}}},
      {&codecs::b8, R, {{C, 1, 1}}, {{R, 16, 1}, {C, 8, 1}}},
      {b2, C, {{C, 4, 64}}, {{C, 64, 1}}},
      {b2, R, {{R, 4, 64}}, {{R, 4, 4}, {R, 4, 16}, {R, 4, 1}}},
      {b2, C, {{R, 4, 64}}, {{R, 4, 16}, {R, 4, 4}, {R, 4, 1}}},
      {s5, R, {{C, 5, 2}}, {{C, 2, 1}, {R, 64, 1}}},
      {s5, C, {{C, 5, 1}}, {{R, 8, 64}, {C, 24, 5}, {R, 64, 1}}},
      {&codecs::t3p5, R, {{C, 24, 1}}, {{R, 16, 1}, {B, 5, 1}}},
      {&codecs::i6, R, {{C, 4, 64}}, {{C, 64, 1}, {B, 3, 1}}},
      {&codecs::i4, C, {{C, 2, 64}}, {{C, 64, 1}}},
      {b2, R, {{C, 4, 64}}, {{R, 2, 1}, {C, 32, 1}, {C, 2, 32}}},
      {&codecs::p2, R, {{C, 8, 1}, {R, 2, 1}}, {{R, 4, 2}, {B, 4, 1}}},
  };
  for (const Layout &layout : misses) {
    EXPECT_EQ(layout.verify(), "") << layout.str();
    EXPECT_EQ(familyName(layout), "") << layout.str();
  }
}
