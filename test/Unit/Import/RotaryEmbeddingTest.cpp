//===- RotaryEmbeddingTest.cpp - YaRN and longrope ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

#include <cmath>

using namespace tern;
using nlohmann::json;

/// As the 8B of Bonsai.
static void asBonsai(json &c) {
  asQwen3(c);
  c["head_dim"] = 128;
  c["rope_theta"] = 1000000;
  c["max_position_embeddings"] = 65536;
  c["rope_scaling"] = {{"rope_type", "yarn"},
                       {"factor", 4.0},
                       {"original_max_position_embeddings", 16384}};
}

/// head_dim is 4, so there are two pairs.
static void asLongRope(json &c) {
  c["rope_scaling"] = {{"rope_type", "longrope"},
                       {"short_factor", {1.25, 3}},
                       {"long_factor", {1.25, 3}},
                       {"original_max_position_embeddings", 16}};
}

//===----------------------------------------------------------------------===//
// YaRN
//===----------------------------------------------------------------------===//

TEST(RotaryEmbedding, YarnOfThe8B) {
  ModelConfig config = parsed(asBonsai);
  ASSERT_EQ(config.ropeDivisors.size(), 64u);
  EXPECT_NEAR(config.ropeFactor, 1.138629, 5e-7);
  EXPECT_EQ(config.ropeFactor, 0.1 * std::log(4.0) + 1.0);
  for (int i = 0; i < 64; ++i) {
    double ramp = std::min(std::max((i - 20) / 17.0, 0.0), 1.0); // 20 to 37
    EXPECT_DOUBLE_EQ(config.ropeDivisors[i], 1 / (ramp / 4 + 1 - ramp)) << i;
  }
  EXPECT_EQ(config.ropeDivisors[20], 1);
  EXPECT_GT(config.ropeDivisors[21], 1);
  EXPECT_LT(config.ropeDivisors[36], 4);
  EXPECT_EQ(config.ropeDivisors[37], 4);
}

TEST(RotaryEmbedding, YarnInEitherSpelling) {
  auto spelled = [](json &c) {
    asBonsai(c);
    json scaling = c["rope_scaling"];
    c.erase("rope_scaling");
    c.erase("rope_theta");
    scaling["rope_theta"] = 1e6;
    scaling["partial_rotary_factor"] = 1.0;
    c["rope_parameters"] = scaling;
  };
  EXPECT_EQ(parsed(spelled).ropeDivisors, parsed(asBonsai).ropeDivisors);
  EXPECT_EQ(parsed(spelled).ropeFactor, parsed(asBonsai).ropeFactor);
  EXPECT_EQ(parsed(spelled).ropeTheta, 1e6);
  EXPECT_EQ(verdict([](json &c) {
              asBonsai(c);
              c["rope_parameters"] = c["rope_scaling"];
              c["rope_scaling"]["type"] = "yarn";
            }),
            "");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_parameters"] = c["rope_scaling"];
        c["rope_parameters"]["attention_factor"] = 1.0;
      },
      "'rope_scaling' and 'rope_parameters' differ");
}

TEST(RotaryEmbedding, OptionsOfYarn) {
  auto with = [](json more) {
    json c = TinyCheckpoint().config;
    asBonsai(c);
    c["rope_scaling"].update(more);
    auto config = ModelConfig::parse(c.dump(), "config.json");
    if (!config) {
      ADD_FAILURE() << llvm::toString(config.takeError());
      return ModelConfig();
    }
    return *config;
  };
  ModelConfig plain = parsed(asBonsai);
  EXPECT_EQ(with({{"attention_factor", 1.5}}).ropeFactor, 1.5);
  EXPECT_EQ(with({{"mscale", 1.0}, {"mscale_all_dim", 1.0}}).ropeFactor, 1);
  EXPECT_EQ(with({{"mscale", 0.5}, {"mscale_all_dim", 0.8}}).ropeFactor,
            (0.1 * 0.5 * std::log(4.0) + 1) / (0.1 * 0.8 * std::log(4.0) + 1));
  EXPECT_EQ(with({{"mscale", 0.5}}).ropeFactor, plain.ropeFactor);
  EXPECT_EQ(with({{"mscale", 0.5}, {"mscale_all_dim", 0}}).ropeFactor,
            plain.ropeFactor);
  EXPECT_EQ(with({{"beta_fast", 32}, {"beta_slow", 1}}).ropeDivisors,
            plain.ropeDivisors);
  EXPECT_EQ(with({{"beta_fast", 8}}).ropeDivisors[21], 1);
  EXPECT_NE(with({{"beta_slow", 8}}).ropeDivisors, plain.ropeDivisors);
  EXPECT_EQ(with({{"truncate", true}}).ropeDivisors, plain.ropeDivisors);
  double first = 128 * std::log(16384 / (64 * M_PI)) / (2 * std::log(1e6));
  double last = 128 * std::log(16384 / (2 * M_PI)) / (2 * std::log(1e6));
  double ramp = (30 - first) / (last - first);
  EXPECT_NEAR(with({{"truncate", false}}).ropeDivisors[30],
              1 / (ramp / 4 + 1 - ramp), 1e-12);
  // Bounds of 17 and 34.
  ModelConfig half = with({{"original_max_position_embeddings", 8192}});
  EXPECT_EQ(half.ropeDivisors[17], 1);
  EXPECT_GT(half.ropeDivisors[18], 1);
  EXPECT_LT(half.ropeDivisors[33], 4);
  EXPECT_EQ(half.ropeDivisors[34], 4);
  // Below 1 it stretches nothing, and tables are as they are.
  EXPECT_EQ(with({{"factor", 0.5}}).ropeFactor, 1);
  // One bound: a step there.
  ModelConfig step =
      with({{"beta_slow", 32}, {"beta_fast", 32}, {"truncate", false}});
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(step.ropeDivisors[i], i < first ? 1 : 4) << i;
}

