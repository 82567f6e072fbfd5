//===- SchemesTest.cpp - Ways to quantize ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

#include "tern/Import/Schemes.h"

using namespace tern;
using nlohmann::json;

namespace {

ModelConfig bundled() {
  return llvm::cantFail(
      ModelConfig::read(TERN_TEST_DIR "/models/shakespeare-a48/config.json"));
}

/// The schemes of the bundled a4.8 model under `overrides`, or what is wrong.
std::string schemes(const SchemeOverrides &overrides) {
  ModelConfig config = bundled();
  if (llvm::Error error = applySchemes(overrides, config, "model"))
    return llvm::toString(std::move(error));
  return describeSchemes(config);
}

std::string withFile(const std::string &text) {
  TemporaryDirectory directory;
  directory.write("s.json", text);
  return schemes({directory.file("s.json"), {}});
}

void expectPart(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

std::string refusalOfTopK(llvm::StringRef text) {
  auto shares = parseTopK(text);
  return shares ? "" : llvm::toString(shares.takeError());
}

const char *const a48 =
    "int4_absmean: q_proj k_proj v_proj; int8_absmax, top 50.0 %: o_proj; "
    "int4_absmean: gate_proj up_proj; int8_absmax: down_proj; cache of 3 bits, "
    "first position 4, queries 8";
const char *const v2 =
    "int4_absmean: q_proj k_proj v_proj; int4_absmean, Hadamard in blocks of "
    "64: o_proj; int4_absmean: gate_proj up_proj; int4_absmean, Hadamard in "
    "blocks of 512: down_proj; cache of 3 bits, first position 8, queries 8";

} // namespace

TEST(Schemes, Presets) {
  EXPECT_EQ(schemes({}), a48); // as in the config
  EXPECT_EQ(schemes({"a4.8", {}}), a48);
  EXPECT_EQ(schemes({"b1.58", {}}),
            "int8_absmax: q_proj k_proj v_proj o_proj gate_proj up_proj "
            "down_proj; cache of 16 bits");
  EXPECT_EQ(schemes({"a4.8-fp4", {}}),
            "fp4_e2m1: q_proj k_proj v_proj; fp4_e2m1, top 50.0 %: o_proj; "
            "fp4_e2m1: gate_proj up_proj; int8_absmax: down_proj; cache of 3 "
            "bits, first position 4, queries 8");
  EXPECT_EQ(schemes({"v2", {}}), v2);
  EXPECT_EQ(schemes({"v2-a8", {}}),
            "int8_absmax: q_proj k_proj v_proj; int8_absmax, Hadamard in "
            "blocks of 64: o_proj; int8_absmax: gate_proj up_proj; "
            "int8_absmax, Hadamard in blocks of 512: down_proj; cache of 16 "
            "bits");
  EXPECT_EQ(schemes({"int8-32", {}}),
            "int8_absmax in blocks of 32: q_proj k_proj v_proj o_proj "
            "gate_proj up_proj down_proj; cache of 16 bits");
  EXPECT_EQ(schemes({"float", {}}),
            "f32: q_proj k_proj v_proj o_proj gate_proj up_proj down_proj; "
            "cache of 16 bits");
  EXPECT_EQ(schemePresets().size(), 8u);
}

TEST(Schemes, AFileSaysWhatAPresetDoes) {
  json int4 = {{"scheme", "int4_absmean"}};
  json mixed = {{"scheme", "int4_absmean"}, {"hadamard", true}};
  json file = {{"activation_quantization",
                {{"q_proj", int4},
                 {"k_proj", int4},
                 {"v_proj", int4},
                 {"o_proj", mixed},
                 {"gate_proj", int4},
                 {"up_proj", int4},
                 {"down_proj", mixed}}},
               {"kv_cache_quantization", {{"bits", 3}, {"bos_bits", 8}}}};
  EXPECT_EQ(withFile(file.dump()), v2);
}

TEST(Schemes, AnObjectThatIsNotThereChangesNothing) {
  EXPECT_EQ(withFile("{}"), a48);
  EXPECT_EQ(withFile(R"({"kv_cache_quantization": {}})"),
            std::string(a48).substr(0, std::string(a48).find("cache")) +
                "cache of 16 bits");
  // A field that an object does not name is not kept from the config.
  expectPart(withFile(R"({"activation_quantization": {}})"),
             "int8_absmax: q_proj k_proj v_proj o_proj gate_proj up_proj "
             "down_proj; cache of 3 bits");
}

TEST(Schemes, FilesThatAreRefused) {
  expectPart(withFile(R"({"activations": {}})"), "'activations' is not known");
  expectPart(withFile(R"({"activation_quantization": {"head": {}}})"),
             "'activation_quantization.head' is not known");
  expectPart(withFile(R"({"activation_quantization": {"o_proj":
      {"scheme": "int8_absmax", "rotate": true}}})"),
             "'activation_quantization.o_proj.rotate' is not known");
  expectPart(withFile(R"({"activation_quantization": {"o_proj":
      {"scheme": "int8_absmax", "hadamard": 64}}})"),
             "'activation_quantization.o_proj.hadamard' is expected to be true "
             "or false, but is 64");
  expectPart(withFile(R"({"activation_quantization": {"q_proj":
      {"scheme": "int8_absmax", "hadamard": true}}})"),
             "q_proj and k_proj are quantized once");
  expectPart(withFile("[]"), "expected an object");
  expectPart(withFile(""), "the file is empty");
  expectPart(schemes({"a4.9", {}}),
             "'a4.9' are not one of b1.58, a4.8, a4.8-fp4, v2, v2-a8, "
             "int8-128, int8-32, float nor a file");
}

