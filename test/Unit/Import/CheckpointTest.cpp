//===- CheckpointTest.cpp - Tensors against the config --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointTesting.h"

#include <cmath>

using namespace tern;
using nlohmann::json;

namespace {

const std::string q0 = "model.layers.0.self_attn.q_proj";

std::vector<int8_t> expectedDigits(int64_t rows, int64_t columns) {
  std::vector<int8_t> digits;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      digits.push_back(static_cast<int8_t>(TinyCheckpoint::digit(r, c)));
  return digits;
}

/// The sentence of reading q_proj of layer 0 once the model opens; "" if it
/// reads.
std::string readVerdict(void (*edit)(TinyCheckpoint &)) {
  TinyCheckpoint tiny;
  edit(tiny);
  auto checkpoint = open(tiny);
  if (!checkpoint)
    return "";
  std::vector<int8_t> digits(64);
  Scales scales;
  llvm::Error error =
      checkpoint->readDigits(Projection::Q, 0, digits.data(), scales);
  std::string message = llvm::toString(std::move(error));
  EXPECT_TRUE(message.empty() || message.find("model.safetensors: tensor '" +
                                              q0) != std::string::npos)
      << message;
  return message;
}

void expectReadRefusal(void (*edit)(TinyCheckpoint &),
                       const std::string &part) {
  std::string message = readVerdict(edit);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

void setScale(TinyCheckpoint &tiny, uint16_t bits) {
  tiny.tensors[q0 + ".weight_scale"].bytes = {static_cast<char>(bits & 255),
                                              static_cast<char>(bits >> 8)};
}

} // namespace

TEST(Checkpoint, ReadsPackedDigits) {
  TinyCheckpoint tiny;
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  for (int64_t layer : {0, 1})
    for (Projection projection : checkpoint->config().projections()) {
      int64_t rows = checkpoint->config().rows(projection);
      int64_t columns = checkpoint->config().columns(projection);
      std::vector<int8_t> digits(rows * columns, 9);
      Scales scales;
      llvm::Error error =
          checkpoint->readDigits(projection, layer, digits.data(), scales);
      ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
      EXPECT_EQ(digits, expectedDigits(rows, columns));
      EXPECT_EQ(scales.values, std::vector<float>{0.5f});
    }
}

TEST(Checkpoint, DividingScalesAreInverted) {
  TinyCheckpoint tiny;
  tiny.config["quantization_config"].erase("linear_class");
  setScale(tiny, 0x4040); // 3
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  std::vector<int8_t> digits(64);
  Scales scales;
  ASSERT_FALSE(checkpoint->readDigits(Projection::Q, 0, digits.data(), scales));
  EXPECT_EQ(scales.values[0], 1.0f / 3.0f);
}

TEST(Checkpoint, MastersAreTernarized) {
  TinyCheckpoint tiny;
  tiny.config["quantization_config"]["quantization_mode"] = "online";
  tiny.makeMasters();
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  std::vector<int8_t> digits(64);
  Scales scales;
  ASSERT_FALSE(checkpoint->readDigits(Projection::Q, 0, digits.data(), scales));
  std::vector<int8_t> expected = expectedDigits(8, 8);
  EXPECT_EQ(digits, expected);
  double sum = 0;
  for (int8_t digit : expected)
    sum += digit ? 0.75 : 0;
  EXPECT_EQ(scales.values[0], static_cast<float>(sum / 64));
}

TEST(Checkpoint, ReadsFloats) {
  TinyCheckpoint tiny;
  tiny.tensors["model.norm.weight"] = {"F16", {8}, std::string(16, '\x3c')};
  std::string f32(32, '\0');
  f32[2] = '\x40', f32[3] = '\x40'; // 3
  tiny.tensors["model.layers.1.input_layernorm.weight"] = {"F32", {8}, f32};
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  float row[8];
  ASSERT_FALSE(checkpoint->readFloats("model.embed_tokens.weight", 8, 8, row));
  EXPECT_EQ(row[0], 1.0f + 8 * 0.0078125f);
  EXPECT_EQ(row[7], 1.0f + 15 * 0.0078125f);
  ASSERT_FALSE(checkpoint->readFloats("model.norm.weight", row));
  EXPECT_EQ(row[0], 1.05859375f); // 0x3c3c
  ASSERT_FALSE(
      checkpoint->readFloats("model.layers.1.input_layernorm.weight", row));
  EXPECT_EQ(row[0], 3.0f);
  EXPECT_EQ(*checkpoint->floatType("model.norm.weight"), DType::F16);
  uint16_t raw[2];
  ASSERT_FALSE(checkpoint->readRaw("model.embed_tokens.weight", 1, 2, raw));
  EXPECT_EQ(raw[0], 0x3f81);
  EXPECT_EQ(raw[1], 0x3f82);
}

TEST(Checkpoint, SubNormNamesAreDetected) {
  TinyCheckpoint tiny;
  EXPECT_EQ(open(tiny)->attentionSubNormName(),
            "model.layers.{}.self_attn.attn_sub_norm.weight");
  for (std::string layer : {"0", "1"}) {
    std::string base = "model.layers." + layer;
    tiny.tensors.erase(base + ".self_attn.attn_sub_norm.weight");
    tiny.tensors.erase(base + ".mlp.ffn_sub_norm.weight");
  }
  EXPECT_EQ(open(tiny)->attentionSubNormName(), "");
  EXPECT_EQ(open(tiny)->ffnSubNormName(), "");
  for (std::string layer : {"0", "1"}) {
    std::string base = "model.layers." + layer;
    tiny.addFloats(base + ".self_attn.inner_attn_ln.weight", {8});
    tiny.addFloats(base + ".mlp.ffn_layernorm.weight", {12});
  }
  EXPECT_EQ(open(tiny)->attentionSubNormName(),
            "model.layers.{}.self_attn.inner_attn_ln.weight");
  EXPECT_EQ(open(tiny)->ffnSubNormName(),
            "model.layers.{}.mlp.ffn_layernorm.weight");
}

TEST(Checkpoint, MissingTensors) {
  TinyCheckpoint whole;
  for (const auto &item : whole.tensors) {
    TinyCheckpoint tiny;
    tiny.tensors.erase(item.first);
    EXPECT_NE(verdict(tiny), "") << item.first;
  }
  expectRefusal([](TinyCheckpoint &t) { t.tensors.erase(q0 + ".weight"); },
                "tensor '" + q0 + ".weight' is missing");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.tensors.erase("model.layers.1.mlp.ffn_sub_norm.weight");
      },
      "'model.layers.1.mlp.ffn_sub_norm.weight' is missing");
  expectRefusal(
      [](TinyCheckpoint &t) { t.config["tie_word_embeddings"] = false; },
      "'lm_head.weight' is missing");
  expectRefusal([](TinyCheckpoint &t) { t.config["num_hidden_layers"] = 3; },
                "'model.layers.2.input_layernorm.weight' is missing");
}

