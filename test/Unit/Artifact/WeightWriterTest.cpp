//===- WeightWriterTest.cpp - Bytes of an artifact ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightWriterTesting.h"

#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Packing/Packer.h"

#include <cmath>

using namespace tern;

TEST_F(WeightWriterTest, HeaderAndSections) {
  std::string bytes =
      write("tern.weight @norm <values> [\"model.norm.weight\"] offset 64 : "
            "tensor<8xf32>\n");
  auto header = at<tern_artifact_header>(bytes, 0);
  EXPECT_EQ(std::string(header.magic, 8), "TERNART1");
  EXPECT_EQ(header.version, TERN_ARTIFACT_VERSION);
  EXPECT_EQ(header.header_bytes, sizeof header);
  EXPECT_EQ(header.weights_id, 18364758544493064720ull);
  EXPECT_EQ(header.weights.offset, 4096u);
  EXPECT_EQ(header.weights.bytes, 2048u);
  EXPECT_EQ(header.tokenizer.offset, 6144u);
  EXPECT_EQ(header.tokenizer.bytes, 3u);
  EXPECT_EQ(header.generation.offset, 6208u);
  EXPECT_EQ(header.generation.bytes, 2u);
  EXPECT_EQ(header.total_bytes, 6272u);
  EXPECT_EQ(bytes.size(), header.total_bytes);
  EXPECT_EQ(bytes.substr(6144, 3), "\1\2\3");
  EXPECT_EQ(bytes.substr(6208, 2), "\4\5");
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(weight<float>(bytes, 64, i), 1.0f + i * 0.0078125f);
  // Everything else is zero.
  bytes.replace(0, sizeof header, sizeof header, '\0');
  bytes.replace(6144, 3, 3, '\0').replace(6208, 2, 2, '\0');
  bytes.replace(4096 + 64, 32, 32, '\0');
  EXPECT_EQ(bytes, std::string(6272, '\0'));
}

TEST_F(WeightWriterTest, ValuesAsStoredOrWidened) {
  tiny.tensors["model.norm.weight"] = {"F16", {8}, std::string(16, '\x3c')};
  std::string bytes = write(
      "tern.weight @e <values> [\"model.embed_tokens.weight\"] offset 0 : "
      "tensor<5x8xbf16>\n"
      "tern.weight @n <values> [\"model.norm.weight\"] offset 128 : "
      "tensor<8xf16>\n"
      "tern.weight @w <values> [\"model.norm.weight\"] offset 192 : "
      "tensor<8xf32>\n"
      "tern.weight @l per_layer <values> "
      "[\"model.layers.{}.input_layernorm.weight\"] offset 256 : "
      "tensor<8xf32>\n");
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(weight<uint16_t>(bytes, 0, i), 0x3f80 + i);
  EXPECT_EQ(weight<uint16_t>(bytes, 128, 7), 0x3c3c);
  EXPECT_EQ(weight<float>(bytes, 192, 7), 1.05859375f);
  EXPECT_EQ(weight<float>(bytes, 256, 7), 1.0546875f);
  EXPECT_EQ(weight<float>(bytes, 256 + 512, 7), 1.0546875f);
}

TEST_F(WeightWriterTest, DigitsInTheirLayoutAndOrder) {
  // k differs from q here only in its number of rows, so turn it around.
  for (char &byte :
       tiny.tensors["model.layers.1.self_attn.k_proj.weight"].bytes)
    byte = static_cast<char>(0xaa - static_cast<uint8_t>(byte));
  std::string bytes = write(digits("qk", q + ", " + k, "12x8", 128));
  std::vector<int8_t> back(12 * 8);
  for (int layer : {0, 1}) {
    ASSERT_TRUE(unpackDigits(layoutValue(),
                             reinterpret_cast<const uint8_t *>(bytes.data()) +
                                 4096 + 128 + 512 * layer,
                             12, 8, back.data()));
    for (int64_t r = 0; r < 12; ++r)
      for (int64_t c = 0; c < 8; ++c) {
        int digit = TinyCheckpoint::digit(r < 8 ? r : r - 8, c);
        EXPECT_EQ(back[r * 8 + c], layer == 1 && r >= 8 ? -digit : digit);
      }
  }
}

