//===- CheckpointGroupsTest.cpp - Digits with scales of groups ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointTesting.h"
#include "TinyGroups.h"

#include <cmath>

using namespace tern;

static const std::string q = "model.layers.0.self_attn.q_proj";
static const std::string table = "model.embed_tokens";

static std::unique_ptr<Checkpoint> open(const TinyGroups &tiny) {
  auto opened = Checkpoint::open(tiny.write());
  if (!opened) {
    ADD_FAILURE() << llvm::toString(opened.takeError());
    return nullptr;
  }
  return std::move(*opened);
}

/// Of opening it and reading q_proj; "" if there is none.
static std::string verdict(const TinyGroups &tiny) {
  auto opened = Checkpoint::open(tiny.write());
  if (!opened)
    return llvm::toString(opened.takeError());
  std::vector<int8_t> digits(128 * 256);
  Scales scales;
  return llvm::toString(
      (*opened)->readDigits(Projection::Q, 0, digits.data(), scales));
}

static void expectPart(const std::string &message, const std::string &part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

class GroupForms : public testing::TestWithParam<std::pair<const char *, int>> {
};

INSTANTIATE_TEST_SUITE_P(All, GroupForms,
                         testing::Values(std::pair("F16", 128),
                                         std::pair("BF16", 128),
                                         std::pair("F32", 128),
                                         std::pair("MLX", 128),
                                         std::pair("MLX", 64)));

TEST_P(GroupForms, AreTheSameDigitsAndScales) {
  TinyGroups tiny(GetParam().first, GetParam().second);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  for (Projection projection : checkpoint->config().projections()) {
    int64_t rows = checkpoint->config().rows(projection);
    int64_t columns = checkpoint->config().columns(projection);
    std::vector<int8_t> digits(rows * columns, 9), expected;
    std::vector<float> alphas;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        expected.push_back(TinyGroups::digit(r, c));
        if (c % 128 == 0)
          alphas.push_back(TinyGroups::scale(r, c));
      }
    Scales scales;
    llvm::Error error =
        checkpoint->readDigits(projection, 0, digits.data(), scales);
    ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
    EXPECT_EQ(digits, expected) << toString(projection).str();
    EXPECT_EQ(scales.values, alphas);
    ScaleShape shape{rows, columns / 128};
    EXPECT_EQ(scales.shape, shape);
    EXPECT_EQ(checkpoint->scaleShape(projection), shape);
  }
  EXPECT_EQ(checkpoint->inexactGroups(), 0);
  EXPECT_EQ(checkpoint->warnOfInexactGroups(), "");
}

TEST_P(GroupForms, TablesAreReadInParts) {
  TinyGroups tiny(GetParam().first, GetParam().second);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  for (const std::string &name :
       {table + ".weight", std::string("lm_head.weight")}) {
    EXPECT_TRUE(checkpoint->isTernary(name));
    EXPECT_EQ(*checkpoint->ternaryRows(name), 70);
    std::vector<int8_t> digits(70 * 256, 9);
    Scales read;
    ASSERT_FALSE(checkpoint->readDigits(name, digits.data(), read));
    std::vector<float> values(300);
    ASSERT_FALSE(checkpoint->readFloats(name, 100, 300, values.data()));
    for (int64_t i = 0; i < 70 * 256; ++i) {
      bool isZero = name != table + ".weight" && i / 128 == 4; // of the head
      EXPECT_EQ(digits[i], isZero ? 0 : TinyGroups::digit(i / 256, i % 256));
    }
    for (int64_t i = 0; i < 300; ++i) {
      int64_t row = (100 + i) / 256, column = (100 + i) % 256;
      EXPECT_EQ(values[i], TinyGroups::scale(row, column) *
                               TinyGroups::digit(row, column));
    }
    auto scales = checkpoint->readScales(name);
    ASSERT_TRUE(bool(scales)) << llvm::toString(scales.takeError());
    EXPECT_EQ(scales->shape, (ScaleShape{70, 2}));
    EXPECT_EQ(scales->values[3], TinyGroups::scale(1, 128));
    EXPECT_EQ(read.values, scales->values);
  }
}

/// Whatever their type in the file.
TEST_P(GroupForms, ScalesThatFitAreHalves) {
  TinyGroups tiny(GetParam().first, GetParam().second);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  std::string up = checkpoint->weightName(Projection::Up);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(checkpoint->hasHalfScales(up));
    EXPECT_TRUE(checkpoint->hasHalfScales("lm_head.weight"));
    checkpoint->readAllScales();
  }
}