TEST(Checkpoint, ExtraTensors) {
  expectRefusal(
      [](TinyCheckpoint &t) { t.addFloats("model.layers.0.gate", {3}); },
      "tensor 'model.layers.0.gate' is not part of the model");
  expectRefusal([](TinyCheckpoint &t) { t.addFloats(q0 + ".bias", {8}); },
                "layers.1.self_attn.q_proj.bias' is missing");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats("model.layers.1.mlp.up_proj.bias", {12});
      },
      "up_proj.bias' is a bias");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.config["attention_bias"] = false;
        t.addFloats(q0 + ".bias", {8});
      },
      q0 + ".bias' is a bias");
  expectRefusal([](TinyCheckpoint &t) { t.config["mlp_bias"] = true; },
                "mlp.gate_proj.bias' is missing");
  expectRefusal(
      [](TinyCheckpoint &t) { t.addFloats(q0 + ".rms_norm.weight", {8}); },
      "'quantization_config.use_rms_norm'");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.config["quantization_config"]["use_rms_norm"] = true;
      },
      q0 + ".rms_norm.weight' is missing");
  expectRefusal([](TinyCheckpoint &t) { t.config["num_hidden_layers"] = 1; },
                "model.layers.1.");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.makeMasters();
        t.config["quantization_config"]["quantization_mode"] = "online";
        t.addFloats(q0 + ".weight_scale", {1});
      },
      "says that weights are not packed");
  TinyCheckpoint tiny;
  tiny.addFloats("model.layers.0.self_attn.rotary_emb.inv_freq", {2});
  EXPECT_EQ(verdict(tiny), "");
}

