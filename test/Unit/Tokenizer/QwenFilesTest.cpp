//===- QwenFilesTest.cpp - Text files in the form of Qwen3's --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SyntheticTokenizers.h"
#include "TokenizerReference.h"

#include "tern/artifact.h"

#include <cstring>
#include <utf8proc.h>

using namespace tern_test;

namespace {

/// Key by key as the published file, with a vocabulary that is random.
Json qwenTokenizer(uint32_t seed) {
  Json model = byteLevelModel(seed, false);
  model["continuing_subword_prefix"] = model["end_of_word_suffix"] = "";
  int id = int(model["vocab"].size());
  Json added = Json::array();
  for (const char *name : {"<|endoftext|>", "<|im_start|>", "<|im_end|>",
                           "<|object_ref_start|>", "<|vision_pad|>"})
    added.push_back(addedToken(id++, name, false));
  for (const char *name : {"<tool_call>", "</tool_call>", "<|fim_prefix|>",
                           "<tool_response>", "<think>", "</think>"}) {
    added.push_back(addedToken(id++, name, false));
    added.back()["special"] = false;
  }
  Json bytes = byteLevelStep(false, false);
  bytes["trim_offsets"] = false;
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers", {splitStep(qwen2Pattern, "Isolated"), bytes}}}},
          {"post_processor", bytes},
          {"decoder", bytes},
          {"model", model}};
}

std::string composed(const std::string &text) {
  utf8proc_uint8_t *out = nullptr;
  utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
                   utf8proc_ssize_t(text.size()), &out,
                   utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  std::string result;
  if (size >= 0)
    result.assign(reinterpret_cast<char *>(out), size_t(size));
  free(out);
  return result;
}

TEST(QwenFiles, Tokenizer) {
  Json json = qwenTokenizer(21);
  Table table(json.dump());
  json["post_processor"] = {{"single", Json::array()}}; // nothing is added
  Reference reference(json.dump());
  std::mt19937 random(3);
  const char *const parts[] = {"<think>", "</think>",      "<|im_start|>",
                               "<thi",    "<tool_call>\n", "12345",
                               "I'LL",    "e\u0301",       "\r\n\n "};
  size_t compared = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string text = parts[random() % std::size(parts)] + randomText(random) +
                       parts[random() % std::size(parts)];
    std::string form = composed(text);
    if (form.empty())
      continue; // no UTF-8
    ++compared;
    // '>' and a stroke behind it are one character, if both are text.
    if (text.find(">\u0338") != text.npos)
      continue;
    std::vector<int32_t> tokens = table.encode(text);
    ASSERT_EQ(tokens, reference.encode(form)) << Json(text);
    ASSERT_EQ(table.decode(tokens), form);
  }
  EXPECT_GT(compared, 300u);
}

/// Tags of thoughts are text that is printed; markers of turns are not.
TEST(QwenFiles, TagsAreText) {
  Json json = qwenTokenizer(22);
  Table table(json.dump());
  for (const Json &token : json["added_tokens"]) {
    uint32_t flags;
    size_t bytes;
    tern_tokenizer_token(&table.tokenizer, token["id"], &bytes, &flags);
    EXPECT_TRUE(flags & TERN_TOKEN_ADDED) << token;
    EXPECT_EQ(bool(flags & TERN_TOKEN_SPECIAL), token["special"].get<bool>());
  }
}

/// In the form of Qwen3's: each file names ends, and one begin token is none.
TEST(QwenFiles, Generation) {
  tern::TokenizerDescription tokenizer;
  const uint32_t special =
      TERN_TOKEN_EXISTS | TERN_TOKEN_ADDED | TERN_TOKEN_SPECIAL;
  tokenizer.tokens = {{"<|endoftext|>", special, false},
                      {"<|im_start|>", special, false},
                      {"<|im_end|>", special, false}};
  tern::TokenizerSources sources;
  sources.config = R"({"bos_token_id": 0, "eos_token_id": 2,
    "max_position_embeddings": 40960, "vocab_size": 4})";
  sources.generationConfig = R"({"bos_token_id": 0, "do_sample": true,
    "eos_token_id": [2, 0], "pad_token_id": 0, "temperature": 0.6,
    "top_k": 20, "top_p": 0.95, "transformers_version": "4.51.0"})";
  sources.tokenizerConfig = R"({"add_bos_token": false, "bos_token": null,
    "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
    "chat_template": "{{ '<|im_end|>' }}", "unk_token": null})";
  std::string error;
  tern::TextRemarks remarks;
  auto bytes =
      tern::compileGeneration(sources, &tokenizer, error, nullptr, &remarks);
  ASSERT_TRUE(bytes) << error;
  EXPECT_TRUE(remarks.warnings.empty()) << remarks.warnings[0];
  tern_generation g;
  ASSERT_GE(bytes->size(), sizeof(g));
  std::memcpy(&g, bytes->data(), sizeof(g));
  EXPECT_EQ(std::vector<int32_t>(g.eos_ids, g.eos_ids + g.eos_count),
            (std::vector<int32_t>{2, 0}));
  EXPECT_EQ(g.do_sample, 1u);
  EXPECT_EQ(g.temperature, 0.6f);
  EXPECT_EQ(g.top_k, 20u);
  EXPECT_EQ(g.top_p, 0.95f);
  EXPECT_EQ(g.min_p, 0.0f);
  EXPECT_EQ(g.repeat_penalty, 1.0f);
  EXPECT_EQ(g.max_new_tokens, -1);
  EXPECT_EQ(std::string(bytes->begin() + sizeof(g), bytes->end()),
            "{{ '<|im_end|>' }}"
            R"({"eos_token":"<|im_end|>",)"
            R"("pad_token":"<|endoftext|>"})");
}

} // namespace
