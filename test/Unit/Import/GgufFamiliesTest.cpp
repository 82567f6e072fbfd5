//===- GgufFamiliesTest.cpp - Qwen3 and MiniCPM in GGUF files -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufModel.h"

#include "tern/Import/GgufNames.h"

#include <cmath>

using namespace tern;

static TinyGgufModel makeQwen3() {
  TinyGgufModel tiny("tq2_0", "qwen3");
  tiny.addFloats("blk.0.attn_q_norm.weight", {64});
  tiny.addFloats("blk.0.attn_k_norm.weight", {64});
  return tiny;
}

static TinyGgufModel makeMiniCpm() {
  TinyGgufModel tiny("tq2_0", "minicpm");
  tiny.set("embedding_scale", ggufF32(12));
  tiny.set("residual_scale", ggufF32(0.2857738f));
  tiny.set("logit_scale", ggufF32(6));
  return tiny;
}

static ModelConfig configOf(const TinyGgufModel &tiny) {
  auto checkpoint = tiny.open();
  if (checkpoint)
    return (*checkpoint)->config();
  ADD_FAILURE() << llvm::toString(checkpoint.takeError());
  return {};
}

TEST(GgufFamilies, Qwen3) {
  ModelConfig config = configOf(makeQwen3());
  EXPECT_EQ(config.family, ModelFamily::Qwen3);
  EXPECT_EQ(config.architecture, "qwen3");
  EXPECT_EQ(config.hiddenAct, HiddenAct::Silu);
  EXPECT_TRUE(config.hasHeadNorms());
}

TEST(GgufFamilies, ANormOfHeadsIsMissing) {
  TinyGgufModel tiny("tq2_0", "qwen3");
  std::string verdict = tiny.verdict();
  EXPECT_EQ(part(verdict, "tensor 'model.layers.0.self_attn.q_norm.weight' is "
                          "missing, but qwen3 norms every head of q and k in "
                          "all layers"),
            "tensor 'model.layers.0.self_attn.q_norm.weight' is "
            "missing, but qwen3 norms every head of q and k in "
            "all layers");
}

TEST(GgufFamilies, RowsOfQAndK) {
  EXPECT_TRUE(hasPairedRows("llama", "blk.0.attn_q.weight"));
  EXPECT_TRUE(hasPairedRows("minicpm", "blk.0.attn_k.weight"));
  EXPECT_FALSE(hasPairedRows("minicpm", "blk.0.attn_v.weight"));
  EXPECT_FALSE(hasPairedRows("qwen3", "blk.0.attn_q.weight"));
  EXPECT_FALSE(hasPairedRows("qwen3", "blk.0.attn_q_norm.weight"));
  EXPECT_FALSE(hasPairedRows("llama", "blk.0.attn_q_norm.weight"));
}

TEST(GgufFamilies, ScalesOfMiniCpm) {
  ModelConfig config = configOf(makeMiniCpm());
  EXPECT_EQ(config.family, ModelFamily::MiniCpm);
  EXPECT_EQ(config.embeddingScale, 12.0f);
  EXPECT_EQ(config.residualScale, 0.2857738f);
  EXPECT_EQ(config.headDivisor, 6.0f);
  for (const char *name :
       {"embedding_scale", "residual_scale", "logit_scale"}) {
    TinyGgufModel tiny = makeMiniCpm();
    tiny.erase(name);
    EXPECT_EQ(tiny.verdict(), "'minicpm." + std::string(name) +
                                  "' is missing; without it the model is "
                                  "another");
    TinyGgufModel other = makeQwen3();
    other.set(name, ggufF32(2));
    EXPECT_EQ(part(other.verdict(), "tern does not support 'qwen3."),
              "tern does not support 'qwen3.");
  }
}

/// The numbers that go through the terms of config.json come out as they were.
TEST(GgufFamilies, ScalesAreExact) {
  for (uint32_t layers : {1u, 24u, 31u, 52u})
    for (int i = 0; i < 50; ++i) {
      float residual = 0.2857738f + static_cast<float>(i) * 1.7e-7f;
      float divisor = 1.0f + static_cast<float>(i) * 0.37f;
      double depth = static_cast<double>(residual) * std::sqrt(double(layers));
      double base = 1536.0 / static_cast<double>(divisor);
      EXPECT_EQ(static_cast<float>(depth / std::sqrt(double(layers))),
                residual);
      EXPECT_EQ(static_cast<float>(1536.0 / base), divisor);
    }
}

