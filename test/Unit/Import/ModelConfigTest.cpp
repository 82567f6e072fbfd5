//===- ModelConfigTest.cpp - What config.json may say ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

using namespace tern;
using nlohmann::json;

TEST(ModelConfig, BundledModels) {
  auto a48 =
      ModelConfig::read(TERN_TEST_DIR "/models/shakespeare-a48/config.json");
  ASSERT_TRUE(bool(a48)) << llvm::toString(a48.takeError());
  EXPECT_EQ(a48->hiddenSize, 192);
  EXPECT_EQ(a48->intermediateSize, 512);
  EXPECT_EQ(a48->layerCount, 5);
  EXPECT_EQ(a48->headCount, 3);
  EXPECT_EQ(a48->kvHeadCount, 1);
  EXPECT_EQ(a48->headDim, 64);
  EXPECT_EQ(a48->vocabSize, 1024);
  EXPECT_EQ(a48->maxPositions, 256);
  EXPECT_EQ(a48->rmsNormEps, 1e-5);
  EXPECT_EQ(a48->ropeTheta, 10000.0);
  EXPECT_EQ(a48->hiddenAct, HiddenAct::Relu2);
  EXPECT_TRUE(a48->tiedHead);
  EXPECT_EQ(a48->weightForm, WeightForm::Multiplies);
  EXPECT_EQ(a48->quantOf(Projection::Q).scheme, ActivationScheme::Int4AbsMean);
  EXPECT_EQ(a48->quantOf(Projection::O).scheme, ActivationScheme::Int8AbsMax);
  EXPECT_EQ(a48->quantOf(Projection::O).topK, 0.5);
  EXPECT_FALSE(a48->quantOf(Projection::Down).topK);
  EXPECT_EQ(a48->kvBits, 3u);
  EXPECT_EQ(a48->bosBits, 4u);
  EXPECT_EQ(a48->qBits, 8u);
  auto b158 =
      ModelConfig::read(TERN_TEST_DIR "/models/shakespeare-b158/config.json");
  ASSERT_TRUE(bool(b158)) << llvm::toString(b158.takeError());
  EXPECT_EQ(b158->quantOf(Projection::Up), ProjectionQuant());
  EXPECT_EQ(b158->kvBits, 16u);
  EXPECT_EQ(b158->bosBits, 16u);
}

TEST(ModelConfig, ScaleMeaningFollowsTheTable) {
  auto form = [](void (*edit)(json &)) { return parsed(edit).weightForm; };
  EXPECT_EQ(form([](json &) {}), WeightForm::Multiplies);
  EXPECT_EQ(form([](json &c) {
              c["quantization_config"]["linear_class"] = "bitlinear";
            }),
            WeightForm::Divides);
  EXPECT_EQ(form([](json &c) { // Llama3-8B-1.58, Falcon3
              c["quantization_config"] = {{"quant_method", "bitnet"},
                                          {"modules_to_not_convert", nullptr}};
              c["architectures"] = {"LlamaForCausalLM"};
              c["model_type"] = "llama";
            }),
            WeightForm::Divides);
  EXPECT_EQ(form([](json &c) {
              c["quantization_config"]["quantization_mode"] = "online";
            }),
            WeightForm::Masters);
  EXPECT_EQ(form([](json &c) { // 1bitLLM
              c.erase("quantization_config");
              c["architectures"] = {"BitnetForCausalLM"};
              c["model_type"] = "llama";
              c["weight_bits"] = 1;
              c["input_bits"] = 8;
            }),
            WeightForm::Masters);
}

/// Their weights tell if they are.
TEST(ModelConfig, ALlamaWithoutQuantizationIsOfProducts) {
  auto edit = [](json &c) {
    c.erase("quantization_config");
    c["architectures"] = {"LlamaForCausalLM"};
    c["model_type"] = "llama";
    c["head_dim"] = 64;
    c["hidden_size"] = c["intermediate_size"] = 256;
  };
  EXPECT_EQ(parsed(edit).weightForm, WeightForm::Products);
  EXPECT_EQ(parsed(edit).weightGroup, 128);
  expectRefusal(
      [](json &c) {
        c.erase("quantization_config");
        c["architectures"] = {"LlamaForCausalLM"};
        c["model_type"] = "llama";
      },
      "the 8 inputs of q_proj are no whole groups of 128");
}

