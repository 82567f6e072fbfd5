//===- CheckpointScalesTest.cpp - Scales in their simplest shape ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyCheckpoint.h"

#include "tern/Import/Checkpoint.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace tern;

static const std::string q0 = "model.layers.0.self_attn.q_proj";
static const std::string q1 = "model.layers.1.self_attn.q_proj";

//===----------------------------------------------------------------------===//
// Of one matrix
//===----------------------------------------------------------------------===//

static Scales simplified(int64_t rows, std::vector<float> values) {
  Scales scales;
  scales.shape = {rows, static_cast<int64_t>(values.size()) / rows};
  scales.values = std::move(values);
  scales.simplify();
  return scales;
}

static void expectScales(const Scales &scales, ScaleShape shape,
                         const std::vector<float> &values) {
  EXPECT_EQ(scales.shape, shape)
      << scales.shape.rows << " x " << scales.shape.groups;
  EXPECT_EQ(scales.values, values);
}

TEST(Scales, AdjacentGroupsThatAreEqualAreOne) {
  expectScales(simplified(1, {1, 1, 2, 2, 2, 2}), {1, 3}, {1, 2, 2});
  expectScales(simplified(1, {1, 1, 1, 2, 2, 2}), {1, 2}, {1, 2});
  // Rows of which one needs more.
  expectScales(simplified(2, {1, 1, 2, 2, 3, 3, 3, 4}), {2, 4},
               {1, 1, 2, 2, 3, 3, 3, 4});
  expectScales(simplified(2, {1, 1, 1, 1, 3, 3, 4, 4}), {2, 2}, {1, 1, 3, 4});
  // Equal, but groups are all of one size.
  expectScales(simplified(1, {1, 2, 2, 1}), {1, 4}, {1, 2, 2, 1});
  expectScales(simplified(1, {1, 2, 2}), {1, 3}, {1, 2, 2});
}

TEST(Scales, RowsThatAreEqualAreOne) {
  expectScales(simplified(3, {2, 2, 2, 2, 2, 2}), {1, 1}, {2});
  expectScales(simplified(2, {2, 2, 3, 3}), {2, 1}, {2, 3});
  expectScales(simplified(2, {1, 2, 1, 2}), {2, 2}, {1, 2, 1, 2});
}

/// Files give 0 to what is zero throughout.
TEST(Scales, ZeroStandsForAny) {
  expectScales(simplified(1, {1, 0, 0, 2}), {1, 2}, {1, 2});
  expectScales(simplified(1, {0, 1, 2, 0}), {1, 2}, {1, 2});
  expectScales(simplified(2, {0, 0, 1, 2}), {2, 2}, {1, 1, 1, 2});
  expectScales(simplified(1, {0, 3, 4}), {1, 3}, {3, 3, 4});
  expectScales(simplified(3, {0, 2, 3}), {3, 1}, {2, 2, 3});
  expectScales(simplified(2, {0, 2}), {1, 1}, {2});
  expectScales(simplified(2, {0, 0, 0, 0}), {1, 1}, {0x1p-16f});
}

/// A value that is no number is refused later, with its place.
TEST(Scales, WhatIsNoNumberIsKept) {
  Scales scales = simplified(1, {1, NAN});
  EXPECT_EQ(scales.shape, (ScaleShape{1, 2}));
  EXPECT_TRUE(std::isnan(scales.values[1]));
}

