//===- GgufMatricesTest.cpp - Digits and scales of GGUF -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufModel.h"

#include "llvm/ADT/STLExtras.h"

using namespace tern;

TEST(GgufModel, AMatrixMustBeTernaryOrPlain) {
  TinyGgufModel tiny;
  TinyGguf::Tensor &q = tiny.tensor("blk.0.attn_q.weight");
  q.type = 8; // q8_0
  q.data = std::string(256 * 256 / 32 * 34, '\0');
  EXPECT_EQ(part(tiny.verdict(), "is q8_0 [256, 256], but tern wants"),
            "is q8_0 [256, 256], but tern wants");
}

TEST(GgufModel, EveryEncodingReadsTheSameDigits) {
  for (const GgufEncoding &encoding : allGgufEncodings()) {
    if (!encoding.isTernary)
      continue;
    TinyGgufModel tiny(encoding.name);
    GgufOptions options;
    options.readings = {encoding.name};
    auto checkpoint = tiny.open(options);
    ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
    for (Projection projection : (*checkpoint)->config().projections()) {
      int64_t rows = (*checkpoint)->config().rows(projection);
      int64_t columns = (*checkpoint)->config().columns(projection);
      std::vector<int8_t> digits(rows * columns, 9);
      Scales scales;
      llvm::Error error =
          (*checkpoint)->readDigits(projection, 0, digits.data(), scales);
      ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
      EXPECT_EQ(scales.values, std::vector<float>{0.5f});
      EXPECT_EQ(digits, TinyGgufModel::digits(rows, columns)) << encoding.name;
    }
  }
}

/// The converter's rule: of each head's two halves, rows alternate.
TEST(GgufModel, PairedRowsOfLlamaAreSeparated) {
  TinyGgufModel tiny("iq2_bn", "llama");
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  for (Projection projection : {Projection::Q, Projection::K, Projection::V}) {
    int64_t rows = (*checkpoint)->config().rows(projection);
    std::vector<int8_t> digits(rows * 256), expected;
    Scales scales;
    ASSERT_FALSE(
        (*checkpoint)->readDigits(projection, 0, digits.data(), scales));
    for (int64_t row = 0; row < rows; ++row) {
      int64_t inHead = row % 64, stored = row;
      if (projection != Projection::V)
        stored = row / 64 * 64 + inHead % 32 * 2 + inHead / 32;
      for (int64_t c = 0; c < 256; ++c)
        expected.push_back(
            static_cast<int8_t>(TinyCheckpoint::digit(stored, c)));
    }
    EXPECT_EQ(digits, expected) << toString(projection).str();
  }
}

TEST(GgufModel, ASeparateScaleMultiplies) {
  TinyGgufModel tiny;
  tiny.file.tensors.push_back(
      {"blk.0.attn_q.scale", {1}, 0, little(0.25f), {}, {}});
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(scales.values, std::vector<float>{0.125f});
}

static std::string f32List(const std::vector<float> &values) {
  std::string elements;
  for (float value : values)
    elements += little(value);
  return ggufArray(6, values.size(), elements);
}

