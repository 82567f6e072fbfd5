//===- ModelFamiliesTest.cpp - Graphs that a config names -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

#include <cmath>

using namespace tern;
using nlohmann::json;

static void asMiniCpm(json &c) {
  c["architectures"] = {"MiniCPMForCausalLM"};
  c["model_type"] = "minicpm";
  c["hidden_act"] = "silu";
  c["scale_emb"] = 12;
  c["scale_depth"] = 1.4;
  c["dim_model_base"] = 2;
}

//===----------------------------------------------------------------------===//
// Which family
//===----------------------------------------------------------------------===//

TEST(ModelFamilies, TypeAndClass) {
  auto family = [](void (*edit)(json &)) { return parsed(edit).family; };
  EXPECT_EQ(family([](json &) {}), ModelFamily::BitNet);
  EXPECT_EQ(family([](json &c) {
              c["model_type"] = "llama";
              c["architectures"] = {"LlamaForCausalLM"};
            }),
            ModelFamily::Llama);
  // 1bitLLM's
  EXPECT_EQ(family([](json &c) {
              c["model_type"] = "llama";
              c["architectures"] = {"BitnetForCausalLM"};
            }),
            ModelFamily::BitNet);
  EXPECT_EQ(family(asQwen3), ModelFamily::Qwen3);
  EXPECT_EQ(family(asMiniCpm), ModelFamily::MiniCpm);
  EXPECT_EQ(family([](json &c) {
              asQwen3(c);
              c.erase("architectures");
            }),
            ModelFamily::Qwen3);
  // Some files of MiniCPM4 have only the class.
  EXPECT_EQ(family([](json &c) {
              asMiniCpm(c);
              c.erase("model_type");
            }),
            ModelFamily::MiniCpm);
  // As transformers writes them itself.
  EXPECT_EQ(family([](json &c) {
              asMiniCpm(c);
              c["architectures"] = {"MiniCPM4ForCausalLM"};
              c["model_type"] = "minicpm4";
              c["sparse_config"] = nullptr;
            }),
            ModelFamily::MiniCpm);
  EXPECT_EQ(parsed(asQwen3).architecture, "Qwen3ForCausalLM");
}

TEST(ModelFamilies, TypeAndClassMustAgree) {
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["architectures"] = {"LlamaForCausalLM"};
      },
      "'model_type' = qwen3 and 'architectures' = LlamaForCausalLM are not of "
      "one model; which is meant?");
  expectRefusal(
      [](json &c) {
        asMiniCpm(c);
        c["model_type"] = "qwen3";
      },
      "'model_type' = qwen3 and 'architectures' = MiniCPMForCausalLM");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["model_type"] = "minicpm4";
      },
      "'model_type' = minicpm and 'architectures' = Qwen3ForCausalLM");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c.erase("model_type");
      },
      "'model_type' is expected to be bitnet or llama or qwen3 or minicpm or "
      "minicpm4 or qwen3_5_text, but is missing");
}

TEST(ModelFamilies, DefaultsAreTheFamilys) {
  // 128 whatever the width of the model is.
  EXPECT_EQ(parsed([](json &c) {
              asQwen3(c);
              c.erase("head_dim");
            }).headDim,
            128);
  EXPECT_TRUE(parsed(asQwen3).hasHeadNorms());
  EXPECT_FALSE(parsed(asMiniCpm).hasHeadNorms());
  auto untold = [](json &c) {
    asMiniCpm(c);
    c.erase("tie_word_embeddings");
    c.erase("rope_theta");
  };
  EXPECT_TRUE(parsed(untold).tiedHead);
  EXPECT_EQ(parsed(untold).ropeTheta, 10000.0);
  EXPECT_FALSE(parsed([](json &c) {
                 asQwen3(c);
                 c.erase("tie_word_embeddings");
               }).tiedHead);
  for (void (*edit)(json &) : {+[](json &c) {
                                 asQwen3(c);
                                 c.erase("num_key_value_heads");
                               },
                               +[](json &c) {
                                 asMiniCpm(c);
                                 c.erase("num_key_value_heads");
                               }})
    expectRefusal(edit, "'num_key_value_heads' is expected to be an integer "
                        "from 1 to 65536, but is missing");
}

//===----------------------------------------------------------------------===//
// Qwen3
//===----------------------------------------------------------------------===//

TEST(ModelFamilies, WindowsOfQwen3) {
  EXPECT_EQ(verdict([](json &c) {
              asQwen3(c);
              c["use_sliding_window"] = false;
              c["sliding_window"] = 4;
              c["max_window_layers"] = 1;
              c["layer_types"] = {"full_attention", "full_attention"};
            }),
            "");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["use_sliding_window"] = true;
      },
      "tern does not support 'use_sliding_window' = true; only false is");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["use_sliding_window"] = true;
        c["sliding_window"] = 4;
      },
      "tern does not support 'sliding_window' = 4 with 'use_sliding_window' = "
      "true");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["layer_types"] = {"full_attention", "sliding_attention"};
      },
      "'layer_types'");
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["layer_types"] = {"full_attention"};
      },
      "'layer_types' has 1 entries, but 'num_hidden_layers' is 2");
}

//===----------------------------------------------------------------------===//
// MiniCPM
//===----------------------------------------------------------------------===//

TEST(ModelFamilies, ScalesOfMiniCpm) {
  ModelConfig config = parsed(asMiniCpm); // 2 layers, hidden 8
  EXPECT_EQ(config.embeddingScale, 12.0f);
  EXPECT_EQ(config.residualScale, static_cast<float>(1.4 / std::sqrt(2.0)));
  EXPECT_EQ(config.headDivisor, 4.0f);
  ModelConfig other = parsed(asQwen3);
  EXPECT_EQ(other.embeddingScale, 1.0f);
  EXPECT_EQ(other.residualScale, 1.0f);
  EXPECT_EQ(other.headDivisor, 1.0f);
  for (const char *name : {"scale_emb", "scale_depth", "dim_model_base"}) {
    json c = TinyCheckpoint().config;
    asMiniCpm(c);
    for (json wrong : {json(), json(0), json(-1), json("1"), json(1e300)}) {
      c[name] = wrong;
      auto parsed = ModelConfig::parse(c.dump(), "config.json");
      ASSERT_FALSE(bool(parsed)) << name << wrong;
      std::string message = llvm::toString(parsed.takeError());
      EXPECT_NE(message.find(name), std::string::npos) << message;
    }
  }
  // Of another family they are not known.
  expectRefusal([](json &c) { c["scale_emb"] = 12; }, "'scale_emb'");
}

TEST(ModelFamilies, SparseAttentionIsSaid) {
  auto sparse = [](json &c) {
    asMiniCpm(c);
    c["sparse_config"] = {{"kernel_size", 32}, {"dense_len", 8192}};
    c["mup_denominator"] = 32;
  };
  ModelConfig config = parsed(sparse);
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("'sparse_config', which is not followed"),
            std::string::npos);
  expectRefusal(
      [](json &c) {
        asQwen3(c);
        c["sparse_config"] = {{"dense_len", 8192}};
      },
      "the field 'sparse_config' is not known");
}