/// A sample finds what it sees, and reading all finds all.
TEST(CheckpointGroups, ScalesThatAreNoHalves) {
  auto setScale = [](TinyGroups &tiny, int64_t row, float scale) {
    for (int64_t c = 0; c < 128; ++c)
      tiny.put(q + ".weight", row * 256 + c,
               scale * static_cast<float>(TinyGroups::digit(row, c)));
  };
  auto isHalf = [](const TinyGroups &tiny, bool readsAll) {
    auto checkpoint = open(tiny);
    EXPECT_TRUE(checkpoint);
    if (readsAll)
      checkpoint->readAllScales();
    return checkpoint->hasHalfScales(q + ".weight");
  };
  for (const char *form : {"BF16", "F32"}) {
    TinyGroups first(form), last(form);
    setScale(first, 5, 0x1.02p-20f);
    setScale(last, 127, 0x1.02p-20f);
    EXPECT_FALSE(isHalf(first, false));
    EXPECT_FALSE(isHalf(first, true));
    EXPECT_TRUE(isHalf(last, false));
    EXPECT_FALSE(isHalf(last, true));
    TinyGroups small(form); // a half below the normal ones
    setScale(small, 127, 0x1p-20f);
    EXPECT_TRUE(isHalf(small, true));
  }
  TinyGroups least("F32"); // of masters, and no half
  setScale(least, 5, 1e-5f);
  EXPECT_FALSE(isHalf(least, false));
  // Beside codes they are read.
  TinyGroups affine("MLX");
  for (const char *kind : {".scales", ".biases"}) {
    TinyTensor &tensor = affine.tensors[q + kind];
    tensor = {"F32", tensor.shape, ""};
    for (int64_t i = 0; i < 256; ++i)
      tensor.bytes += little((i == 255 ? 0x1.02p-20f : 0.5f) *
                             (kind[1] == 's' ? 1.0f : -1.0f));
  }
  EXPECT_FALSE(isHalf(affine, false));
}

/// A group of zeros has any scale, whatever the file says.
TEST(CheckpointGroups, ZerosHaveNoSay) {
  for (const char *form : {"F16", "MLX"}) {
    TinyGroups tiny(form);
    if (tiny.form == "F16") {
      for (int64_t c = 128; c < 256; ++c)
        tiny.put(q + ".weight", 256 + c, c % 2 ? -0.0f : 0.0f);
    } else {
      tiny.tensors[q + ".weight"].bytes.replace(64 + 32, 32,
                                                std::string(32, '\x55'));
    }
    auto checkpoint = open(tiny);
    ASSERT_TRUE(checkpoint);
    std::vector<int8_t> digits(128 * 256, 9);
    Scales scales;
    ASSERT_FALSE(
        checkpoint->readDigits(Projection::Q, 0, digits.data(), scales));
    EXPECT_EQ(digits[256 + 128], 0);
    EXPECT_EQ(scales.values[2], TinyGroups::scale(1, 0));
    EXPECT_EQ(scales.values[3], TinyGroups::scale(1, 0)) << form;
    EXPECT_EQ(checkpoint->readScales(q + ".weight")->values, scales.values);
  }
}

/// TriLM: one scale for a part of the rows.
TEST(CheckpointGroups, ScalesOfRowsFallOut) {
  TinyGroups tiny;
  for (int64_t i = 0; i < 128 * 256; ++i)
    tiny.put(q + ".weight", i,
             (i < 64 * 256 ? 0.5f : 0.25f) *
                 static_cast<float>(TinyGroups::digit(i / 256, i % 256)));
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->scaleShape(Projection::Q), (ScaleShape{128, 1}));
  EXPECT_EQ(checkpoint->scaleShape(Projection::K), (ScaleShape{64, 2}));
}