TEST(GgufFamilies, Yarn) {
  TinyGgufModel tiny = makeQwen3();
  tiny.set("rope.scaling.type", ggufText("yarn"));
  tiny.set("rope.scaling.factor", ggufF32(4));
  tiny.set("rope.scaling.original_context_length", ggufU32(8192));
  ModelConfig config = configOf(tiny);
  EXPECT_EQ(config.ropeFactor, 0.1 * std::log(4.0) + 1.0);
  ASSERT_EQ(config.ropeDivisors.size(), 32u);
  EXPECT_EQ(config.ropeDivisors.front(), 1);
  EXPECT_EQ(config.ropeDivisors.back(), 4);
  tiny.set("rope.scaling.attn_factor", ggufF32(1));
  tiny.set("rope.scaling.yarn_ext_factor", ggufF32(1));
  tiny.set("rope.scaling.yarn_beta_fast", ggufF32(32));
  tiny.set("rope.scaling.finetuned", ggufBool(true));
  EXPECT_EQ(configOf(tiny).ropeFactor, config.ropeFactor);
  EXPECT_EQ(configOf(tiny).ropeDivisors, config.ropeDivisors);
  tiny.set("rope.scaling.attn_factor", ggufF32(0.5));
  EXPECT_EQ(configOf(tiny).ropeFactor, 0.5 * config.ropeFactor);
  tiny.set("rope.scaling.yarn_beta_slow", ggufF32(2));
  EXPECT_NE(configOf(tiny).ropeDivisors, config.ropeDivisors);
  tiny.set("rope.scaling.yarn_log_multiplier", ggufF32(0.1f));
  EXPECT_EQ(part(tiny.verdict(), "'qwen3.rope.scaling.yarn_log_multiplier'"),
            "'qwen3.rope.scaling.yarn_log_multiplier'");
  TinyGgufModel without = makeQwen3();
  without.set("rope.scaling.type", ggufText("yarn"));
  without.set("rope.scaling.factor", ggufF32(4));
  EXPECT_EQ(without.verdict(),
            "'qwen3.rope.scaling.original_context_length' is missing, which "
            "YaRN depends on");
}

TEST(GgufFamilies, LongRope) {
  TinyGgufModel tiny = makeMiniCpm();
  tiny.addFloats("rope_factors_short.weight", {32});
  tiny.addFloats("rope_factors_long.weight", {32});
  EXPECT_EQ(part(tiny.verdict(), "is expected to be a list of 32 numbers"),
            "is expected to be a list of 32 numbers"); // the first is 0
  for (const char *name :
       {"rope_factors_short.weight", "rope_factors_long.weight"}) {
    std::string data;
    for (int i = 0; i < 32; ++i)
      data += little(1.0f + static_cast<float>(i) / 8);
    tiny.tensor(name).data = data;
  }
  for (const char *type : {"", "longrope"}) {
    if (*type)
      tiny.set("rope.scaling.type", ggufText(type));
    ModelConfig config = configOf(tiny);
    ASSERT_EQ(config.ropeDivisors.size(), 32u);
    EXPECT_EQ(config.ropeDivisors[31], 1 + 31.0 / 8);
    EXPECT_EQ(config.ropeFactor, 1);
  }
  tiny.set("rope.scaling.original_context_length", ggufU32(32));
  EXPECT_EQ(configOf(tiny).ropeDivisors[31], 1 + 31.0 / 8);
  tiny.tensor("rope_factors_long.weight").data[3] ^= 1;
  EXPECT_EQ(part(tiny.verdict(), "that differs from 'short_factor'"),
            "that differs from 'short_factor'");
  tiny.set("rope.scaling.type", ggufText("yarn"));
  EXPECT_NE(tiny.verdict(), "");
  TinyGgufModel without = makeMiniCpm();
  without.set("rope.scaling.type", ggufText("longrope"));
  EXPECT_EQ(without.verdict(), "tensor 'rope_factors_short.weight' is missing, "
                               "which longrope depends on");
}
