//===- CheckpointDuplicatesTest.cpp - Things said twice -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointTesting.h"

using namespace tern;
using nlohmann::json;

namespace {

const char *const head = "lm_head.weight";
const char *const embedding = "model.embed_tokens.weight";

/// bf16 values as F32 of the same values.
TinyTensor widened(const TinyTensor &tensor) {
  TinyTensor wide{"F32", tensor.shape, ""};
  for (size_t at = 0; at < tensor.bytes.size(); at += 2)
    wide.bytes += std::string(2, '\0') + tensor.bytes.substr(at, 2);
  return wide;
}

/// Puts tensors into two shards; `edit` may change the second.
std::string shardVerdict(void (*edit)(std::map<std::string, TinyTensor> &)) {
  TinyCheckpoint tiny;
  std::map<std::string, TinyTensor> first = tiny.tensors, second;
  second[embedding] = first[embedding];
  second["model.norm.weight"] = first["model.norm.weight"];
  first.erase("model.norm.weight");
  edit(second);
  json map;
  for (const auto &one : first)
    map[one.first] = "a.safetensors";
  for (const auto &one : second)
    map[one.first] = "b.safetensors";
  tiny.directory.write("config.json", tiny.config.dump());
  tiny.directory.write("a.safetensors", safetensorsBytes(first));
  tiny.directory.write("b.safetensors", safetensorsBytes(second));
  tiny.directory.write("model.safetensors.index.json",
                       json{{"weight_map", map}}.dump());
  return openVerdict(tiny.directory.str());
}

} // namespace

TEST(Duplicates, AHeadThatIsTheEmbeddingIsDropped) {
  for (bool isTied : {true, false})
    for (bool isWide : {true, false}) {
      TinyCheckpoint tiny;
      tiny.config["tie_word_embeddings"] = isTied;
      TinyTensor table = tiny.tensors[embedding];
      tiny.tensors[head] = isWide ? widened(table) : table;
      auto checkpoint = open(tiny);
      ASSERT_TRUE(checkpoint);
      EXPECT_TRUE(checkpoint->config().tiedHead);
      EXPECT_EQ(checkpoint->headName(), embedding);
      EXPECT_FALSE(checkpoint->files().find(head));
    }
}

TEST(Duplicates, AHeadThatDiffersIsTheHeadIfTheConfigSaysSo) {
  auto differing = [](TinyCheckpoint &t) {
    t.addFloats(head, {5, 8});
    t.tensors[head].bytes[2 * 17] ^= 1;
  };
  TinyCheckpoint tiny;
  differing(tiny);
  EXPECT_EQ(verdict(tiny),
            tiny.directory.file("model.safetensors") +
                ": tensor 'lm_head.weight' exists, but 'tie_word_embeddings' "
                "in config.json puts 'model.embed_tokens.weight' in its place, "
                "and the two differ at element 17, 1.13281250e+00 and "
                "1.12500000e+00; set the field to false to keep the tensor, or "
                "remove the tensor");
  tiny.config["tie_word_embeddings"] = false;
  auto checkpoint = open(tiny);
  ASSERT_TRUE(checkpoint);
  EXPECT_FALSE(checkpoint->config().tiedHead);
  expectRefusal(
      [](TinyCheckpoint &t) {
        t.addFloats(head, {8, 5});
      },
      "and the two are BF16 [5, 8] and BF16 [8, 5]");
  expectRefusal(
      [](TinyCheckpoint &t) { t.config["tie_word_embeddings"] = false; },
      "set 'tie_word_embeddings' to true");
}

/// The least that a float of another type can differ.
TEST(Duplicates, WidenedValuesAreComparedExactly) {
  TinyCheckpoint tiny;
  tiny.tensors[head] = widened(tiny.tensors[embedding]);
  tiny.tensors[head].bytes[4 * 39] = 1;
  EXPECT_NE(verdict(tiny).find("differ at element 39"), std::string::npos);
}