TEST_F(WeightWriterTest, ScalesPerSourceOrPerRow) {
  tiny.tensors["model.layers.1.self_attn.k_proj.weight_scale"].bytes = {'\x80',
                                                                        '\x3f'};
  std::string weights = "tern.weight @s per_layer <scale> [" + q + ", " + k +
                        "] offset 0 : tensor<2xf32>\n" +
                        digits("qk", q + ", " + k, "12x8", 128) +
                        "tern.weight @rows per_layer <scale> [" + q + ", " + k +
                        "] offset 64 : tensor<12xf32>\n";
  std::string bytes = write(weights);
  EXPECT_EQ(weight<float>(bytes, 0, 0), 0.5f);
  EXPECT_EQ(weight<float>(bytes, 0, 1), 0.5f);
  EXPECT_EQ(weight<float>(bytes, 512, 0), 0.5f);
  EXPECT_EQ(weight<float>(bytes, 512, 1), 1.0f);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(weight<float>(bytes, 512 + 64, i), i < 8 ? 0.5f : 1.0f);
}

TEST_F(WeightWriterTest, ValuesOfSeveralSources) {
  std::string norms = "\"model.layers.{}.input_layernorm.weight\", "
                      "\"model.layers.{}.mlp.ffn_sub_norm.weight\"";
  std::string bytes = write("tern.weight @n per_layer <values> [" + norms +
                            "] offset 0 : tensor<20xf32>\n");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(weight<float>(bytes, 512, i),
              1 + static_cast<float>(i < 8 ? i : i - 8) / 128);
}

TEST_F(WeightWriterTest, ScalesPerGroup) {
  tiny.addFloats("model.layers.1.self_attn.k_proj.weight_scale", {4, 2});
  std::string weights = digits("qk", q + ", " + k, "12x8", 128) +
                        "tern.weight @groups per_layer <scale> [" + q + ", " +
                        k + "] offset 0 : tensor<12x2xf32>\n";
  std::string bytes = write(weights);
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(weight<float>(bytes, 0, i), 0.5f);
    EXPECT_EQ(weight<float>(bytes, 512, i),
              i < 16 ? 0.5f : 1.0f + static_cast<float>(i - 16) / 128);
  }
  expectRefusal(digits("qk", q + ", " + k, "12x8", 128) +
                    "tern.weight @groups per_layer <scale> [" + q + ", " + k +
                    "] offset 0 : tensor<2xf32>\n",
                "has no room for the 4 x 2 scales");
}

TEST_F(WeightWriterTest, ScalesBehindTheirDigits) {
  const std::string name = "model.layers.1.self_attn.k_proj.weight_scale";
  tiny.addFloats(name, {4, 2});
  Layout stored = PlainWords{&codecs::b2, Axis::Row}.layout().withScales(
      4, ScaleFormat::F16);
  std::string one = "tern.weight @qk per_layer <digits> [" + q + ", " + k +
                    "] offset 0 : tensor<12x8x!tern.trit, #tern.layout<" +
                    stored.str() + ">>\n";
  std::string bytes = write(one);
  std::vector<int8_t> back(12 * 8);
  std::vector<float> scales(12 * 2);
  for (int layer : {0, 1}) {
    const auto *at =
        reinterpret_cast<const uint8_t *>(bytes.data()) + 4096 + 512 * layer;
    ASSERT_TRUE(unpackDigits(stored, at, 12, 8, back.data()));
    unpackScales(stored, at, 12, 8, scales.data());
    for (int64_t i = 0; i < 12 * 8; ++i)
      EXPECT_EQ(back[i],
                TinyCheckpoint::digit(i < 64 ? i / 8 : i / 8 - 8, i % 8));
    for (int i = 0; i < 24; ++i)
      EXPECT_EQ(scales[i], layer == 0 || i < 16
                               ? 0.5f
                               : 1.0f + static_cast<float>(i - 16) / 128);
  }
  // As a weight of their own.
  std::string groups = digits("qk", q + ", " + k, "12x8", 128) +
                       "tern.weight @s per_layer <scale> [" + q + ", " + k +
                       "] offset 0 : tensor<12x2xf16>\n";
  bytes = write(groups);
  EXPECT_EQ(weight<uint16_t>(bytes, 512, 17), floatToHalf(1 + 1 / 128.0f));
  // 2^-25 and a bit: less than halves are apart.
  tiny.tensors[name].bytes[2] = '\x01';
  tiny.tensors[name].bytes[3] = '\x33';
  expectRefusal(one, "16 bits hold exactly, but in row 8 and group 1");
  expectRefusal(groups, "16 bits hold exactly");
}