/// Its inputs are those of q_proj if nothing is said.
TEST(Schemes, ATernaryHead) {
  auto ofHead = [](const SchemeOverrides &overrides) {
    ModelConfig config = bundled();
    config.ternaryHead = true;
    if (llvm::Error error = applySchemes(overrides, config, "model"))
      return llvm::toString(std::move(error));
    if (llvm::Error error = checkHeadScheme(config, "model"))
      return llvm::toString(std::move(error));
    return describeSchemes(config);
  };
  expectPart(ofHead({}), "int4_absmean: q_proj");
  expectPart(ofHead({}), "; int8_absmax: down_proj; int4_absmean: lm_head;");
  expectPart(ofHead({"int8-32", {}}), "gate_proj up_proj down_proj lm_head;");
  TemporaryDirectory directory;
  directory.write("s.json", R"({"activation_quantization":
      {"lm_head": {"scheme": "int8_absmax", "block": 64, "topk": 0.5}}})");
  SchemeOverrides file{directory.file("s.json"), {}};
  expectPart(ofHead(file),
             "; int8_absmax in blocks of 64, top 50.0 %: lm_head;");
  EXPECT_EQ(schemes(file).find("lm_head"), std::string::npos);
  ModelConfig config = bundled();
  ASSERT_FALSE(applySchemes(file, config, "model"));
  expectPart(llvm::toString(checkHeadScheme(config, "model")),
             "'activation_quantization.lm_head' is of a ternary head, but the "
             "head of this model holds floats");
  directory.write("s.json", R"({"activation_quantization":
      {"lm_head": {"scheme": "int8_absmax", "block": 128}}})");
  expectPart(ofHead(file), "do not divide the 192 inputs of lm_head");
}

TEST(Schemes, Blocks) {
  const char *const blocks = R"({"activation_quantization":
      {"o_proj": {"scheme": "int8_absmax", "block": 96, "topk": 0.5},
       "down_proj": {"scheme": "fp4_e2m1", "block": 4}}})";
  expectPart(withFile(blocks),
             "int8_absmax in blocks of 96, top 50.0 %: o_proj");
  expectPart(withFile(blocks), "fp4_e2m1 in blocks of 4: down_proj");
  // 192 inputs of o_proj, 512 of down_proj.
  expectPart(schemes({"int8-128", {}}),
             "model: activations in blocks of 128 were asked for, which do not "
             "divide the 192 inputs of q_proj");
  expectPart(withFile(R"({"activation_quantization": {"o_proj":
      {"scheme": "int8_absmax", "block": 3}}})"),
             "'activation_quantization.o_proj.block'");
  expectPart(withFile(R"({"activation_quantization": {"q_proj":
      {"scheme": "int8_absmax", "block": 64}}})"),
             "q_proj and k_proj are quantized once");
  expectPart(withFile(R"({"activation_quantization": {"o_proj":
      {"scheme": "f32", "block": 64}}})"),
             "the activations of o_proj stay f32, so they have neither");
  auto shares = parseTopK("0.25");
  ASSERT_TRUE(bool(shares)) << llvm::toString(shares.takeError());
  expectPart(schemes({"float", *shares}), "o_proj stay f32");
}

TEST(Schemes, TernaryHeads) {
  ModelConfig config = parsed([](json &c) {
    c["activation_quantization"]["lm_head"] = {{"scheme", "int8_absmax"},
                                               {"block", 4}};
  });
  EXPECT_EQ(config.quantOfHead().block, 4);
  // A preset says nothing of heads, so they are as q, k and v are.
  llvm::Error error = applySchemes({"b1.58", {}}, config, "model");
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  EXPECT_EQ(config.quantOfHead(), config.quantOf(Projection::Q));
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["lm_head"] = {{"scheme", "int8_absmax"},
                                                   {"block", 16}};
      },
      "blocks of 16 were asked for, which do not divide the 8 inputs of "
      "lm_head");
}

