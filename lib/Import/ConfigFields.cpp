//===- lib/Import/ConfigFields.cpp - Fields that are not computed ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConfigFields.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

/// These change nothing that a compiled model computes, whatever they say; ids
/// of special tokens are read where text generation is set up. Every model of
/// transformers may have those of the base class, PretrainedConfig.
static constexpr StringLiteral irrelevantFields[] = {
    // PretrainedConfig
    "_attn_implementation", "_attn_implementation_autoset",
    "_attn_implementation_internal", "_commit_hash", "_experts_implementation",
    "_name_or_path", "attn_implementation", "auto_map", "bos_token_id",
    "chunk_size_feed_forward", "cls_token_id", "decoder_start_token_id",
    "dtype", "eos_token_id", "finetuning_task", "gradient_checkpointing",
    "id2label", "is_decoder", "keys_to_ignore_at_inference", "label2id",
    "mask_token_id", "num_labels", "output_attentions", "output_hidden_states",
    "output_logits", "output_scores", "pad_token_id", "prefix", "problem_type",
    "return_dict", "return_dict_in_generate", "sep_token_id",
    "task_specific_params", "tf_legacy_loss", "tokenizer_class", "torch_dtype",
    "torchscript", "transformers_version", "unk_token_id", "use_bfloat16",
    "use_cache", "use_return_dict",
    // Of training only
    "attention_dropout", "attention_probs_dropout_prob", "attn_dropout",
    "attn_pdrop", "classifier_dropout", "dropout", "embd_pdrop",
    "embedding_dropout", "hidden_dropout", "hidden_dropout_prob",
    "initializer_range", "initializer_factor", "resid_pdrop",
    "residual_dropout", "router_aux_loss_coef", "router_jitter_noise",
    // How, not which numbers
    "cache_implementation", "is_bitnet_config", "max_window_layers",
    "mup_denominator", "pretraining_tp", "transformers.js_config",
    "unsloth_fixed", "unsloth_version", "use_flash_attention",
    "use_flash_attention_2", "use_flash_attn"};

namespace {

/// A field that changes the maths unless it has one of the values given here
/// (null, that is absent, is always fine). tern does not compute the others.
struct NeutralField {
  StringLiteral name;
  StringLiteral neutral; ///< as JSON, with commas between
};

} // namespace

static constexpr NeutralField neutralFields[] = {
    {"activation", "\"swiglu\""}, // Falcon3 names what silu and a gate make
    {"add_bias_linear", "false"},
    {"add_cross_attention", "false"},
    {"add_qkv_bias", "false"},
    {"alibi", "false"},
    {"apply_residual_connection_post_layernorm", "false"},
    {"attention_multiplier", "1.0"},
    {"attn_logit_softcapping", "false, 0"},
    {"attn_temperature_tuning", "false, 0"},
    {"cross_attention_hidden_size", "false"},
    {"embedding_multiplier", "1.0"},
    {"embedding_scale", "1.0"},
    {"final_logit_softcapping", "false, 0"},
    {"input_bits", "8"},
    {"is_causal", "true"},
    {"is_encoder_decoder", "false"},
    {"lm_head_bias", "false"},
    {"logit_scale", "1.0"},
    {"logits_scaling", "1.0"},
    {"multi_query", "false"},
    {"n_routed_experts", "0, 1"},
    {"num_experts", "0, 1"},
    {"num_experts_per_tok", "0, 1"},
    {"num_local_experts", "0, 1"},
    {"num_nextn_predict_layers", "0"},
    {"parallel_attn", "false"},
    {"partial_rotary_factor", "1.0"},
    {"pruned_heads", "{}"},
    {"qk_norm", "false"},
    {"qkv_bias", "false"},
    {"residual_multiplier", "1.0"},
    {"rope_interleaved", "false"},
    {"rotary_pct", "1.0"},
    {"scale_embedding", "false"},
    {"tie_encoder_decoder", "false"},
    {"use_bias", "false"},
    {"use_moe", "false"},
    {"use_mup", "false"},
    {"use_parallel_residual", "false"},
    {"use_qk_norm", "false"},
    {"use_qkv_bias", "false"},
    {"weight_bits", "1"},
};