TEST_F(WeightWriterTest, IntegerRows) {
  // Row 2 is -1, 0.5, 0, 0, ...: g = 1, codes -127, 63.5 -> 64 (even), 0.
  std::string &table = tiny.tensors["model.embed_tokens.weight"].bytes;
  table.replace(32, 16,
                std::string("\x80\xbf\x00\x3f", 4) + std::string(12, '\0'));
  table.replace(48, 16, std::string(16, '\0')); // row 3: all zero
  std::string bytes = write("tern.weight @s <integer_scales> "
                            "[\"model.embed_tokens.weight\"] offset 0 "
                            ": tensor<5xf32>\n"
                            "tern.weight @q <integer_rows> "
                            "[\"model.embed_tokens.weight\"] offset 64 : "
                            "tensor<5x8xi8>\n");
  EXPECT_EQ(weight<float>(bytes, 0, 2), 1.0f / 127.0f);
  EXPECT_EQ(weight<int8_t>(bytes, 64, 16), -127);
  EXPECT_EQ(weight<int8_t>(bytes, 64, 17), 64);
  EXPECT_EQ(weight<int8_t>(bytes, 64, 18), 0);
  EXPECT_EQ(weight<float>(bytes, 0, 3), 1e-5f / 127.0f);
  EXPECT_EQ(weight<int8_t>(bytes, 64, 24), 0);
  for (int r : {0, 1, 4}) {
    float g = 1.0f + (8 * r + 7) * 0.0078125f;
    EXPECT_EQ(weight<float>(bytes, 0, r), g / 127.0f);
    for (int c = 0; c < 8; ++c)
      EXPECT_EQ(
          weight<int8_t>(bytes, 64, 8 * r + c),
          std::nearbyint((1.0f + (8 * r + c) * 0.0078125f) * (127.0f / g)));
  }
  // Scales are by-products of the rows.
  expectRefusal("tern.weight @s <integer_scales> "
                "[\"model.embed_tokens.weight\"] offset 0 "
                ": tensor<5xf32>\n",
                "are not part of the artifact");
}

