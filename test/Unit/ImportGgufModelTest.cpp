//===- test/Unit/ImportGgufModelTest.cpp - GGUF files as models -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufModel.h"

#include "llvm/ADT/STLExtras.h"

using namespace tern;

namespace {

/// What reading q_proj says of a model that opens; "" if it reads.
std::string readVerdict(const TinyGgufModel &tiny) {
  auto checkpoint = tiny.open();
  if (!checkpoint)
    return "not opened: " + llvm::toString(checkpoint.takeError());
  std::vector<int8_t> digits(256 * 256);
  Scales scales;
  return llvm::toString(
      (*checkpoint)->readDigits(Projection::Q, 0, digits.data(), scales));
}

std::string part(const std::string &message, const std::string &expected) {
  return message.find(expected) != std::string::npos ? expected : message;
}

} // namespace

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

TEST(GgufModel, MetadataBecomeAConfig) {
  TinyGgufModel tiny;
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  const ModelConfig &config = (*checkpoint)->config();
  EXPECT_TRUE((*checkpoint)->isGguf());
  EXPECT_EQ(config.hiddenSize, 256);
  EXPECT_EQ(config.intermediateSize, 512);
  EXPECT_EQ(config.layerCount, 1);
  EXPECT_EQ(config.headCount, 4);
  EXPECT_EQ(config.kvHeadCount, 2);
  EXPECT_EQ(config.headDim, 64);
  EXPECT_EQ(config.vocabSize, 5);
  EXPECT_EQ(config.maxPositions, 64);
  EXPECT_EQ(config.ropeTheta, 500000);
  EXPECT_EQ(static_cast<float>(config.rmsNormEps), 1e-5f);
  EXPECT_EQ(config.hiddenAct, HiddenAct::Relu2);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_FALSE((*checkpoint)->attentionSubNormName().empty());
}

TEST(GgufModel, EveryArchitectureOpens) {
  for (const char *name : {"bitnet", "bitnet-b1.58", "bitnet-25", "llama"})
    EXPECT_EQ(TinyGgufModel("tq2_0", name).verdict(), "") << name;
}

TEST(GgufModel, AHeadOfItsOwnIsUsed) {
  TinyGgufModel tiny;
  tiny.addFloats("output.weight", {256, 5});
  tiny.tensor("output.weight").data.back() ^= 1;
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_FALSE((*checkpoint)->config().tiedHead);
}

TEST(GgufModel, AHeadThatIsTheEmbeddingIsTied) {
  TinyGgufModel tiny;
  tiny.addFloats("output.weight", {256, 5});
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_TRUE((*checkpoint)->config().tiedHead);
  EXPECT_EQ((*checkpoint)->headName(), Checkpoint::embeddingName());
}

TEST(GgufModel, TheActivationIsAskedFor) {
  TinyGgufModel tiny;
  tiny.erase("hidden_activation");
  EXPECT_EQ(part(tiny.verdict(), "say --hidden-act=relu2"),
            "say --hidden-act=relu2");
  GgufOptions options;
  options.hiddenAct = "silu";
  auto checkpoint = tiny.open(options);
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->config().hiddenAct, HiddenAct::Silu);
  EXPECT_EQ(TinyGgufModel("tq2_0", "llama").verdict(), "");
}

TEST(GgufModel, WhatMayChangeTheMathsIsRefused) {
  struct Case {
    const char *field;
    std::string value;
    const char *message;
  };
  for (const auto &[field, value, message] : {
           Case{"embedding_length", ggufText("256"), "expected to be one int"},
           Case{"block_count", ggufU32(2), "'model.layers.1.input_layernorm"},
           Case{"rope.scaling.type", ggufText("yarn"), "= yarn"},
           Case{"rope.dimension_count", ggufU32(32), "of which 32 are rotated"},
           Case{"attention.value_length", ggufU32(32), "length of a key"},
           Case{"expert_count", ggufU32(8), "'bitnet-b1.58.expert_count'"},
           Case{"logit_scale", ggufF32(2), "'bitnet-b1.58.logit_scale'"},
           Case{"new_field", ggufU32(0), "'bitnet-b1.58.new_field'"},
           Case{"hidden_activation", ggufText("gelu"), "gelu"},
           Case{"attention.head_count", ggufU32(0), "num_attention_heads"},
       }) {
    TinyGgufModel tiny;
    tiny.set(field, value);
    EXPECT_EQ(part(tiny.verdict(), message), message) << field;
  }
  for (const char *field :
       {"embedding_length", "feed_forward_length", "block_count",
        "attention.head_count", "attention.layer_norm_rms_epsilon",
        "context_length"}) {
    TinyGgufModel tiny;
    tiny.erase(field);
    EXPECT_EQ(tiny.verdict(),
              "'bitnet-b1.58." + std::string(field) + "' is missing");
  }
  TinyGgufModel strange;
  strange.set("hidden_activation", ggufText("\xff"));
  EXPECT_EQ(part(strange.verdict(), "one string of UTF-8"),
            "one string of UTF-8");
  strange.set("hidden_activation", ggufText("silu"));
  strange.setKey("general.architecture", ggufText("\x1b[2J\n"));
  EXPECT_EQ(part(strange.verdict(), "'\\1B[2J\\0A'"), "'\\1B[2J\\0A'");
  TinyGgufModel tiny;
  tiny.setKey("general.architecture", ggufText("gpt2"));
  EXPECT_EQ(part(tiny.verdict(), "the architecture 'gpt2' is not supported"),
            "the architecture 'gpt2' is not supported");
}