/// Defaults of generation, which PretrainedConfig had before there was a
/// generation_config.json.
static constexpr NeutralField generationFields[] = {
    {"bad_words_ids", "[]"},
    {"begin_suppress_tokens", "[]"},
    {"diversity_penalty", "0"},
    {"do_sample", "false"},
    {"early_stopping", "false"},
    {"encoder_no_repeat_ngram_size", "0"},
    {"epsilon_cutoff", "0"},
    {"eta_cutoff", "0"},
    {"exponential_decay_length_penalty", "[]"},
    {"forced_bos_token_id", "[]"},
    {"forced_eos_token_id", "[]"},
    {"length_penalty", "1"},
    {"max_length", "20"},
    {"max_new_tokens", "[]"},
    {"min_length", "0"},
    {"min_new_tokens", "0"},
    {"min_p", "0"},
    {"no_repeat_ngram_size", "0"},
    {"num_beam_groups", "1"},
    {"num_beams", "1"},
    {"num_return_sequences", "1"},
    {"penalty_alpha", "0"},
    {"remove_invalid_values", "false"},
    {"renormalize_logits", "false"},
    {"repetition_penalty", "1"},
    {"stop_strings", "[]"},
    {"suppress_tokens", "[]"},
    {"temperature", "1"},
    {"top_k", "50"},
    {"top_p", "1"},
    {"typical_p", "1"},
};

/// Numbers compare by value: 1 equals 1.0.
static bool isNeutral(const json &value, StringRef neutral) {
  json values = json::parse("[" + neutral.str() + "]", nullptr,
                            /*allow_exceptions=*/false);
  return any_of(values, [&](const json &one) { return one == value; });
}

static std::string shown(const json &value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace)
      .substr(0, 60);
}

static void checkNeutralFields(JsonFields &fields, const ModelConfig &config) {
  for (const NeutralField &field : neutralFields) {
    if (config.deltaNet && field.name == "partial_rotary_factor")
      continue;
    const json *value = fields.value(field.name);
    if (value && !isNeutral(*value, field.neutral))
      fields.fail("tern does not support " + fields.quoted(field.name) + " = " +
                  shown(*value) + "; only " + field.neutral.split(',').first +
                  " is");
  }
}

/// A window that holds all positions, or is switched off, is none.
static void checkWindow(JsonFields &fields, const ModelConfig &config) {
  const json *window = fields.value("sliding_window");
  const json *isUsed = fields.value("use_sliding_window");
  // One that is used has a size even where none is said.
  if (!window && isUsed && *isUsed != false)
    fields.fail("tern does not support 'use_sliding_window' = " +
                shown(*isUsed) + "; only false is");
  if (!window || isNeutral(*window, "false, 0") || (isUsed && *isUsed == false))
    return;
  if (!window->is_number_integer() ||
      window->get<int64_t>() < config.maxPositions)
    fields.fail(
        "tern does not support 'sliding_window' = " + shown(*window) +
        (isUsed ? " with 'use_sliding_window' = " + shown(*isUsed) : "") +
        "; only false is, or as many as 'max_position_embeddings'");
}

/// Where positions beyond `dense_len` choose what they attend to.
static void readSparseAttention(JsonFields &fields, ModelConfig &config) {
  if (config.family == ModelFamily::MiniCpm && fields.object("sparse_config"))
    config.warnings.push_back(
        "config.json says 'sparse_config', which is not followed: attention "
        "is dense at any length, as it is up to 'dense_len' tokens");
}