TEST(Schemes, WeightOnly) {
  ModelConfig config = bundled();
  config.saysActivations = false;
  config.intermediateSize = 522;
  setWeightOnly(config);
  EXPECT_TRUE(config.weightOnly);
  // 192 inputs, 522 of down_proj, which no block of 4 divides.
  expectPart(describeSchemes(config),
             "int8_absmax in blocks of 64: q_proj k_proj v_proj o_proj "
             "gate_proj up_proj; int8_absmax: down_proj");
  config.hiddenSize = config.intermediateSize = 640;
  config.headCount = 10;
  setWeightOnly(config);
  expectPart(describeSchemes(config),
             "int8_absmax in blocks of 128: q_proj k_proj v_proj o_proj "
             "gate_proj up_proj down_proj");
  // A scheme that the file says stays.
  ModelConfig stated = bundled();
  setWeightOnly(stated);
  EXPECT_EQ(describeSchemes(stated), a48);
}

TEST(Schemes, TopK) {
  auto shares = parseTopK("0.25");
  ASSERT_TRUE(bool(shares)) << llvm::toString(shares.takeError());
  expectPart(schemes({"", *shares}), "int8_absmax, top 25.0 %: o_proj");
  shares = parseTopK("down_proj=0.4,o_proj=1");
  ASSERT_TRUE(bool(shares)) << llvm::toString(shares.takeError());
  expectPart(schemes({"v2", *shares}),
             "int4_absmean, Hadamard in blocks of 64: o_proj;");
  expectPart(schemes({"v2", *shares}),
             "int4_absmean, top 40.0 %, Hadamard in blocks of 512: down_proj");
  shares = parseTopK("q_proj=0.5");
  ASSERT_TRUE(bool(shares)) << llvm::toString(shares.takeError());
  expectPart(schemes({"", *shares}), "q_proj and k_proj are quantized once");
  for (const char *text : {"", "0", "1.5", "-0.5", "nan", "half", "0.5,",
                           "out=0.5", "o_proj=", "o_proj=0.5;"})
    expectPart(refusalOfTopK(text), "a share above 0 and at most 1");
}

TEST(Schemes, SharesOfProjectionsThatNoLayerHas) {
  ModelConfig config = bundled();
  expectPart(llvm::toString(
                 applySchemes({"", {{Projection::InZ, 0.5}}}, config, "model")),
             "model: a share of the inputs of in_proj_z was asked for, which "
             "no layer has");
}

TEST(Schemes, BlocksOfAHadamardTransform) {
  EXPECT_EQ(hadamardBlock(5460), 4);
  EXPECT_EQ(hadamardBlock(4096), 4096);
  ModelConfig config = bundled();
  config.intermediateSize = 514;
  std::string message =
      llvm::toString(applySchemes({"v2", {}}, config, "model"));
  expectPart(message, "model: a Hadamard transform of the 514 inputs of "
                      "down_proj was asked for, but only a multiple of 4");
  llvm::Error error = applySchemes({"a4.8", {}}, config, "model");
  EXPECT_FALSE(bool(error));
}

//===----------------------------------------------------------------------===//
// In config.json
//===----------------------------------------------------------------------===//

TEST(ModelConfig, Activations) {
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["o_proj"]["scheme"] = "int4_absmax";
      },
      "int8_absmax or int4_absmean or fp4_e2m1 or f32, but is "
      "\"int4_absmax\"");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["o_proj"] = {{"scheme", "int8_absmax"},
                                                  {"topk", 0}};
      },
      "'activation_quantization.o_proj.topk'");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["o_proj"] = {{"scheme", "int8_absmax"},
                                                  {"topk", 1.5}};
      },
      "'activation_quantization.o_proj.topk'");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["q_proj"]["scheme"] = "int4_absmean";
      },
      "q_proj and k_proj are quantized once");
  expectRefusal(
      [](json &c) {
        c["activation_quantization"]["up_proj"]["scheme"] = "fp4_e2m1";
      },
      "gate_proj and up_proj are quantized once");
  EXPECT_EQ(parsed([](json &c) {
              c["activation_quantization"]["o_proj"] = {{"scheme", "fp4_e2m1"},
                                                        {"topk", 1}};
            }).quantOf(Projection::O),
            (ProjectionQuant{ActivationScheme::Fp4E2M1, std::nullopt, false}));
}

TEST(ModelConfig, Cache) {
  expectRefusal([](json &c) { c["kv_cache_quantization"]["bits"] = 5; },
                "3, 4, 8 or 16");
  expectRefusal([](json &c) { c["kv_cache_quantization"]["bits"] = "3"; },
                "'kv_cache_quantization.bits'");
  expectRefusal(
      [](json &c) {
        c["kv_cache_quantization"] = {{"bits", 3}, {"bos_bits", 16}};
      },
      "both 16 or both less");
  expectRefusal(
      [](json &c) {
        c["kv_cache_quantization"] = {{"bits", 3}, {"q_bits", 5}};
      },
      "'kv_cache_quantization.q_bits' is expected to be 4 or 8");
  ModelConfig config = parsed([](json &c) {
    c["kv_cache_quantization"] = {{"bits", 4}, {"q_bits", 4}};
  });
  EXPECT_EQ(config.kvBits, 4u);
  EXPECT_EQ(config.bosBits, 4u);
  EXPECT_EQ(config.qBits, 4u);
}
