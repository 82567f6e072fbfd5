//===- ConfigFieldsTest.cpp - Fields of any config ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigTesting.h"

using namespace tern;
using nlohmann::json;

namespace {

ModelConfig with(const json &fields) {
  json config = TinyCheckpoint().config;
  config.update(fields);
  auto result = ModelConfig::parse(config.dump(), "config.json");
  if (result)
    return *result;
  ADD_FAILURE() << llvm::toString(result.takeError());
  return {};
}

void expectRefused(const json &fields, const std::string &part) {
  json config = TinyCheckpoint().config;
  config.update(fields);
  auto result = ModelConfig::parse(config.dump(), "config.json");
  std::string message = result ? "" : llvm::toString(result.takeError());
  EXPECT_TRUE(isRefusal(message, "config.json: ")) << message;
  EXPECT_NE(message.find(part), std::string::npos)
      << message << "\nlacks " << part;
}

} // namespace

/// A config as to_dict() of transformers 4.46 writes it, with all fields of the
/// base class.
TEST(ConfigFields, OfTheBaseClass) {
  ModelConfig config = with(json::parse(R"({
    "return_dict": true, "output_hidden_states": false,
    "output_attentions": false, "torchscript": false, "torch_dtype": "bfloat16",
    "use_bfloat16": false, "tf_legacy_loss": false, "pruned_heads": {},
    "tie_word_embeddings": true, "chunk_size_feed_forward": 0,
    "is_encoder_decoder": false, "is_decoder": false,
    "cross_attention_hidden_size": null, "add_cross_attention": false,
    "tie_encoder_decoder": false, "max_length": 20, "min_length": 0,
    "do_sample": false, "early_stopping": false, "num_beams": 1,
    "num_beam_groups": 1, "diversity_penalty": 0.0, "temperature": 1.0,
    "top_k": 50, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0,
    "length_penalty": 1.0, "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0, "bad_words_ids": null,
    "num_return_sequences": 1, "output_scores": false,
    "return_dict_in_generate": false, "forced_bos_token_id": null,
    "forced_eos_token_id": null, "remove_invalid_values": false,
    "exponential_decay_length_penalty": null, "suppress_tokens": null,
    "begin_suppress_tokens": null, "finetuning_task": null,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1}, "tokenizer_class": null,
    "prefix": null, "bos_token_id": 1, "pad_token_id": null,
    "eos_token_id": 2, "sep_token_id": null, "decoder_start_token_id": null,
    "task_specific_params": null, "problem_type": null,
    "_name_or_path": "", "_attn_implementation_autoset": false,
    "transformers_version": "4.46.0",
    "keys_to_ignore_at_inference": ["past_key_values"]})"));
  EXPECT_TRUE(config.warnings.empty());
}

TEST(ConfigFields, AnUnknownFieldWithoutAValueSaysNothing) {
  for (const char *none : {"null", "[]", "{}", "\"\""})
    with({{"some_option_of_tomorrow", json::parse(none)}});
  for (const char *some : {"false", "0", "[null]", "{\"a\": null}", "\"x\""})
    expectRefused({{"some_option_of_tomorrow", json::parse(some)}},
                  "'some_option_of_tomorrow' is not known");
}

TEST(ConfigFields, GenerationInTheConfigIsSaid) {
  ModelConfig config = with({{"temperature", 0.7}, {"suppress_tokens", {1}}});
  ASSERT_EQ(config.warnings.size(), 2u);
  EXPECT_EQ(config.warnings[1],
            "config.json says 'temperature' = 0.7, which is not used; "
            "generation_config.json is where it has a meaning");
  EXPECT_NE(config.warnings[0].find("'suppress_tokens' = [1]"),
            std::string::npos);
}

TEST(ConfigFields, NeutralValues) {
  with({{"num_experts", 0}, {"is_causal", true}, {"logit_scale", 1}});
  expectRefused({{"num_local_experts", 8}}, "'num_local_experts' = 8; only 0");
  expectRefused({{"pruned_heads", {{"0", {1}}}}}, "'pruned_heads'");
  expectRefused({{"is_causal", false}}, "'is_causal' = false; only true is");
  // A window as long as the context is none; 16 positions.
  with({{"sliding_window", 16}});
  with({{"sliding_window", 8}, {"use_sliding_window", false}});
  expectRefused({{"sliding_window", 8}}, "'sliding_window' = 8");
  expectRefused({{"sliding_window", 8}, {"use_sliding_window", true}},
                "'sliding_window' = 8");
}

TEST(ConfigFields, OtherNamesMustAgree) {
  with({{"n_layer", 2},
        {"d_model", 8},
        {"kv_channels", 4},
        {"activation_function", "relu2"},
        {"layer_norm_eps", 1e-5},
        {"rotary_base", 10000}});
  expectRefused({{"n_layer", 3}},
                "'n_layer' = 3 and 'num_hidden_layers' = 2 differ");
  expectRefused({{"kv_channels", 8}}, "'kv_channels' = 8 and 'head_dim' = 4");
  expectRefused({{"hidden_size", nullptr}, {"d_model", 8}},
                "'d_model' is there without 'hidden_size'");
}

TEST(ConfigFields, AConfigInsideMustAgree) {
  with({{"text_config",
         {{"hidden_size", 8}, {"tie_word_embeddings", true}, {"x", nullptr}}}});
  expectRefused({{"text_config", {{"tie_word_embeddings", false}}}},
                "'text_config.tie_word_embeddings' = false differs from "
                "'tie_word_embeddings' = true; which is meant?");
  expectRefused({{"text_config", {{"vocab", 5}}}}, "'text_config.vocab' = 5");
}

TEST(ConfigFields, RotaryEmbeddingsMustAgree) {
  // Two spellings of the same.
  ModelConfig config =
      with({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}},
            {"rope_parameters",
             {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 1e4}}}});
  EXPECT_EQ(config.ropeDivisors, (std::vector<double>{2, 2}));
  expectRefused(
      {{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}}},
      "'rope_theta' and 'rope_parameters.rope_theta' differ");
  expectRefused(
      {{"rope_scaling", {{"type", "linear"}, {"rope_type", "default"}}}},
      "'rope_scaling.type' and 'rope_type' differ");
  expectRefused({{"rope_scaling", {{"type", "linear"}, {"factor", 2}}},
                 {"rope_parameters", {{"rope_type", "default"}}}},
                "'rope_scaling' and 'rope_parameters' differ");
}

TEST(ConfigFields, OtherQuantizersAreNamed) {
  expectRefused(
      {{"quantization_config", {{"quant_method", "gptq"}, {"bits", 4}}}},
      "quantized by the method 'gptq'");
  expectRefused({{"quantization_config", nullptr},
                 {"quantization", {{"group_size", 64}, {"bits", 4}}}},
                "what MLX writes");
}