TEST(Duplicates, ATensorInTwoShards) {
  using Tensors = std::map<std::string, TinyTensor>;
  EXPECT_EQ(shardVerdict([](Tensors &) {}), "");
  EXPECT_EQ(
      shardVerdict([](Tensors &t) { t[embedding] = widened(t[embedding]); }),
      "");
  std::string message =
      shardVerdict([](Tensors &t) { t[embedding].bytes[0] ^= 4; });
  EXPECT_NE(message.find("b.safetensors: tensor 'model.embed_tokens.weight' is "
                         "also in "),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("the two differ at element 0"), std::string::npos);
  EXPECT_NE(shardVerdict([](Tensors &t) {
              t[embedding].dtype = "I16";
            }).find("are BF16 [5, 8] and I16 [5, 8]"),
            std::string::npos);
}

TEST(Duplicates, TwoNamesForOneNorm) {
  auto add = [](TinyCheckpoint &t) {
    for (const char *layer : {"0", "1"}) {
      std::string base = std::string("model.layers.") + layer;
      t.addFloats(base + ".self_attn.inner_attn_ln.weight", {8});
      t.addFloats(base + ".mlp.ffn_layernorm.weight", {12});
    }
  };
  TinyCheckpoint tiny;
  add(tiny);
  EXPECT_EQ(verdict(tiny), "");
  tiny.tensors["model.layers.1.mlp.ffn_layernorm.weight"].bytes[6] ^= 1;
  EXPECT_NE(verdict(tiny).find(
                "tensor 'model.layers.1.mlp.ffn_layernorm.weight' is another "
                "name for 'model.layers.1.mlp.ffn_sub_norm.weight', but the "
                "two differ at element 3"),
            std::string::npos)
      << verdict(tiny);
}

TEST(Duplicates, NamesThatWrappersMake) {
  for (const char *other :
       {"embed_tokens.weight", "_orig_mod.model.embed_tokens.weight",
        "module.model.embed_tokens.weight",
        "base_model.model.model.embed_tokens.weight"}) {
    TinyCheckpoint tiny;
    tiny.addFloats(other, {5, 8});
    EXPECT_EQ(verdict(tiny), "");
    tiny.tensors[other].bytes[0] ^= 1;
    EXPECT_NE(verdict(tiny).find(std::string(other) + "' is another name"),
              std::string::npos);
  }
}

/// A single file and shards of the same tensors.
TEST(Duplicates, AFileAndAnIndex) {
  TinyCheckpoint tiny;
  std::string directory = tiny.write();
  json map;
  for (const auto &one : tiny.tensors)
    map[one.first] = "a.safetensors";
  tiny.directory.write("model.safetensors.index.json",
                       json{{"weight_map", map}}.dump());
  EXPECT_EQ(openVerdict(directory), ""); // the index is left over
  tiny.directory.write("a.safetensors", safetensorsBytes(tiny.tensors));
  EXPECT_EQ(openVerdict(directory), "");
  tiny.tensors["model.norm.weight"].bytes[0] ^= 1;
  tiny.directory.write("a.safetensors", safetensorsBytes(tiny.tensors));
  EXPECT_NE(openVerdict(directory).find("'model.norm.weight' is also in"),
            std::string::npos);
}

TEST(Duplicates, FrequenciesFollowFromTheConfig) {
  TinyCheckpoint tiny;
  auto set = [&](float second) {
    std::string bytes;
    for (float value : {1.0f, second}) {
      char raw[4];
      std::memcpy(raw, &value, 4);
      bytes.append(raw, 4);
    }
    tiny.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {
        "F32", {2}, bytes};
  };
  set(0.01f); // 10000^(-2/4)
  EXPECT_TRUE(open(tiny)->config().warnings.empty());
  set(0.0014f); // of 500000
  auto checkpoint = open(tiny);
  ASSERT_EQ(checkpoint->config().warnings.size(), 1u);
  EXPECT_NE(checkpoint->config().warnings[0].find(
                "rotary_emb.inv_freq' has other frequencies than config.json"),
            std::string::npos);
}