TEST(RotaryEmbedding, YarnIsRefusedByField) {
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"].erase("original_max_position_embeddings");
      },
      "'rope_scaling.original_max_position_embeddings' is expected to be a "
      "number above 0.0 and at most 1000000000.0, but is missing");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"].erase("factor");
      },
      "'rope_scaling.factor'");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"]["beta_fast"] = 0.5;
      },
      "'rope_scaling.beta_fast' is expected to be at least 'beta_slow'");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"]["truncate"] = "no";
      },
      "'rope_scaling.truncate' is expected to be true or false");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"]["partial_rotary_factor"] = 0.25;
      },
      "tern does not support 'rope_scaling.partial_rotary_factor' = 0.25");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"]["low_freq_factor"] = 1.0;
      },
      "the field 'rope_scaling.low_freq_factor' is not known");
  expectRefusal(
      [](json &c) {
        asBonsai(c);
        c["rope_scaling"]["original_max_position_embeddings"] = 1e8;
        c["rope_theta"] = 2;
      },
      "the bounds of YaRN");
}

//===----------------------------------------------------------------------===//
// Longrope
//===----------------------------------------------------------------------===//

TEST(RotaryEmbedding, LongRopeWithOneTable) {
  ModelConfig config = parsed(asLongRope); // 16 positions of 16
  EXPECT_EQ(config.ropeDivisors, (std::vector<double>{1.25, 3}));
  EXPECT_EQ(config.ropeFactor, 1);
  // No text is longer than the original context.
  EXPECT_EQ(parsed([](json &c) {
              asLongRope(c);
              c["rope_scaling"]["long_factor"] = {2, 4};
              c["rope_scaling"]["factor"] = 8.0; // says nothing
            }).ropeDivisors,
            (std::vector<double>{1.25, 3}));
  // Longer ones, but both lists say the same.
  EXPECT_EQ(parsed([](json &c) {
              asLongRope(c);
              c["rope_scaling"]["original_max_position_embeddings"] = 4;
            }).ropeFactor,
            std::sqrt(1.0 + std::log(4.0) / std::log(4.0)));
  EXPECT_EQ(parsed([](json &c) {
              asLongRope(c);
              c["rope_scaling"]["attention_factor"] = 1.25;
            }).ropeFactor,
            1.25);
}

TEST(RotaryEmbedding, LongRopeIsRefusedByField) {
  expectRefusal(
      [](json &c) {
        asLongRope(c);
        c["rope_scaling"]["long_factor"] = {2, 4};
        c["rope_scaling"]["original_max_position_embeddings"] = 8;
      },
      "tern does not support 'rope_scaling.long_factor' that differs from "
      "'short_factor' where 'max_position_embeddings' = 16 is more than "
      "'original_max_position_embeddings'");
  expectRefusal(
      [](json &c) {
        asLongRope(c);
        c["rope_scaling"].erase("original_max_position_embeddings");
      },
      "'rope_scaling.original_max_position_embeddings'");
  for (json wrong : {json(), json({1.0}), json({1, 2, 3}), json({1, 0}),
                     json({1, "2"}), json(7)}) {
    json c = TinyCheckpoint().config;
    asLongRope(c);
    c["rope_scaling"]["short_factor"] = wrong;
    auto parsed = ModelConfig::parse(c.dump(), "config.json");
    ASSERT_FALSE(bool(parsed)) << wrong;
    std::string message = llvm::toString(parsed.takeError());
    EXPECT_NE(message.find("'rope_scaling.short_factor' is expected to be a "
                           "list of 2 numbers above 0"),
              std::string::npos)
        << message;
  }
}
