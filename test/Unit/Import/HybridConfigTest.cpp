//===- HybridConfigTest.cpp - Configs with two kinds of layers ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

using namespace tern;
using nlohmann::json;

static void asHybrid(json &c) {
  c["architectures"] = {"Qwen3_5ForCausalLM"};
  c["model_type"] = "qwen3_5_text";
  c["hidden_act"] = "silu";
  c["num_hidden_layers"] = 8;
  c["head_dim"] = 16;
  c["linear_num_key_heads"] = 2;
  c["linear_num_value_heads"] = 6;
  c["linear_key_head_dim"] = 5;
  c["linear_value_head_dim"] = 8;
  c["rope_parameters"] = {{"rope_theta", 1e7},
                          {"partial_rotary_factor", 0.25},
                          {"mrope_section", {1, 1, 0}},
                          {"mrope_interleaved", true}};
  c.erase("rope_theta");
}

/// The whole model, whose part the text model is.
static void asNested(json &c) {
  asHybrid(c);
  json text = c;
  text.erase("architectures");
  c = {{"architectures", {"Qwen3_5ForConditionalGeneration"}},
       {"model_type", "qwen3_5"},
       {"text_config", text},
       {"vision_config", {{"depth", 27}}},
       {"image_token_id", 5},
       {"tie_word_embeddings", text["tie_word_embeddings"]}};
}

static std::string kindsOf(const ModelConfig &config) {
  std::string kinds;
  for (int64_t layer = 0; layer < config.layerCount; ++layer)
    kinds += config.isRecurrent(layer) ? 'r' : 'a';
  return kinds;
}

TEST(HybridConfig, Sizes) {
  ModelConfig config = parsed(asHybrid);
  EXPECT_EQ(config.family, ModelFamily::Qwen35);
  ASSERT_TRUE(config.deltaNet);
  EXPECT_EQ(config.deltaNet->features(), 2 * 10 + 48);
  EXPECT_EQ(config.deltaNet->taps, 4);
  EXPECT_FALSE(config.deltaNet->isTiled);
  EXPECT_TRUE(config.hasOutputGate);
  EXPECT_TRUE(config.storesNormsFromOne);
  EXPECT_TRUE(config.hasHeadNorms());
  EXPECT_EQ(config.rotaryDim, 4);
  EXPECT_EQ(config.ropeTheta, 1e7);
  EXPECT_EQ(config.rows(Projection::Q), 2 * config.headCount * 16);
  EXPECT_EQ(config.columns(Projection::O), config.headCount * 16);
  EXPECT_EQ(config.rows(Projection::InQkv), 68);
  EXPECT_EQ(config.rows(Projection::InZ), 48);
  EXPECT_EQ(config.columns(Projection::Out), 48);
  EXPECT_EQ(config.projections().size(), 10u);
  EXPECT_TRUE(config.hasProjection(Projection::Out, 0));
  EXPECT_FALSE(config.hasProjection(Projection::O, 0));
  EXPECT_TRUE(config.hasProjection(Projection::Down, 0));
  EXPECT_FALSE(config.hasProjection(Projection::InZ, 3));
}

TEST(HybridConfig, KindsOfLayers) {
  EXPECT_EQ(kindsOf(parsed(asHybrid)), "rrrarrra");
  EXPECT_EQ(kindsOf(parsed([](json &c) {
              asHybrid(c);
              c["full_attention_interval"] = 2;
            })),
            "rararara");
  EXPECT_EQ(kindsOf(parsed([](json &c) {
              asHybrid(c);
              c["num_hidden_layers"] = 3;
              c["layer_types"] = {"full_attention", "linear_attention",
                                  "linear_attention"};
            })),
            "arr");
  EXPECT_EQ(kindsOf(parsed([](json &c) {
              asHybrid(c);
              c["full_attention_interval"] = 1;
            })),
            "aaaaaaaa");
}

TEST(HybridConfig, TheTextModelOfAWholeOne) {
  ModelConfig config = parsed(asNested);
  EXPECT_EQ(kindsOf(config), "rrrarrra");
  EXPECT_EQ(config.architecture, "Qwen3_5ForConditionalGeneration");
  expectRefusal(
      [](json &c) {
        asNested(c);
        c.erase("text_config");
      },
      "'model_type' = qwen3_5 is of text and pictures, but there is no "
      "'text_config'");
  expectRefusal(
      [](json &c) {
        asNested(c);
        c["head_dim"] = 32;
      },
      "'text_config.head_dim' = 16 differs from 'head_dim' = 32; which is "
      "meant?");
}

TEST(HybridConfig, TheShareThatIsTurned) {
  EXPECT_EQ(parsed([](json &c) {
              asHybrid(c);
              c["rope_parameters"].erase("partial_rotary_factor");
            }).rotaryDim,
            4);
  EXPECT_EQ(parsed([](json &c) {
              asHybrid(c);
              c["rope_parameters"]["partial_rotary_factor"] = 1.0;
            }).rotaryDim,
            16);
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["partial_rotary_factor"] = 0.5;
      },
      "'partial_rotary_factor' and 'rope_parameters.partial_rotary_factor' "
      "differ; which is meant?");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["rope_parameters"]["partial_rotary_factor"] = 0.2;
      },
      "'partial_rotary_factor' of a 'head_dim' of 16 gives 3 features");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["rope_parameters"]["partial_rotary_factor"] = 1.5;
      },
      "'rope_parameters.partial_rotary_factor' is expected to be above 0 and "
      "at most 1, but is 1.5");
}

TEST(HybridConfig, WhatContradictsItself) {
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["full_attention_interval"] = 4;
        c["layer_types"] = std::vector<std::string>(8, "linear_attention");
      },
      "'layer_types' has linear_attention for layer 3, which contradicts "
      "'full_attention_interval' = 4; which is meant?");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["layer_types"] = {"full_attention"};
      },
      "'layer_types' has 1 entries, but 'num_hidden_layers' is 8");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["layer_types"] = std::vector<std::string>(8, "sliding_attention");
      },
      "'layer_types' is expected to be a list of linear_attention and "
      "full_attention");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["full_attention_interval"] = 9;
      },
      "no layer has full_attention");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["linear_num_value_heads"] = 5;
      },
      "'linear_num_value_heads' = 5 is not a multiple of "
      "'linear_num_key_heads' = 2");
  expectRefusal(
      [](json &c) {
        asHybrid(c);
        c["hidden_act"] = "relu2";
      },
      "tern does not support 'hidden_act' = relu2 in a qwen3_5");
  // Of another family they are fields that nobody knows.
  expectRefusal([](json &c) { c["linear_num_key_heads"] = 2; },
                "linear_num_key_heads");
}
