//===- CheckpointTablesTest.cpp - Ternary embeddings and heads ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointTesting.h"

using namespace tern;

namespace {

const std::string table = "model.embed_tokens", head = "lm_head";

/// 12 tokens, an embedding of digits with one scale for each 4 of 8 columns.
void packTable(TinyCheckpoint &tiny, const std::string &name = table) {
  tiny.config["vocab_size"] = 12;
  tiny.addPacked(name, 12, 8);
  tiny.addFloats(name + ".weight_scale", {12, 2});
}

void untie(TinyCheckpoint &tiny) { tiny.config["tie_word_embeddings"] = false; }

} // namespace

TEST(Tables, TheTensorsSayWhatIsTernary) {
  for (bool ofTable : {false, true})
    for (bool ofHead : {false, true}) {
      TinyCheckpoint tiny;
      untie(tiny);
      tiny.config["vocab_size"] = 12;
      for (auto [name, isTernary] : {std::pair(table, ofTable), {head, ofHead}})
        if (isTernary)
          packTable(tiny, name);
        else
          tiny.addFloats(name + ".weight", {12, 8});
      if (ofTable == ofHead) // not the same one twice
        tiny.tensors[head + ".weight"].bytes[3] ^= 1;
      auto checkpoint = open(tiny);
      ASSERT_TRUE(checkpoint);
      EXPECT_EQ(checkpoint->config().ternaryTable, ofTable);
      EXPECT_EQ(checkpoint->config().ternaryHead, ofHead);
      EXPECT_FALSE(checkpoint->config().tiedHead);
      EXPECT_EQ(checkpoint->tableScaleShape(),
                (ofTable ? ScaleShape{12, 2} : ScaleShape()));
      EXPECT_EQ(checkpoint->headScaleShape(),
                (ofHead ? ScaleShape{12, 2} : ScaleShape()));
    }
}

TEST(Tables, ATiedHeadIsTheTable) {
  TinyCheckpoint tiny;
  packTable(tiny);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(checkpoint->config().ternaryTable);
  EXPECT_TRUE(checkpoint->config().ternaryHead);
  EXPECT_EQ(checkpoint->headScaleShape(), (ScaleShape{12, 2}));
  std::vector<int8_t> digits(12 * 8);
  Scales scales;
  ASSERT_FALSE(
      checkpoint->readDigits(table + ".weight", digits.data(), scales));
  for (int64_t i = 0; i < 12 * 8; ++i)
    ASSERT_EQ(digits[i], TinyCheckpoint::digit(i / 8, i % 8));
  EXPECT_EQ(scales.values.size(), 24u);
}

/// Scales that are stored more often than they differ.
TEST(Tables, ScalesAreInTheSimplestShape) {
  TinyCheckpoint tiny;
  packTable(tiny);
  std::string &bytes = tiny.tensors[table + ".weight_scale"].bytes;
  bytes.clear();
  for (int i = 0; i < 24; ++i)
    bytes += {static_cast<char>(i / 2), '\x3f'};
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->tableScaleShape(), (ScaleShape{12, 1}));
}

TEST(Tables, AHeadThatIsTheTableIsDroppedWithItsScales) {
  TinyCheckpoint tiny;
  packTable(tiny);
  packTable(tiny, head);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(checkpoint->config().tiedHead);
  EXPECT_FALSE(checkpoint->files().find(head + ".weight_scale"));
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        packTable(t, head);
        t.tensors[head + ".weight_scale"].bytes[2 * 5] ^= 1;
      },
      "and the two have scales that differ at element 5");
  TinyCheckpoint apart;
  packTable(apart);
  packTable(apart, head);
  untie(apart);
  apart.tensors[head + ".weight_scale"].bytes[0] ^= 1;
  checkpoint = open(apart);
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->config().tiedHead);
}

TEST(Tables, WhatIsRefused) {
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        t.tensors.erase(table + ".weight_scale");
      },
      "tensor 'model.embed_tokens.weight_scale' is missing, but config.json "
      "implies it");
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        t.addFloats(table + ".weight_scale", {12, 3});
      },
      "3 groups of equal size do not make 8 columns");
  expectRefusal(
      [](TinyCheckpoint &t) { t.addFloats(table + ".weight_scale", {5}); },
      "tensor 'model.embed_tokens.weight_scale' is a scale, but "
      "'model.embed_tokens.weight' holds no digits");
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        t.config["vocab_size"] = 13;
      },
      "is packed, but its 13 rows are not a multiple of 4");
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        t.config["vocab_size"] = 16;
      },
      "is U8 [3, 8], but config.json implies U8 [4, 8]");
  // Masters have no packed tables.
  expectRefusal(
      [](TinyCheckpoint &t) {
        packTable(t);
        t.makeMasters();
        t.config["quantization_config"]["quantization_mode"] = "online";
      },
      "is U8 [3, 8], but config.json implies BF16 [12, 8] (or F16, F32)");
}
