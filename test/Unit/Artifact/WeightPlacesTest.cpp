//===- WeightPlacesTest.cpp - Where weights lie ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightWriterTesting.h"

#include "tern/Packing/Packer.h"

using namespace tern;

using WeightPlacesTest = WeightWriterTest;

/// Layers 0, 2 and 3 are of the kind b, 1 and 4 of the kind a.
TEST_F(WeightPlacesTest, WeightsOfKindsOfLayers) {
  tiny.config["num_hidden_layers"] = 5;
  for (int layer = 0; layer < 5; ++layer) {
    std::string base = "model.layers." + std::to_string(layer) + ".";
    tiny.addLayer(layer);
    tiny.tensors[base + "input_layernorm.weight"].bytes[0] =
        static_cast<char>(0x80 + 10 * layer);
    tiny.tensors[base + "self_attn.q_proj.weight"].bytes[0] =
        static_cast<char>(layer == 3 ? 0b01 : 0b10);
    tiny.tensors[base + "self_attn.q_proj.weight_scale"].bytes = {
        static_cast<char>(layer), '\x40'};
  }
  attributes = ", tern.layer_kinds = [\"layer.b\", \"layer.a\", \"layer.b\"], "
               "tern.model = #tern.model<name = \"m\", vocab = 5, hidden = 8, "
               "layers = 5, max_context = 16>";
  auto norms = [](const std::string &name, const std::string &place) {
    return "tern.weight @" + name +
           " per_layer <values> [\"model.layers.{}.input_layernorm.weight\"] " +
           place + " : tensor<8xf32>\n";
  };
  const std::string b = " kind \"layer.b\" stride 192 ";
  const std::string weights = norms("b.norm", "offset 64" + b) +
                              "tern.weight @b.q per_layer <digits> [" + q +
                              "] offset 128" + b + ": tensor<8x8x!tern.trit, " +
                              layout +
                              ">\ntern.weight @b.scale per_layer <scale> [" +
                              q + "] offset 192" + b + ": tensor<1xf32>\n";
  std::string bytes = write(
      weights + norms("a.norm", "offset 640 kind \"layer.a\" stride 128 "));
  const int layersOfB[] = {0, 2, 3}, layersOfA[] = {1, 4};
  for (int i = 0; i < 3; ++i) {
    int layer = layersOfB[i];
    EXPECT_EQ(weight<float>(bytes, 64 + 192 * i), 1 + 10 * layer / 128.0f);
    EXPECT_EQ(weight<float>(bytes, 192 + 192 * i), 2 + layer / 64.0f);
    std::vector<int8_t> back(8 * 8);
    ASSERT_TRUE(unpackDigits(layoutValue(),
                             reinterpret_cast<const uint8_t *>(bytes.data()) +
                                 4096 + 128 + 192 * i,
                             8, 8, back.data()));
    EXPECT_EQ(back[0], layer == 3 ? 0 : 1);
  }
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(weight<float>(bytes, 640 + 128 * i),
              1 + 10 * layersOfA[i] / 128.0f);

  // The first of a is where the third of b would be.
  expectRefusal(weights +
                    norms("a.norm", "offset 448 kind \"layer.a\" stride 64 "),
                "lies on another weight");
  expectRefusal(norms("n", "offset 0 kind \"layer.c\" stride 64 "),
                "weight @n: is of the kind layer.c, which no layer has");
  expectRefusal(norms("n", "offset 0 kind \"layer.a\" "),
                "weight @n: lies on another weight");
}

TEST_F(WeightPlacesTest, PlansThatCannotBe) {
  std::string norm = "[\"model.norm.weight\"]";
  expectRefusal("tern.weight @n <values> " + norm + " : tensor<8xf32>\n",
                "weight @n: has no offset");
  expectRefusal("tern.weight @n <values> " + norm +
                    " offset 2024 : tensor<8xf32>\n",
                "weight @n: ends behind the weights section");
  expectRefusal("tern.weight @n <values> " + norm +
                    " offset 0 : tensor<8xf32>\ntern.weight @m <values> " +
                    norm + " offset 16 : tensor<8xf32>\n",
                "weight @m: lies on another weight");
  expectRefusal(digits("a", q, "8x8", 0) + digits("b", q, "8x8", 512),
                "lies on another weight"); // the layer 1 of a is there
  expectRefusal("tern.weight @q per_layer <digits> [" + q +
                    "] offset 0 : tensor<8x8x!tern.trit>\n",
                "weight @q: has no layout");
}
