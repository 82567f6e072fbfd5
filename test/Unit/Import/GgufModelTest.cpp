//===- GgufModelTest.cpp - GGUF files as models ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufModel.h"

#include "tern/Packing/HalfFloat.h"

#include "llvm/ADT/STLExtras.h"

using namespace tern;

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

/// The same values in another type are the same head.
TEST(GgufModel, AHeadOfTheSameValuesIsTied) {
  TinyGgufModel tiny;
  tiny.addFloats("output.weight", {256, 5});
  TinyGguf::Tensor &head = tiny.tensor("output.weight");
  std::string halves;
  for (uint64_t i = 0; i < 256 * 5; ++i)
    halves += little(floatToHalf(static_cast<float>(i % 16) / 8), 2);
  head.data = halves;
  head.type = 1; // F16
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_TRUE((*checkpoint)->config().tiedHead);
  head.data[0] ^= 1;
  checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_FALSE((*checkpoint)->config().tiedHead);
}

TEST(GgufModel, ThingsThatOccurTwiceMustAgree) {
  TinyGgufModel tiny;
  tiny.file.values.push_back(tiny.file.values[1]);
  tiny.file.tensors.push_back(tiny.tensor("output_norm.weight"));
  tiny.file.tensors.push_back(tiny.tensor("blk.0.attn_q.weight"));
  EXPECT_EQ(tiny.verdict(), "");
  tiny.file.tensors.back().data[0] ^= 1;
  EXPECT_EQ(tiny.verdict(), "tensor 'blk.0.attn_q.weight' occurs twice, with "
                            "different values");
  tiny.file.tensors.back() = tiny.tensor("blk.0.attn_k.weight");
  tiny.file.tensors.back().name = "blk.0.attn_q.weight";
  EXPECT_EQ(tiny.verdict(), "tensor 'blk.0.attn_q.weight' occurs twice, with "
                            "different values");
}

TEST(GgufModel, APartOfASplitFileIsNamed) {
  TinyGgufModel tiny;
  tiny.setKey("split.count", ggufU32(1));
  EXPECT_EQ(tiny.verdict(), "");
  tiny.setKey("split.count", ggufU32(3));
  tiny.setKey("split.no", ggufU32(1));
  EXPECT_EQ(tiny.verdict(),
            "this is part 2 of 3 of a split model; put them together: "
            "llama-gguf-split --merge FIRST-PART OUT.gguf");
}

TEST(GgufModel, OtherActivationsNameTheFlag) {
  TinyGgufModel tiny;
  tiny.set("hidden_activation", ggufText("gelu"));
  EXPECT_NE(tiny.verdict().find("'bitnet-b1.58.hidden_activation' = gelu; silu "
                                "and relu2 are, and --hidden-act overrides"),
            std::string::npos);
  GgufOptions options;
  options.hiddenAct = "relu2";
  EXPECT_EQ(tiny.verdict(options), "");
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

/// Where the architecture's own key would mislead other engines.
TEST(GgufModel, TheActivationMayBeUnderTernsKey) {
  TinyGgufModel tiny;
  tiny.setKey("tern.hidden_act", ggufText("silu"));
  EXPECT_EQ(cantFail(tiny.open())->config().hiddenAct, HiddenAct::Relu2);
  tiny.erase("hidden_activation");
  EXPECT_EQ(cantFail(tiny.open())->config().hiddenAct, HiddenAct::Silu);
  tiny.setKey("tern.hidden_act", ggufText("gelu"));
  EXPECT_EQ(part(tiny.verdict(), "gelu"), "gelu");
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
           Case{"rope.scaling.type", ggufText("dynamic"), "= dynamic"},
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

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

TEST(GgufModel, UnexpectedTensorsAreRefused) {
  for (const char *name :
       {"blk.00.attn_norm.weight", "blk.1.attn_norm.weight", "blk.x.y.weight",
        "blk.0.attn_norm.bias", "other.weight"}) {
    TinyGgufModel tiny;
    tiny.addFloats(name, {256});
    EXPECT_NE(tiny.verdict(), "") << name;
  }
  TinyGgufModel tiny;
  tiny.addFloats("model.norm.weight", {256});
  EXPECT_EQ(tiny.verdict(),
            "tensor 'model.norm.weight' is of no kind that tern knows");
}

//===----------------------------------------------------------------------===//
// Floating point
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

/// As for rows of matrices.
TEST(GgufModel, BiasesOfLlamaAreSeparated) {
  TinyGgufModel tiny("tq2_0", "llama");
  for (auto [name, rows] : {std::pair("attn_q", 256), {"attn_v", 128}})
    tiny.addFloats("blk.0." + std::string(name) + ".bias", {uint64_t(rows)});
  auto checkpoint = tiny.open();
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_FALSE((*checkpoint)->hasBias(Projection::K));
  auto valueAt = [](int64_t i) { return static_cast<float>(i % 16) / 8; };
  for (auto [projection, from, count] : {std::tuple(Projection::Q, 0, 256),
                                         {Projection::Q, 70, 3},
                                         {Projection::V, 0, 128}}) {
    EXPECT_TRUE((*checkpoint)->hasBias(projection));
    std::string name = Checkpoint::atLayer(
        Checkpoint::biasName(Checkpoint::weightName(projection)), 0);
    std::vector<float> values(count), raw(count), expected;
    ASSERT_FALSE((*checkpoint)->readFloats(name, from, count, values.data()));
    ASSERT_FALSE((*checkpoint)->readRaw(name, from, count, raw.data()));
    for (int64_t row = from; row < from + count; ++row)
      expected.push_back(
          valueAt(projection == Projection::V
                      ? row
                      : row / 64 * 64 + row % 64 % 32 * 2 + row % 64 / 32));
    EXPECT_EQ(values, expected);
    EXPECT_EQ(raw, expected);
  }
}

TEST(GgufModel, ABiasMustFit) {
  TinyGgufModel tiny;
  tiny.addFloats("blk.0.ffn_up.bias", {256});
  EXPECT_EQ(part(tiny.verdict(), "up_proj.bias' is F32 [256]"),
            "up_proj.bias' is F32 [256]");
  TinyGgufModel beside;
  beside.addFloats("blk.0.attn_norm.bias", {256});
  EXPECT_EQ(part(beside.verdict(), "is a bias"), "is a bias");
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