TEST(GgufModel, ExactScalesReplaceRoundedOnes) {
  TinyGgufModel tiny;
  float exact = 0.50001f; // 0.5 as a float16
  tiny.setKey("tern.weight_scales",
              f32List({exact, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(scales.values, std::vector<float>{exact});
}

/// Other tools put tensors in another order and keep the list.
TEST(GgufModel, ExactScalesDoNotFollowTheFilesOrder) {
  TinyGgufModel tiny;
  std::vector<float> scales(7, 0.5f);
  scales[1] = 0.50002f; // k
  scales[6] = 0.50003f; // down
  tiny.setKey("tern.weight_scales", f32List(scales));
  std::reverse(tiny.file.tensors.begin(), tiny.file.tensors.end());
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  for (Projection projection : (*checkpoint)->config().projections()) {
    std::vector<int8_t> digits(256 * 512);
    Scales read;
    ASSERT_FALSE((*checkpoint)->readDigits(projection, 0, digits.data(), read));
    EXPECT_EQ(read.values,
              std::vector<float>{scales[static_cast<size_t>(projection)]})
        << toString(projection).str();
  }
}

TEST(GgufModel, ExactScalesMustFitTheBlocks) {
  TinyGgufModel tiny;
  tiny.setKey("tern.weight_scales", f32List(std::vector<float>(7, 0.51f)));
  EXPECT_EQ(part(readVerdict(tiny), "says 0.510000"), "says 0.510000");
  tiny.setKey("tern.weight_scales", f32List(std::vector<float>(6, 0.5f)));
  EXPECT_EQ(tiny.verdict(), "'tern.weight_scales' has 6 scales, but there are "
                            "7 ternary matrices");
  tiny.setKey("tern.weight_scales", ggufU32(1));
  EXPECT_NE(tiny.verdict(), "");
}

TEST(GgufModel, BadScalesAndCodesAreRefusedWithTheirPlace) {
  auto edit = [](size_t at, const std::string &bytes) {
    TinyGgufModel tiny; // blocks of 66 bytes, the scale last
    tiny.tensor("blk.0.attn_q.weight").data.replace(at, bytes.size(), bytes);
    return readVerdict(tiny);
  };
  EXPECT_EQ(edit(64, halfBytes(0.5f)), "");
  for (const auto &[at, bytes, message] :
       {std::tuple(64, little(0x7e00, 2), "scale nan at row 0, column 0"),
        {66 + 64, little(0x7c00, 2), "scale inf at row 1, column 0"},
        {66 + 64, halfBytes(-0.5f), "scale -0.5"},
        {0, std::string("\3"), "code 3, which is no digit, at row 0, column 0"},
        {66 + 5, std::string("\xc0"), "code 3"}})
    EXPECT_EQ(part(edit(at, bytes), message), message);
}

TEST(GgufModel, RowsMayHaveScalesOfTheirOwn) {
  TinyGgufModel tiny("iq2_bn", "llama"); // rows of 4 + 64 bytes, paired
  std::string &data = tiny.tensor("blk.0.attn_q.weight").data;
  data.replace(68 * 4, 4, little(0.25f)); // row 4 as stored is row 2
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->scaleShape(Projection::Q), (ScaleShape{256, 1}));
  EXPECT_EQ((*checkpoint)->scaleShape(Projection::K), (ScaleShape{1, 1}));
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  std::vector<float> expected(256, 0.5f);
  expected[2] = 0.25f;
  EXPECT_EQ(scales.values, expected);
  EXPECT_EQ((*checkpoint)
                ->readScales("model.layers.0.self_attn.q_proj.weight")
                ->values,
            expected);
}

TEST(GgufModel, BlocksMayHaveScalesOfTheirOwn) {
  TinyGgufModel tiny; // rows of ffn_down are two blocks of 66 bytes
  std::string &data = tiny.tensor("blk.0.ffn_down.weight").data;
  data.replace(66 * 3 + 64, 2, halfBytes(0.25f));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->scaleShape(Projection::Down), (ScaleShape{256, 2}));
  std::vector<int8_t> digits(256 * 512);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Down, 0, digits.data(), scales));
  std::vector<float> expected(512, 0.5f);
  expected[3] = 0.25f;
  EXPECT_EQ(scales.values, expected);
  EXPECT_EQ(digits, TinyGgufModel::digits(256, 512));
}

static void writeProducts(TinyGgufModel &tiny, float odd, int64_t first,
                          int64_t count) {
  TinyGguf::Tensor &q = tiny.tensor("blk.0.attn_q.weight");
  std::vector<int8_t> digits = TinyGgufModel::digits(256, 256);
  q.type = 0;
  q.data.clear();
  for (int64_t i = 0; i < 256 * 256; ++i)
    q.data += little((i >= first && i < first + count ? odd : 0.5f) *
                     static_cast<float>(digits[i]));
}