static void readGenerationFields(JsonFields &fields, ModelConfig &config) {
  for (const NeutralField &field : generationFields) {
    const json *value = fields.value(field.name);
    if (value && !isNeutral(*value, field.neutral))
      config.warnings.push_back("config.json says " +
                                fields.quoted(field.name) + " = " +
                                shown(*value) +
                                ", which is not used; generation_config.json "
                                "is where it has a meaning");
  }
}

namespace {

/// Another name of a field, in configs of other families.
struct Synonym {
  StringLiteral other, usual;
};

} // namespace

static constexpr Synonym synonyms[] = {
    {"activation_function", "hidden_act"},
    {"hidden_activation", "hidden_act"},
    {"d_model", "hidden_size"},
    {"dim", "hidden_size"},
    {"n_embd", "hidden_size"},
    {"ffn_dim", "intermediate_size"},
    {"ffn_hidden_size", "intermediate_size"},
    {"n_inner", "intermediate_size"},
    {"n_layer", "num_hidden_layers"},
    {"n_layers", "num_hidden_layers"},
    {"num_layers", "num_hidden_layers"},
    {"n_head", "num_attention_heads"},
    {"n_heads", "num_attention_heads"},
    {"num_heads", "num_attention_heads"},
    {"multi_query_group_num", "num_key_value_heads"},
    {"n_head_kv", "num_key_value_heads"},
    {"n_kv_heads", "num_key_value_heads"},
    {"num_kv_heads", "num_key_value_heads"},
    {"attention_head_size", "head_dim"},
    {"kv_channels", "head_dim"},
    {"layer_norm_eps", "rms_norm_eps"},
    {"layer_norm_epsilon", "rms_norm_eps"},
    {"layernorm_epsilon", "rms_norm_eps"},
    {"norm_eps", "rms_norm_eps"},
    {"rotary_base", "rope_theta"},
    {"rotary_emb_base", "rope_theta"},
    {"max_sequence_length", "max_position_embeddings"},
    {"n_ctx", "max_position_embeddings"},
    {"n_positions", "max_position_embeddings"},
    {"seq_length", "max_position_embeddings"},
    {"padded_vocab_size", "vocab_size"},
};

static void checkSynonyms(JsonFields &fields, const ModelConfig &config) {
  for (const Synonym &synonym : synonyms) {
    const json *other = fields.value(synonym.other);
    const json *usual = fields.value(synonym.usual);
    json implied;
    if (!usual && synonym.usual == "head_dim")
      usual = &(implied = config.headDim);
    if (!usual && synonym.usual == "num_key_value_heads")
      usual = &(implied = config.kvHeadCount);
    if (other && !usual)
      fields.fail(fields.quoted(synonym.other) + " is there without '" +
                  synonym.usual + "', which is the name that tern reads");
    else if (other && *other != *usual)
      fields.fail(fields.quoted(synonym.other) + " = " + shown(*other) +
                  " and '" + synonym.usual + "' = " + shown(*usual) +
                  " differ; which is meant?");
  }
}

/// Models of text and pictures have one config in another. Where both are of
/// the text model they must say the same.
static void checkTextConfig(JsonFields &fields) {
  const json *inner = fields.object("text_config");
  if (!inner)
    return;
  for (const auto &field : inner->items()) {
    const json *outer = fields.value(field.key());
    if (field.value().is_null() || (outer && *outer == field.value()))
      continue;
    fields.fail("'text_config." + field.key() + "' = " + shown(field.value()) +
                (outer ? " differs from '" + field.key() +
                             "' = " + shown(*outer) + "; which is meant?"
                       : " is there, but '" + field.key() + "' is not"));
  }
}

void readOtherFields(JsonFields &fields, ModelConfig &config) {
  checkNeutralFields(fields, config);
  checkWindow(fields, config);
  readSparseAttention(fields, config);
  readGenerationFields(fields, config);
  checkSynonyms(fields, config);
  checkTextConfig(fields);
  fields.ignore(irrelevantFields);
  fields.ignoreEmpty();
}

} // namespace tern