TEST(Checkpoint, DtypesAndShapesThatContradictTheConfig) {
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.tensors[q0 + ".weight"].shape = {8, 2};
      },
      "tensor '" + q0 +
          ".weight' is U8 [8, 2], but config.json implies U8 [2, 8]");
  expectRefusal(
      [](TinyCheckpoint &t) { t.tensors[q0 + ".weight"].dtype = "I8"; },
      "is I8 [2, 8]");
  expectRefusal([](TinyCheckpoint &t) { t.makeMaster(q0); },
                "is F32 [8, 8], but config.json implies U8 [2, 8]");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.config["quantization_config"]["quantization_mode"] = "online";
      },
      "is U8 [2, 8], but config.json implies BF16 [8, 8] (or F16, F32)");
  expectRefusal([](TinyCheckpoint &t) { t.config["vocab_size"] = 6; },
                "'model.embed_tokens.weight' is BF16 [5, 8]");
  expectRefusal([](TinyCheckpoint &t) { t.config["intermediate_size"] = 16; },
                "but config.json implies");
  expectRefusal([](TinyCheckpoint &t) { t.config["num_key_value_heads"] = 2; },
                "k_proj.weight' is U8 [1, 8]");
  expectRefusal([](TinyCheckpoint &t) { t.config["head_dim"] = 8; },
                "but config.json implies");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats("model.norm.weight", {1, 8});
      },
      "'model.norm.weight' is BF16 [1, 8]");
  expectRefusal(
      [](TinyCheckpoint &t) { t.tensors["model.norm.weight"].dtype = "I16"; },
      "is I16 [8]");
  expectRefusal(
      [](TinyCheckpoint &t) { t.addFloats(q0 + ".weight_scale", {7}); },
      "weight_scale' is BF16 [7]");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats(q0 + ".weight_scale", {4, 2});
      },
      "weight_scale' is BF16 [4, 2]");
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats(q0 + ".weight_scale", {8, 0});
      },
      "weight_scale' is BF16 [8, 0]");
}

TEST(Checkpoint, RefusesGroupsOfDifferentSize) {
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats(q0 + ".weight_scale", {8, 3});
      },
      "3 groups of equal size do not make 8 columns");
}

TEST(Checkpoint, ScalarScalesAreFine) {
  EXPECT_EQ(readVerdict([](TinyCheckpoint &t) {
              t.tensors[q0 + ".weight_scale"].shape = {};
            }),
            "");
}

TEST(Checkpoint, CodeThreeIsNamedWithItsPlace) {
  // Byte 11 is P[1][3]; bits 4..5 are row 2 * 2 + 1.
  expectReadRefusal(
      [](TinyCheckpoint &t) { t.tensors[q0 + ".weight"].bytes[11] |= 0x30; },
      "holds code 3, which is no digit, at row 5, column 3");
  expectReadRefusal(
      [](TinyCheckpoint &t) { t.tensors[q0 + ".weight"].bytes[0] |= 3; },
      "at row 0, column 0");
}

TEST(Checkpoint, ScalesMustBePositiveAndFinite) {
  expectReadRefusal([](TinyCheckpoint &t) { setScale(t, 0x7fc0); }, "nan");
  expectReadRefusal([](TinyCheckpoint &t) { setScale(t, 0x7f80); }, "inf");
  expectReadRefusal([](TinyCheckpoint &t) { setScale(t, 0); },
                    "must be positive");
  expectReadRefusal([](TinyCheckpoint &t) { setScale(t, 0xbf00); },
                    "must be positive");
  expectReadRefusal(
      [](TinyCheckpoint &t) { // 1 / 2^-133 is infinite
        setScale(t, 1);
        t.config["quantization_config"].erase("linear_class");
      },
      "must be positive");
}

TEST(Checkpoint, ValuesMustBeFinite) {
  TinyCheckpoint tiny;
  tiny.tensors["model.norm.weight"].bytes.replace(6, 2, "\xc0\x7f");
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  float norm[8];
  std::string message =
      llvm::toString(checkpoint->readFloats("model.norm.weight", norm));
  EXPECT_NE(message.find("'model.norm.weight' holds nan at element 3"),
            std::string::npos)
      << message;
  expectReadRefusal(
      [](TinyCheckpoint &t) {
        t.makeMasters();
        t.config["quantization_config"]["quantization_mode"] = "online";
        t.tensors[q0 + ".weight"].bytes.replace(20, 4,
                                                std::string("\0\0\x80\x7f", 4));
      },
      "holds inf at element 5");
}

TEST(Checkpoint, UnknownNamesAreErrors) {
  TinyCheckpoint tiny;
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  float value;
  EXPECT_NE(llvm::toString(checkpoint->readFloats("nothing", &value))
                .find("'nothing' is missing"),
            std::string::npos);
  EXPECT_NE(llvm::toString(checkpoint->readFloats(q0 + ".weight", &value))
                .find("not a floating-point tensor"),
            std::string::npos);
}

TEST(Checkpoint, BundledModelsOpenAndRead) {
  for (const char *name : {"shakespeare-a48", "shakespeare-b158"}) {
    auto opened =
        Checkpoint::open(std::string(TERN_TEST_DIR "/models/") + name);
    ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
    const ModelConfig &config = (*opened)->config();
    for (int64_t layer = 0; layer < config.layerCount; ++layer)
      for (Projection projection : config.projections()) {
        std::vector<int8_t> digits(config.rows(projection) *
                                   config.columns(projection));
        Scales scales;
        ASSERT_FALSE(
            (*opened)->readDigits(projection, layer, digits.data(), scales));
      }
  }
}