TEST(GgufModel, RotaryEmbeddingsMayBeScaled) {
  TinyGgufModel tiny;
  tiny.set("rope.scaling.factor", ggufF32(4));
  auto linear = tiny.open();
  ASSERT_TRUE(bool(linear)) << llvm::toString(linear.takeError());
  EXPECT_EQ((*linear)->config().ropeDivisors, std::vector<double>(32, 4.0));
  TinyGgufModel factors;
  factors.addFloats("rope_freqs.weight", {32});
  EXPECT_EQ(part(factors.verdict(), "holds 0.000000 at element 0"),
            "holds 0.000000 at element 0");
  std::string &data = factors.tensor("rope_freqs.weight").data;
  data.clear();
  for (int i = 0; i < 32; ++i)
    data += little(2.0f);
  auto opened = factors.open();
  ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
  EXPECT_EQ((*opened)->config().ropeDivisors, std::vector<double>(32, 2.0));
  factors.set("rope.scaling.factor", ggufF32(4));
  EXPECT_EQ(part(factors.verdict(), "the metadata imply 4.0"),
            "the metadata imply 4.0");
  factors.tensor("rope_freqs.weight").sizes = {16, 2};
  EXPECT_EQ(part(factors.verdict(), "the metadata imply F32 [32]"),
            "the metadata imply F32 [32]");
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

TEST(GgufModel, UnexpectedTensorsAreRefused) {
  for (const char *name :
       {"blk.00.attn_norm.weight", "blk.1.attn_norm.weight", "blk.x.y.weight",
        "blk.0.attn_q.bias", "other.weight"}) {
    TinyGgufModel tiny;
    tiny.addFloats(name, {256});
    EXPECT_NE(tiny.verdict(), "") << name;
  }
  TinyGgufModel tiny;
  tiny.addFloats("model.norm.weight", {256});
  EXPECT_EQ(tiny.verdict(),
            "tensor 'model.norm.weight' is of no kind that tern knows");
}

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
    for (Projection projection : allProjections) {
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

TEST(GgufModel, SchemesAreReadBack) {
  TinyGgufModel tiny;
  tiny.setKey("tern.kv_cache_quantization", ggufText(R"({"bits": 4})"));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ((*checkpoint)->config().kvBits, 4u);
  tiny.setKey("tern.kv_cache_quantization", ggufText("{"));
  EXPECT_EQ(part(tiny.verdict(), "'tern.kv_cache_quantization'"),
            "'tern.kv_cache_quantization'");
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

/// As a master they would become other digits without a word.
TEST(GgufModel, ProductsOfGroupsAreRefused) {
  TinyGgufModel tiny;
  writeProducts(tiny, 0.25f, 0, 64);
  std::string message = readVerdict(tiny);
  EXPECT_EQ(part(message, "scales of groups of columns"),
            "scales of groups of columns");
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

//===----------------------------------------------------------------------===//
// Blocks of floating point
//===----------------------------------------------------------------------===//

/// Element i is code(i) * 0.5.
static int q8Code(int64_t i) { return static_cast<int>(i * 7 % 251) - 125; }

static void useQ8(TinyGgufModel &tiny) {
  TinyGguf::Tensor &embedding = tiny.tensor("token_embd.weight");
  embedding.type = 8;
  embedding.data.clear();
  for (int64_t i = 0; i < 5 * 256; ++i) {
    if (i % 32 == 0)
      embedding.data += halfBytes(0.5f);
    embedding.data += static_cast<char>(q8Code(i));
  }
}

TEST(GgufModel, BlocksAreReadFromAnyElement) {
  TinyGgufModel tiny;
  useQ8(tiny);
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  llvm::StringRef name = Checkpoint::embeddingName();
  EXPECT_EQ(*(*checkpoint)->floatType(name), DType::F32);
  for (auto [from, count] : {std::pair<int64_t, int64_t>{0, 1280},
                             {0, 1},
                             {31, 2},
                             {33, 64},
                             {1279, 1},
                             {5, 700}}) {
    std::vector<float> values(count), raw(count);
    ASSERT_FALSE((*checkpoint)->readFloats(name, from, count, values.data()));
    ASSERT_FALSE((*checkpoint)->readRaw(name, from, count, raw.data()));
    EXPECT_EQ(values, raw);
    for (int64_t i = 0; i < count; ++i)
      EXPECT_EQ(values[i], 0.5f * static_cast<float>(q8Code(from + i)));
  }
}

TEST(GgufModel, AnInfiniteBlockIsRefused) {
  TinyGgufModel tiny;
  useQ8(tiny);
  tiny.tensor("token_embd.weight").data.replace(34 * 3, 2, little(0x7c00, 2));
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  std::vector<float> values(1280);
  std::string message = llvm::toString(
      (*checkpoint)->readFloats(Checkpoint::embeddingName(), values.data()));
  EXPECT_EQ(part(message, "inf at element 96"), "inf at element 96");
}