TEST(GgufModel, ProductsMayHaveScalesOfRows) {
  TinyGgufModel tiny;
  writeProducts(tiny, 0.25f, 3 * 256, 256);
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->scaleShape(Projection::Q), (ScaleShape{256, 1}));
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(digits, TinyGgufModel::digits(256, 256));
  EXPECT_EQ(scales.values[3], 0.25f);
  EXPECT_EQ(scales.values[4], 0.5f);
}

/// F16 files of models with scales of groups.
TEST(GgufModel, ProductsMayHaveScalesOfGroups) {
  TinyGgufModel tiny;
  writeProducts(tiny, 0.25f, 128, 128);
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->scaleShape(Projection::Q), (ScaleShape{256, 2}));
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(digits, TinyGgufModel::digits(256, 256));
  std::vector<float> expected(512, 0.5f);
  expected[1] = 0.25f;
  EXPECT_EQ(scales.values, expected);
}

/// As a master they would become other digits without a word.
TEST(GgufModel, ProductsOfNarrowGroupsAreRefused) {
  TinyGgufModel tiny;
  writeProducts(tiny, 0.25f, 0, 64);
  std::string message = tiny.verdict();
  EXPECT_EQ(part(message, "is not ternary: row 0, block 0"),
            "is not ternary: row 0, block 0");
}

/// Writers give 0 to blocks of zeros, and a block with the scale 0 is one.
TEST(GgufModel, BlocksOfZerosHaveNoSay) {
  TinyGgufModel tiny;
  std::string &data = tiny.tensor("blk.0.attn_q.weight").data;
  data.replace(64, 2, little(0, 2));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(scales.values, std::vector<float>{0.5f});
  EXPECT_TRUE(llvm::all_of(llvm::ArrayRef(digits).take_front(256),
                           [](int8_t digit) { return digit == 0; }));
  EXPECT_EQ(digits[257], TinyCheckpoint::digit(1, 1));
}

TEST(GgufModel, FloatsAreMastersUnlessRowsHaveOneMagnitude) {
  TinyGgufModel tiny;
  writeProducts(tiny, 0.25f, 256 * 256 - 64, 32); // in the last row
  EXPECT_EQ(part(readVerdict(tiny), "a scale for each row up to row 255"),
            "a scale for each row up to row 255");
  TinyGguf::Tensor &q = tiny.tensor("blk.0.attn_q.weight");
  q.data.clear();
  for (int64_t i = 0; i < 256 * 256; ++i) // the first row is zero
    q.data += little(i < 256 ? 0.0f : static_cast<float>(i % 7 - 3));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  ASSERT_FALSE(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_NEAR(scales.values[0], 12.0 / 7 * 255 / 256, 1e-3);
  EXPECT_EQ(digits[0], 0);
  EXPECT_EQ(digits[259], -1);
}

/// Tables are encoded as all matrices are; their exact scales have a key of
/// their own.
TEST(GgufModel, TernaryTables) {
  for (bool isTied : {true, false}) {
    TinyGgufModel tiny;
    llvm::erase_if(tiny.file.tensors, [](const TinyGguf::Tensor &tensor) {
      return tensor.name == "token_embd.weight";
    });
    tiny.addDigits("token_embd.weight", "tq2_0", 5, 256);
    if (!isTied)
      tiny.addDigits("output.weight", "tq1_0", 5, 256);
    float exact = 0.50001f; // 0.5 as a float16
    tiny.setKey("tern.table_scales", f32List({exact, 0}));
    auto checkpoint = tiny.open();
    ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
    const ModelConfig &config = (*checkpoint)->config();
    EXPECT_EQ(config.tiedHead, isTied);
    EXPECT_TRUE(config.ternaryTable && config.ternaryHead);
    for (llvm::StringRef name :
         {Checkpoint::embeddingName(), (*checkpoint)->headName()}) {
      std::vector<int8_t> digits(5 * 256);
      Scales scales;
      ASSERT_FALSE((*checkpoint)->readDigits(name, digits.data(), scales));
      EXPECT_EQ(digits, TinyGgufModel::digits(5, 256));
      bool isTable = name == Checkpoint::embeddingName();
      EXPECT_EQ(scales.values, std::vector<float>{isTable ? exact : 0.5f});
    }
  }
}