TEST_F(WeightWriterTest, IntegerRowsInPlanes) {
  // Row 2 is -1, 0.5, 0, 0, ...: codes -127, 64, 0, which are -32, 16, 0 times
  // four and 1, 0, 0.
  std::string &table = tiny.tensors["model.embed_tokens.weight"].bytes;
  table.replace(32, 16,
                std::string("\x80\xbf\x00\x3f", 4) + std::string(12, '\0'));
  const std::string source = "[\"model.embed_tokens.weight\"] offset ";
  std::string norms =
      "tern.weight @n <lower_norms> " + source + "128 : tensor<5xf32>\n";
  std::string bytes = write(
      "tern.weight @u <upper_bits> " + source +
      "0 : tensor<5x8xi6, #tern.layout<i6, rows, k:4:1, [b:3:1]>>\n" +
      "tern.weight @l <lower_bits> " + source +
      "64 : tensor<5x8xi2, #tern.layout<u2, rows, k:4:1, []>>\n" + norms +
      "tern.weight @s <integer_scales> " + source + "192 : tensor<5xf32>\n");
  // Plus 32, six bits each, low bits first; two bits each.
  EXPECT_EQ(weight<uint8_t>(bytes, 0, 12), 0x00);
  EXPECT_EQ(weight<uint8_t>(bytes, 0, 13), 0x0c);
  EXPECT_EQ(weight<uint8_t>(bytes, 0, 14), 0x82);
  EXPECT_EQ(weight<uint8_t>(bytes, 64, 4), 0x01);
  EXPECT_EQ(weight<uint8_t>(bytes, 64, 5), 0x00);
  // Seven of -3 and one of -1: 64 is a square, and needs no rounding.
  EXPECT_EQ(weight<float>(bytes, 128, 2), 8.0f);
  EXPECT_EQ(weight<float>(bytes, 192, 2), 1.0f / 127.0f);
  for (int r : {0, 1, 3, 4}) {
    int64_t squares = 0;
    for (int c = 0; c < 8; ++c) {
      int low = weight<uint8_t>(bytes, 64, 2 * r + c / 4) >> c % 4 * 2 & 3;
      squares += (2 * low - 3) * (2 * low - 3);
    }
    double norm = weight<float>(bytes, 128, r);
    EXPECT_GE(norm * norm, squares);
    EXPECT_LT(norm, std::sqrt(double(squares)) * 1.0000002);
  }
  expectRefusal(norms, "are not part of the artifact");
}

TEST_F(WeightWriterTest, IntegerRowsInALayout) {
  // Row 2 is -1, 0.5, 0, 0, ...: g = 1, codes -7, 3.5 -> 4 (even), 0.
  std::string &table = tiny.tensors["model.embed_tokens.weight"].bytes;
  table.replace(32, 16,
                std::string("\x80\xbf\x00\x3f", 4) + std::string(12, '\0'));
  auto rows = [](const char *layout) {
    return "tern.weight @q <integer_rows> [\"model.embed_tokens.weight\"] "
           "offset 0 : tensor<5x8xi4, #tern.layout<" +
           std::string(layout) + ">>\n";
  };
  std::string bytes = write(
      rows("i4, rows, k:2:1, []") +
      "tern.weight @s <integer_scales> [\"model.embed_tokens.weight\"] offset "
      "64 : tensor<5xf32>\n");
  EXPECT_EQ(weight<float>(bytes, 64, 2), 1.0f / 7.0f);
  // Codes plus 8, low bits first.
  EXPECT_EQ(weight<uint8_t>(bytes, 0, 8), 0xc1);
  EXPECT_EQ(weight<uint8_t>(bytes, 0, 9), 0x88);
  expectRefusal(rows("i4, columns, n:2:1, []"), "expected a layout of rows");
}

TEST_F(WeightWriterTest, RopeTables) {
  std::string attributes = " {head_dim = 4 : i64, theta = 1.0e+04 : f64} : "
                           "tensor<16x2xf32>\n";
  std::string bytes =
      write("tern.weight @c <rope_cos> [] offset 0" + attributes +
            "tern.weight @s <rope_sin> [] offset 128" + attributes);
  for (int position : {0, 1, 7, 15}) {
    EXPECT_EQ(weight<float>(bytes, 0, 2 * position),
              static_cast<float>(std::cos(double(position))));
    EXPECT_EQ(weight<float>(bytes, 128, 2 * position + 1),
              static_cast<float>(std::sin(position / 100.0)));
  }
}

/// The factor comes before the rounding.
TEST_F(WeightWriterTest, RopeTablesWithAFactor) {
  std::string bytes = write(
      "tern.weight @c <rope_cos> [] offset 0 {head_dim = 4 : i64, theta = "
      "1.0e+04 : f64, divisors = array<f64: 1.0, 4.0>, factor = "
      "1.138629436111989 : f64} : tensor<16x2xf32>\n");
  for (int position : {0, 1, 7, 15}) {
    EXPECT_EQ(
        weight<float>(bytes, 0, 2 * position),
        static_cast<float>(1.138629436111989 * std::cos(double(position))));
    EXPECT_EQ(
        weight<float>(bytes, 0, 2 * position + 1),
        static_cast<float>(1.138629436111989 * std::cos(position / 400.0)));
  }
}

