//===- GgufSplitsTest.cpp - How GGUF files split text ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGgufTokenizer.h"

using namespace tern;
using nlohmann::json;

namespace {

TinyTokenizer splitAs(const char *name) {
  TinyTokenizer tiny;
  tiny.set("tokenizer.ggml.pre", ggufText(name));
  return tiny;
}

json stepsOf(const char *name) {
  return splitAs(name).root()["pre_tokenizer"]["pretokenizers"];
}

} // namespace

TEST(GgufSplits, TheNameOfTheSplitGivesAPattern) {
  auto regexOf = [&](const char *name) {
    return stepsOf(name)[0]["pattern"]["Regex"].get<std::string>();
  };
  EXPECT_EQ(regexOf("llama-bpe"),
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)"
            R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  EXPECT_EQ(regexOf("dbrx"), regexOf("llama-bpe"));
  EXPECT_NE(regexOf("qwen2").find("\\p{N}|"), std::string::npos);
  EXPECT_NE(regexOf("qwen35").find("[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}"
                                   "\\p{N}]"),
            std::string::npos);
  EXPECT_EQ(stepsOf("gpt-2").size(), 1u);
  EXPECT_TRUE(stepsOf("gpt-2")[0]["use_regex"]);
  EXPECT_EQ(regexOf("starcoder"), "\\p{N}");
  EXPECT_TRUE(stepsOf("starcoder")[1]["use_regex"]);
  EXPECT_EQ(stepsOf("falcon").size(), 4u);
  EXPECT_EQ(stepsOf("default").size(), 5u);
  EXPECT_FALSE(stepsOf("default")[4]["use_regex"]);
}

/// bitnet.cpp's converter writes falcon_e, and engines read it like falcon3.
TEST(GgufSplits, NamesOfConvertersOfTernaryModels) {
  json llama = splitAs("llama-bpe").root();
  EXPECT_TRUE(llama["model"]["ignore_merges"]);
  for (const char *name :
       {"falcon_e", "falcon-e", "falcon3", "llama3", "llama-v3", "falcon-h1"})
    EXPECT_EQ(splitAs(name).root(), llama) << name;
}

/// The patterns of all names are among those that become tables.
TEST(GgufSplits, EverySplitCompiles) {
  for (const char *name :
       {"llama-bpe", "dbrx", "glm4", "qwen2", "stablelm2", "qwen35", "gpt-4o",
        "llama4", "tekken", "gpt-2", "mpt", "starcoder", "refact", "command-r",
        "smollm", "falcon", "default"}) {
    json root = splitAs(name).root();
    TokenizerSources sources;
    sources.tokenizer = root.dump();
    std::string error;
    EXPECT_TRUE(compileTokenizer(sources, error)) << name << ": " << error;
  }
}

TEST(GgufSplits, UnknownSplitsNameTheFlag) {
  std::string message = splitAs("new").verdict();
  EXPECT_NE(message.find("splits text as 'new', which is not supported; if it "
                         "is another name for one that is, say "
                         "--tokenizer-pre=llama-bpe"),
            std::string::npos)
      << message;
  TinyTokenizer tiny = splitAs("new");
  tiny.options.tokenizerPre = "falcon_e"; // in the place of the file's
  EXPECT_EQ(tiny.root(), splitAs("falcon_e").root());
}

TEST(GgufSplits, AMissingSplitIsAskedFor) {
  TinyTokenizer tiny;
  tiny.more.erase(tiny.more.begin() + 1);
  EXPECT_NE(tiny.verdict().find("say --tokenizer-pre=llama-bpe"),
            std::string::npos);
  tiny.options.tokenizerPre = "qwen2";
  EXPECT_EQ(tiny.verdict(), "");
  EXPECT_FALSE(tiny.root()["model"]["ignore_merges"]);
}