TEST(Scales, ExpandedTheySayTheSame) {
  Scales scales = simplified(2, {1, 1, 2, 2, 3, 3, 4, 4});
  EXPECT_EQ(scales.expand({2, 4}),
            (std::vector<float>{1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(scales.expand({2, 2}), scales.values);
  EXPECT_EQ(simplified(1, {7}).expand({2, 3}), std::vector<float>(6, 7));
  EXPECT_EQ(simplified(2, {5, 6}).expand({2, 2}),
            (std::vector<float>{5, 5, 6, 6}));
}

//===----------------------------------------------------------------------===//
// Of a checkpoint
//===----------------------------------------------------------------------===//

static std::unique_ptr<Checkpoint> open(const TinyCheckpoint &tiny) {
  return cantFail(Checkpoint::open(tiny.write()));
}

/// The scales of q_proj in layer `layer` and the shape for all layers.
static std::pair<Scales, ScaleShape> readScales(const TinyCheckpoint &tiny,
                                                int64_t layer) {
  auto checkpoint = open(tiny);
  std::vector<int8_t> digits(64);
  Scales scales;
  EXPECT_FALSE(
      checkpoint->readDigits(Projection::Q, layer, digits.data(), scales));
  return {scales, checkpoint->scaleShape(Projection::Q)};
}

TEST(Checkpoint, ScalesOfRowsAndGroups) {
  TinyCheckpoint tiny;
  tiny.addFloats(q0 + ".weight_scale", {8, 1});
  auto [rows, rowShape] = readScales(tiny, 0);
  EXPECT_EQ(rowShape, (ScaleShape{8, 1}));
  ASSERT_EQ(rows.values.size(), 8u);
  EXPECT_EQ(rows.values[3], 1.0234375f);
  tiny.addFloats(q0 + ".weight_scale", {8, 4});
  auto [groups, groupShape] = readScales(tiny, 0);
  EXPECT_EQ(groupShape, (ScaleShape{8, 4}));
  ASSERT_EQ(groups.values.size(), 32u);
  // The other layer has one scale, the shape is that of both.
  auto [one, shape] = readScales(tiny, 1);
  EXPECT_EQ(one.values, std::vector<float>{0.5f});
  EXPECT_EQ(shape, groupShape);
  EXPECT_EQ(one.expand(shape), std::vector<float>(32, 0.5f));
}

TEST(Checkpoint, EqualScalesAreOne) {
  TinyCheckpoint tiny;
  std::string half("\x00\x3f", 2), two("\x00\x40", 2);
  TinyTensor scale{"BF16", {8, 2}, ""};
  for (int i = 0; i < 16; ++i)
    scale.bytes += half;
  tiny.tensors[q0 + ".weight_scale"] = scale;
  EXPECT_EQ(readScales(tiny, 0).second, ScaleShape());
  EXPECT_EQ(readScales(tiny, 0).first.values, std::vector<float>{0.5f});
  // Equal within each row.
  scale.bytes.replace(4, 4, two + two);
  tiny.tensors[q0 + ".weight_scale"] = scale;
  EXPECT_EQ(readScales(tiny, 0).second, (ScaleShape{8, 1}));
  EXPECT_EQ(readScales(tiny, 0).first.values[1], 2.0f);
  // One group that differs.
  scale.bytes.replace(30, 2, two);
  tiny.tensors[q0 + ".weight_scale"] = scale;
  EXPECT_EQ(readScales(tiny, 0).second, (ScaleShape{8, 2}));
  EXPECT_EQ(readScales(tiny, 0).first.values[15], 2.0f);
}

/// One code serves all layers.
TEST(Checkpoint, GroupsEndWhereAnyLayersDo) {
  TinyCheckpoint tiny;
  std::string half("\x00\x3f", 2), two("\x00\x40", 2), row;
  for (const std::string &scale : {half, half, two, two, half, half, two, two})
    row += scale;
  auto set = [&](const std::string &name, const std::string &ofRow) {
    TinyTensor scale{"BF16", {8, int64_t(ofRow.size()) / 2}, ""};
    for (int i = 0; i < 8; ++i)
      scale.bytes += ofRow;
    tiny.tensors[name + ".weight_scale"] = scale;
  };
  set(q0, row);
  EXPECT_EQ(readScales(tiny, 0).second, (ScaleShape{8, 4}));
  set(q1, two + half);
  EXPECT_EQ(readScales(tiny, 0).second, (ScaleShape{8, 4}));
  EXPECT_EQ(readScales(tiny, 1).first.shape, (ScaleShape{8, 2}));
  set(q0, half + half + half + half);
  EXPECT_EQ(readScales(tiny, 0).second, (ScaleShape{8, 2}));
}