/// They are made in parts.
TEST_F(WeightWriterTest, LargeRopeTables) {
  std::string bytes =
      write("tern.weight @c <rope_cos> [] offset 0 {head_dim = 4096 : i64, "
            "theta = 1.0e+04 : f64} : tensor<1100x2048xf32>\n",
            /*append=*/false, 1100 * 2048 * 4);
  for (int position : {0, 511, 512, 513, 1023, 1024, 1099}) {
    EXPECT_EQ(weight<float>(bytes, 0, 2048 * position),
              static_cast<float>(std::cos(double(position))));
    EXPECT_EQ(weight<float>(bytes, 0, 2048 * position + 1024),
              static_cast<float>(std::cos(position / 100.0)));
  }
}

TEST_F(WeightWriterTest, SourcesThatDoNotFit) {
  auto values = [](const std::string &source, const std::string &type) {
    return "tern.weight @n <values> [" + source + "] offset 0 : tensor<" +
           type + ">\n";
  };
  expectRefusal(values("\"none\"", "8xf32"), "no tensor 'none'");
  expectRefusal(values("\"model.norm.weight\"", "9xf32"),
                "its sources have 8 rows, not 9");
  expectRefusal(values("\"model.norm.weight\"", "8x1xf32"),
                "does not have the shape of 'model.norm.weight', BF16 [8]");
  expectRefusal(values("\"model.norm.weight\"", "8xf16"),
                "cannot be made of 'model.norm.weight', which is BF16");
  expectRefusal(
      values("\"model.norm.weight\", \"model.norm.weight\"", "15xf32"),
      "does not have the shape of 'model.norm.weight', BF16 [8]");
  expectRefusal(values("\"model.layers.0.self_attn.q_proj.weight\"", "2x8xf32"),
                "not a floating-point tensor");
  expectRefusal(digits("d", q + ", " + k, "8x8", 0), "does not fit in");
  expectRefusal(digits("d", q, "12x8", 0), "have 8 rows, not 12");
  expectRefusal(digits("d", q, "8x16", 0), "does not fit in");
  expectRefusal(
      digits("d", "\"model.layers.{}.input_layernorm.weight\"", "8x8", 0),
      "'model.layers.0.input_layernorm.weight' is BF16 [8], not a ternary "
      "matrix");
  expectRefusal(digits("d", q, "8x8", 64) +
                    "tern.weight @s per_layer <scale> [" + q +
                    "] offset 0 : tensor<3xf32>\n",
                "has 3 scales");
  expectRefusal(
      "tern.weight @q <integer_rows> [\"model.norm.weight\"] offset 0 : "
      "tensor<1x8xi8>\n",
      "is no matrix");
}

TEST_F(WeightWriterTest, ScalesOfMastersComeWithTheirDigits) {
  tiny.config["quantization_config"]["quantization_mode"] = "online";
  tiny.makeMasters();
  std::string scale =
      "tern.weight @s per_layer <scale> [" + q + "] offset 0 : tensor<1xf32>\n";
  expectRefusal(scale, "not part of the artifact");
  std::string bytes = write(scale + digits("d", q, "8x8", 64));
  EXPECT_GT(weight<float>(bytes, 0), 0);
}

TEST_F(WeightWriterTest, ValuesThatAreNotFinite) {
  tiny.tensors["model.embed_tokens.weight"].bytes.replace(22, 2, "\x80\x7f");
  expectRefusal(
      "tern.weight @e <values> [\"model.embed_tokens.weight\"] offset 0 : "
      "tensor<5x8xbf16>\n",
      "'model.embed_tokens.weight' holds a value that is not finite at element "
      "11");
}