TEST(ModelConfig, CodesOfMlx) {
  auto edit = [](json &c) {
    c.erase("quantization_config");
    c["architectures"] = {"LlamaForCausalLM"};
    c["model_type"] = "llama";
    c["quantization"] = {{"bits", 2}, {"group_size", 4}};
  };
  EXPECT_EQ(parsed(edit).weightForm, WeightForm::Affine);
  EXPECT_EQ(parsed(edit).weightGroup, 4);
  expectRefusal(
      [](json &c) {
        c["quantization_config"] = {{"bits", 2}, {"group_size", 8}};
        c["quantization"] = {{"bits", 2}, {"group_size", 4}};
      },
      "'quantization_config' differ");
  expectRefusal(
      [](json &c) {
        c.erase("quantization_config");
        c["quantization"] = {{"bits", 2}, {"group_size", 4}, {"mode", "mxfp4"}};
      },
      "'quantization.mode'");
}

/// As HF1BitLLM/Llama3-8B-1.58 writes it.
TEST(ModelConfig, WhatIsSaidTwice) {
  json config = TinyCheckpoint().config;
  config["quantization_config"] = {{"quant_method", "bitnet"}};
  std::string text = config.dump();
  text.pop_back();
  auto parsed = ModelConfig::parse(
      text + R"(,"quantization_config":{"quant_method":"bitnet",)"
             R"("modules_to_not_convert":null}})",
      "config.json");
  ASSERT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
  EXPECT_EQ(parsed->weightForm, WeightForm::Divides);
  auto other = ModelConfig::parse(
      text + R"(,"quantization_config":{"quant_method":"bitnet",)"
             R"("linear_class":"autobitlinear"}})",
      "config.json");
  EXPECT_EQ(llvm::toString(other.takeError()),
            "config.json: the name 'quantization_config' occurs twice, with "
            "different values");
}

/// Further fields of public checkpoints.
TEST(ModelConfig, FieldsOfPublicCheckpoints) {
  EXPECT_EQ(verdict([](json &c) {
              c["parallel_attn"] = false;
              c["activation"] = "swiglu";
              c["quantization_config"] = {
                  {"quant_method", "bitnet"},
                  {"modules_to_not_convert",
                   {"model.embed_tokens", "lm_head", "model.norm"}}};
            }),
            "");
  expectRefusal([](json &c) { c["parallel_attn"] = true; }, "'parallel_attn'");
  expectRefusal(
      [](json &c) {
        c["quantization_config"] = {
            {"quant_method", "bitnet"},
            {"modules_to_not_convert", {"lm_head", "model.layers.0"}}};
      },
      "modules_to_not_convert");
}

TEST(ModelConfig, Families) {
  expectRefusal([](json &c) { c["model_type"] = "gemma2"; },
                "'model_type' is expected to be bitnet or llama or qwen3 or "
                "minicpm or minicpm4 or qwen3_5_text, but is \"gemma2\"");
  expectRefusal([](json &c) { c.erase("model_type"); }, "'model_type'");
  expectRefusal([](json &c) { c["architectures"] = {"MixtralForCausalLM"}; },
                "'architectures'");
  expectRefusal([](json &c) { c["architectures"] = json::array(); },
                "'architectures'");
}

TEST(ModelConfig, UnknownFieldsAreNamed) {
  expectRefusal([](json &c) { c["residual_gain"] = 2; },
                "the field 'residual_gain' is not known");
  expectRefusal([](json &c) { c["quantization_config"]["group"] = 64; },
                "the field 'quantization_config.group' is not known");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["q_proj"] = {{"scheme", "int8_absmax"},
                                                  {"top_k", 0.5}};
      },
      "the field 'activation_quantization.q_proj.top_k' is not known");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["qkv_proj"]["scheme"] = "int8_absmax";
      },
      "the field 'activation_quantization.qkv_proj' is not known");
  expectRefusal([](json &c) { c["kv_cache_quantization"]["group"] = 1; },
                "the field 'kv_cache_quantization.group' is not known");
  EXPECT_EQ(verdict([](json &c) { c["transformers_version"] = "4.52"; }), "");
}