TEST(CheckpointGroups, NeighboursInFloat16AreCounted) {
  TinyGroups tiny;
  float next = halfToFloat(floatToHalf(TinyGroups::scale(3, 0)) + 1);
  int64_t at = 3 * 256;
  while (TinyGroups::digit(3, at % 256) <= 0)
    ++at;
  tiny.put(q + ".weight", at, next);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  std::vector<int8_t> digits(128 * 256);
  Scales scales;
  for (int i = 0; i < 2; ++i) // read twice, counted once
    ASSERT_FALSE(
        checkpoint->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(scales.values[6], TinyGroups::scale(3, 0));
  EXPECT_EQ(digits[at], 1);
  EXPECT_EQ(checkpoint->inexactGroups(), 1);
  expectPart(checkpoint->warnOfInexactGroups(), "1 groups of 128 weights hold");
}

TEST(CheckpointGroups, OrdinaryModelsAreRefusedAtOnce) {
  for (const char *form : {"F16", "BF16", "F32"}) {
    TinyGroups tiny(form);
    for (int64_t i = 0; i < 128 * 256; ++i)
      tiny.put(q + ".weight", i, static_cast<float>(i % 97) / 64);
    auto opened = Checkpoint::open(tiny.write());
    ASSERT_FALSE(bool(opened));
    expectPart(llvm::toString(opened.takeError()),
               "tensor '" + q +
                   ".weight' is not ternary: row 0, block 0 "
                   "(columns 0 to 127) holds 1.56250000e-02 and 1.50000000e+00 "
                   "where only -a, 0 and a may be");
  }
}

TEST(CheckpointGroups, AGroupThatIsNotTernaryIsNamed) {
  TinyGroups tiny;
  tiny.put(q + ".weight", 127 * 256 + 255, 3);
  expectPart(verdict(tiny),
             "row 127, block 1 (columns 128 to 255) holds 9.37500000e-01 and "
             "3.00000000e+00");
  tiny.put(q + ".weight", 127 * 256 + 255, NAN);
  expectPart(verdict(tiny), "holds nan in row 127, block 1");
}

TEST(CheckpointGroups, AFloatTableIsOne) {
  TinyGroups tiny("BF16");
  for (int64_t i = 0; i < 70 * 256; ++i)
    tiny.put(table + ".weight", i, static_cast<float>(i % 13 + 1) / 8);
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->isTernary(table + ".weight"));
  EXPECT_TRUE(checkpoint->isTernary("lm_head.weight"));
  EXPECT_EQ(*checkpoint->floatType(table + ".weight"), DType::BF16);
}

TEST(CheckpointGroups, ATableOfMlxMayBeFloats) {
  TinyGroups tiny("MLX"), floats("F16");
  for (const char *kind : {".scales", ".biases"})
    tiny.tensors.erase(table + kind);
  tiny.tensors[table + ".weight"] = floats.tensors[table + ".weight"];
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->isTernary(table + ".weight"));
}

TEST(CheckpointGroups, CodesOfMlxMustBeDigits) {
  TinyGroups tiny("MLX");
  tiny.put(q + ".biases", 5, -0.25f);
  expectPart(verdict(tiny),
             "tensor '" + q +
                 ".weight' is not ternary: the "
                 "scale of row 2, block 1 (columns 128 to 255) is "
                 "7.18750000e-01 and its bias -2.50000000e-01");
  TinyGroups code("MLX");
  code.tensors[q + ".weight"].bytes[64 * 7 + 40] = '\x0c';
  expectPart(verdict(code),
             "holds code 3, which is no digit, in row 7, block 1");
  for (float bad : {NAN, INFINITY, -0.5f}) {
    TinyGroups scale("MLX");
    scale.put(q + ".scales", 9, bad);
    scale.put(q + ".biases", 9, -bad);
    std::string message = verdict(scale);
    EXPECT_NE(message, "") << bad;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(CheckpointGroups, TensorsOfMlxAreChecked) {
  TinyGroups few("MLX");
  few.tensors.erase(q + ".biases");
  expectPart(verdict(few), "tensor '" + q + ".biases' is missing");
  TinyGroups wide("MLX");
  wide.config["quantization"]["group_size"] = 64;
  wide.config.erase("quantization_config");
  EXPECT_NE(verdict(wide).find("is F16 [128, 2], but config.json implies BF16 "
                               "[128, 4]"),
            std::string::npos)
      << verdict(wide);
  TinyGroups plain("MLX");
  plain.tensors[q + ".weight"] = TinyGroups().tensors[q + ".weight"];
  EXPECT_NE(verdict(plain).find("is F16 [128, 256], but config.json implies "
                                "2-bit codes [128, 256], 16 to a U32"),
            std::string::npos)
      << verdict(plain);
}

TEST(CheckpointGroups, GroupsMustDivideRows) {
  TinyGroups tiny;
  tiny.config["intermediate_size"] = 320;
  expectPart(verdict(tiny), "the 320 inputs of down_proj are no whole groups "
                            "of 128");
  TinyGroups affine("MLX");
  affine.config.erase("quantization_config");
  affine.config["quantization"]["group_size"] = 96;
  expectPart(verdict(affine), "the 256 inputs of q_proj are no whole groups of "
                              "96, as 'quantization.group_size' says");
}
