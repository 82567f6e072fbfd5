//===- GgufKeysTest.cpp - Metadata that is not followed -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "TinyGguf.h"

#include "gtest/gtest.h"

using namespace tern;

TEST(GgufKeys, MetadataThatIsNotFollowedIsSpokenOf) {
  TinyGguf tiny;
  tiny.values = {
      {"general.architecture", ggufText("llama")},
      {"general.name", ggufText("x")},
      {"general.sampling.mirostat", ggufU32(0)},
      {"general.sampling.xtc_probability", ggufF32(0.5)},
      {"general.sampling.surprise", ggufU32(1)},
      {"llama.anything", ggufU32(1)}, // is an error elsewhere
      {"tokenizer.ggml.add_sep_token", ggufBool(true)},
      {"tokenizer.ggml.add_bos_token", ggufBool(true)},
      {"tokenizer.ggml.odd", ggufU32(1)},
      {"other.thing", ggufU32(1)},
  };
  std::string bytes = tiny.bytes();
  auto file = GgufFile::parse(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, "x");
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  EXPECT_EQ(
      warnOfGgufKeys(*file),
      (std::vector<std::string>{
          "the metadata 'general.sampling.xtc_probability' is not followed; it "
          "leaves out likely tokens, so answers may differ",
          "the metadata 'tokenizer.ggml.add_sep_token' is not followed; it "
          "sets "
          "a token behind a text, so answers may differ",
          "tern does not know the metadata 'general.sampling.surprise', "
          "'other.thing', 'tokenizer.ggml.odd', so answers may differ"}));
}

/// Files for llama.cpp that are in the same format, but are no models.
TEST(GgufKeys, OtherKindsOfFilesAreNamed) {
  auto errorOf = [](const std::string &kind) {
    TinyGguf tiny;
    tiny.values = {{"general.architecture", ggufText("llama")},
                   {"general.type", ggufText(kind)}};
    std::string bytes = tiny.bytes();
    auto file = GgufFile::parse(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, "x");
    auto config = file ? ggufConfig(*file, {}) : file.takeError();
    return config ? std::string() : llvm::toString(config.takeError());
  };
  EXPECT_EQ(errorOf("adapter"), "x: this is an adapter, not a model; merge it "
                                "into its base model first");
  EXPECT_EQ(errorOf("mmproj"),
            "x: this is of the kind 'mmproj' ('general.type'), not a model");
  EXPECT_NE(errorOf("model").find("is missing"), std::string::npos);
}