TEST(ModelConfig, FieldsThatChangeTheMathsAreRefusedByName) {
  expectRefusal([](json &c) { c["attention_bias"] = "some"; },
                "'attention_bias'");
  expectRefusal([](json &c) { c["mlp_bias"] = 1; }, "'mlp_bias'");
  expectRefusal([](json &c) { c["qkv_bias"] = true; }, "'qkv_bias'");
  expectRefusal(
      [](json &c) {
        c["layer_types"] = {"full_attention", "sliding_attention"};
      },
      "'layer_types'");
  expectRefusal([](json &c) { c["sliding_window"] = 8; }, "'sliding_window'");
  expectRefusal([](json &c) { c["partial_rotary_factor"] = 0.5; },
                "'partial_rotary_factor'");
  expectRefusal([](json &c) { c["use_rms_norm"] = true; }, "'use_rms_norm'");
  expectRefusal(
      [](json &c) { c["quantization_config"]["use_rms_norm"] = "yes"; },
      "'quantization_config.use_rms_norm'");
  expectRefusal(
      [](json &c) {
        c["quantization_config"]["modules_to_not_convert"] = {"q_proj"};
      },
      "modules_to_not_convert");
  expectRefusal(
      [](json &c) {
        c["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}};
      },
      "'rope_scaling.low_freq_factor'");
  expectRefusal(
      [](json &c) {
        c["rope_scaling"] = {{"type", "dynamic"}, {"factor", 8.0}};
      },
      "'rope_scaling.type' is expected to be default or linear or llama3 or "
      "yarn or longrope, but is \"dynamic\"");
  expectRefusal(
      [](json &c) {
        c["rope_scaling"] = {{"rope_type", "llama3"},
                             {"factor", 8.0},
                             {"low_freq_factor", 4.0},
                             {"high_freq_factor", 4.0},
                             {"original_max_position_embeddings", 8192}};
      },
      "'rope_scaling.high_freq_factor' is expected to be above");
  expectRefusal(
      [](json &c) {
        c["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2}};
        c["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 3}};
      },
      "which is meant");
  expectRefusal([](json &c) { c["rope_scaling"] = {{"factor", 8.0}}; },
                "'rope_scaling.factor'");
  expectRefusal([](json &c) { c["rope_scaling"] = "yarn"; }, "'rope_scaling'");
  expectRefusal([](json &c) { c["input_bits"] = 4; }, "'input_bits'");
  expectRefusal([](json &c) { c["embedding_multiplier"] = 12.0; },
                "'embedding_multiplier'");
  EXPECT_EQ(verdict([](json &c) {
              c["attention_bias"] = false;
              c["sliding_window"] = nullptr;
              c["rope_scaling"] = nullptr;
              c["partial_rotary_factor"] = 1;
              c["head_dim"] = nullptr;
              c["quantization_config"]["modules_to_not_convert"] = {"lm_head"};
            }),
            "");
}

TEST(ModelConfig, RopeThetaHasTwoPlaces) {
  auto theta = [](void (*edit)(json &)) { return parsed(edit).ropeTheta; };
  EXPECT_EQ(theta([](json &c) {
              c.erase("rope_theta");
              c["rope_parameters"] = {{"rope_type", "default"},
                                      {"rope_theta", 500000.0}};
            }),
            500000.0);
  EXPECT_EQ(theta([](json &c) { c["rope_theta"] = 1000042; }), 1000042.0);
  expectRefusal([](json &c) { c.erase("rope_theta"); },
                "'rope_theta' is expected to be a number");
}

TEST(ModelConfig, ScaledRotaryEmbeddings) {
  // head_dim is 4: periods of 1 and of 100 positions.
  auto linear = [](json &c) {
    c["rope_scaling"] = {{"type", "linear"}, {"factor", 3}};
  };
  EXPECT_EQ(parsed(linear).ropeDivisors, (std::vector<double>{3, 3}));
  auto llama3 = [](json &c) {
    c["rope_parameters"] = {
        {"rope_type", "llama3"},   {"rope_theta", 1e4},
        {"factor", 8.0},           {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 600}};
  };
  EXPECT_EQ(parsed(llama3).ropeDivisors, (std::vector<double>{1, 8}));
  // A wavelength of 200 pi lies between 1200 / 4 and 1200 / 1.
  auto between = [](json &c) {
    c["rope_scaling"] = {{"rope_type", "llama3"},
                         {"factor", 8.0},
                         {"low_freq_factor", 1.0},
                         {"high_freq_factor", 4.0},
                         {"original_max_position_embeddings", 1200}};
  };
  double smooth = (1200 / (200 * 3.14159265358979323846) - 1) / 3;
  std::vector<double> divisors = parsed(between).ropeDivisors;
  ASSERT_EQ(divisors.size(), 2u);
  EXPECT_EQ(divisors[0], 1);
  EXPECT_NEAR(divisors[1], 1 / ((1 - smooth) / 8 + smooth), 1e-12);
}

TEST(ModelConfig, RequiredFields) {
  expectRefusal([](json &c) { c.erase("hidden_size"); },
                "'hidden_size' is expected to be an integer from 4 to 1048576, "
                "but is missing");
  expectRefusal([](json &c) { c.erase("hidden_act"); }, "'hidden_act'");
  expectRefusal([](json &c) { c.erase("rms_norm_eps"); }, "'rms_norm_eps'");
  expectRefusal([](json &c) { c.erase("vocab_size"); }, "'vocab_size'");
  expectRefusal([](json &c) { c.erase("max_position_embeddings"); },
                "'max_position_embeddings'");
}

TEST(ModelConfig, ValuesOutOfRange) {
  expectRefusal([](json &c) { c["hidden_size"] = 0; }, "but is 0");
  expectRefusal([](json &c) { c["hidden_size"] = -8; }, "but is -8");
  expectRefusal([](json &c) { c["hidden_size"] = 8.0; }, "but is 8.0");
  expectRefusal([](json &c) { c["hidden_size"] = "8"; }, "but is \"8\"");
  expectRefusal([](json &c) { c["hidden_size"] = 18446744073709551608ull; },
                "but is 18446744073709551608");
  expectRefusal([](json &c) { c["num_hidden_layers"] = 5000; },
                "'num_hidden_layers'");
  expectRefusal([](json &c) { c["num_attention_heads"] = 3; },
                "not a multiple of 'num_attention_heads'");
  expectRefusal([](json &c) { c["num_attention_heads"] = 8; }, "'head_dim'");
  expectRefusal(
      [](json &c) {
        c["num_key_value_heads"] = 4;
        c["num_attention_heads"] = 6;
        c["head_dim"] = 4;
      },
      "not a multiple of 'num_key_value_heads' = 4");
  expectRefusal([](json &c) { c["head_dim"] = 3; }, "is odd");
  expectRefusal([](json &c) { c["intermediate_size"] = 14; },
                "the 14 rows of gate_proj are not a multiple of 4");
  expectRefusal(
      [](json &c) {
        c["num_attention_heads"] = 65536;
        c["head_dim"] = 4096;
      },
      "'num_attention_heads' times 'head_dim'");
  expectRefusal([](json &c) { c["rms_norm_eps"] = 0; }, "'rms_norm_eps'");
  expectRefusal([](json &c) { c["rope_theta"] = -1; }, "'rope_theta'");
  expectRefusal([](json &c) { c["tie_word_embeddings"] = "yes"; },
                "'tie_word_embeddings'");
}

TEST(ModelConfig, UnknownWords) {
  expectRefusal(
      [](json &c) { c["hidden_act"] = "gelu"; },
      "'hidden_act' is expected to be relu2 or silu, but is \"gelu\"");
  expectRefusal([](json &c) { c["hidden_act"] = 3; }, "'hidden_act'");
  expectRefusal(
      [](json &c) { c["quantization_config"]["quant_method"] = "gptq"; },
      "'quantization_config.quant_method'");
  expectRefusal(
      [](json &c) { c["quantization_config"]["linear_class"] = "other"; },
      "'quantization_config.linear_class'");
  expectRefusal(
      [](json &c) {
        c["quantization_config"].erase("linear_class");
        c["quantization_config"]["quantization_mode"] = "online";
      },
      "needs 'linear_class' = autobitlinear");
  expectRefusal([](json &c) { c["quantization_config"] = "bitnet"; },
                "'quantization_config' is expected to be an object");
}

TEST(ModelConfig, MalformedText) {
  auto verdict = [](const std::string &text) {
    auto parsed = ModelConfig::parse(text, "config.json");
    return parsed ? "" : llvm::toString(parsed.takeError());
  };
  std::string good = TinyCheckpoint().config.dump();
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(verdict(good.substr(0, size)).find("not valid JSON"),
              std::string::npos)
        << size;
  EXPECT_NE(verdict("[]").find("expected an object"), std::string::npos);
  EXPECT_NE(verdict("7").find("expected an object"), std::string::npos);
  EXPECT_NE(verdict(good.substr(0, good.size() - 1) + ",\"vocab_size\":6}")
                .find("'vocab_size' occurs twice"),
            std::string::npos);
  EXPECT_NE(verdict(std::string(1000000, '[')).find("nests deeper"),
            std::string::npos);
  EXPECT_NE(verdict("{\"hidden_size\": 1e999}").find("not valid JSON"),
            std::string::npos);
}
