//===- lib/Import/GgufModel.cpp - GGUF in the usual terms -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

namespace {
struct Renamed {
  StringLiteral gguf, huggingFace;
};
} // namespace

static constexpr Renamed layerTensors[] = {
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"attn_norm", "input_layernorm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"attn_sub_norm", "self_attn.attn_sub_norm"},
    {"ffn_sub_norm", "mlp.ffn_sub_norm"},
};
static constexpr Renamed otherTensors[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

/// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"
static std::string huggingFaceName(StringRef name) {
  auto [stem, kind] = name.rsplit('.');
  std::string suffix = kind == "scale" ? ".weight_scale" : "." + kind.str();
  std::string prefix;
  ArrayRef<Renamed> table = otherTensors;
  if (stem.consume_front("blk.")) {
    auto [layer, rest] = stem.split('.');
    // One spelling for each number, so that no two names become one.
    if (layer.empty() || !all_of(layer, isDigit) ||
        (layer.size() > 1 && layer[0] == '0'))
      return name.str();
    prefix = "model.layers." + layer.str() + ".";
    stem = rest;
    table = layerTensors;
  }
  for (const Renamed &renamed : table)
    if (stem == renamed.gguf)
      return prefix + renamed.huggingFace.str() + suffix;
  return name.str();
}

static DType typeOf(const GgufEncoding &encoding) {
  if (encoding.isTernary)
    return DType::U8;
  return encoding.codec == GgufCodec::F16    ? DType::F16
         : encoding.codec == GgufCodec::BF16 ? DType::BF16
                                             : DType::F32;
}

static constexpr StringLiteral architectureKey = "general.architecture";

/// The converter to the llama architecture reorders the rows of q and k for
/// engines that rotate neighbours; those of the others leave them.
static Expected<int64_t> pairedHeads(const GgufFile &file, StringRef name) {
  auto architecture = file.string(architectureKey);
  if (!architecture)
    return architecture.takeError();
  bool isKey = name.ends_with(".attn_k.weight");
  if (*architecture != StringRef("llama") ||
      !(isKey || name.ends_with(".attn_q.weight")))
    return 0;
  auto heads = file.integer("llama.attention.head_count");
  if (!heads)
    return heads.takeError();
  auto keyHeads = file.integer("llama.attention.head_count_kv");
  if (!keyHeads)
    return keyHeads.takeError();
  return static_cast<int64_t>(isKey ? keyHeads->value_or(heads->value_or(0))
                                    : heads->value_or(0));
}

Expected<TensorMap> ggufTensors(const GgufFile &file) {
  TensorMap result;
  for (const GgufTensor &tensor : file.tensors()) {
    if (tensor.name == "rope_freqs.weight")
      return file.error("tensor 'rope_freqs.weight' scales rotary embeddings, "
                        "which tern does not support");
    TensorEntry entry;
    entry.dtype = typeOf(*tensor.encoding);
    for (uint64_t size : reverse(tensor.sizes))
      entry.shape.push_back(static_cast<int64_t>(size));
    entry.offset = tensor.offset;
    entry.bytes = tensor.bytes;
    entry.encoding = tensor.encoding;
    Expected<int64_t> heads = pairedHeads(file, tensor.name);
    if (!heads)
      return heads.takeError();
    entry.pairedHeads = *heads;
    result.emplace(huggingFaceName(tensor.name), std::move(entry));
  }
  if (result.size() != file.tensors().size())
    return file.error("two tensors stand for the same part of the model");
  return result;
}

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

namespace {

/// Reads the metadata of one architecture. The first problem is kept.
class ConfigTranslator {
public:
  ConfigTranslator(const GgufFile &file, const GgufOptions &options)
      : file(file), options(options) {}

  Expected<std::string> translate() {
    readArchitecture();
    if (problem.empty()) {
      readSizes();
      readRope();
      readActivation();
      readHead();
      checkRest();
    }
    if (!problem.empty())
      return file.error(problem);
    return out.dump();
  }

private:
  void fail(const Twine &message) {
    if (problem.empty())
      problem = message.str();
  }
  template <typename T>
  std::optional<T> take(Expected<std::optional<T>> value) {
    if (value)
      return *value;
    fail(toString(value.takeError()).substr(file.file().size() + 2));
    return std::nullopt;
  }
  std::string keyOf(StringRef field) {
    known.insert(field.str());
    return architecture + "." + field.str();
  }
  std::optional<uint64_t> integer(StringRef field) {
    return take(file.integer(keyOf(field)));
  }
  std::optional<double> number(StringRef field) {
    return take(file.number(keyOf(field)));
  }
  std::optional<StringRef> string(StringRef field) {
    return take(file.string(keyOf(field)));
  }
  void need(StringRef field, const char *name) {
    std::optional<uint64_t> value = integer(field);
    if (!value)
      return fail("'" + keyOf(field) + "' is missing");
    out[name] = *value;
  }
  void wantNeutral(StringRef field, double neutral) {
    std::optional<double> value = number(field);
    if (value && *value != neutral)
      fail("tern does not support '" + keyOf(field) +
           "' = " + std::to_string(*value));
  }

  void readArchitecture();
  void readSizes();
  void readRope();
  void readActivation();
  void readHead();
  void checkRest();

  const GgufFile &file;
  const GgufOptions &options;
  std::string architecture, problem;
  std::set<std::string> known;
  json out = json::object();
};

} // namespace

void ConfigTranslator::readArchitecture() {
  static constexpr StringLiteral names[] = {"bitnet", "bitnet-b1.58",
                                            "bitnet-25", "llama"};
  std::optional<StringRef> name = take(file.string(architectureKey));
  if (!name)
    return fail("'general.architecture' is missing");
  if (!is_contained(names, *name))
    return fail("the architecture '" + name->take_front(60) +
                "' is not supported; tern reads bitnet, bitnet-b1.58, "
                "bitnet-25 and llama");
  architecture = name->str();
  bool isLlama = architecture == "llama";
  out["model_type"] = isLlama ? "llama" : "bitnet";
  out["architectures"] = {isLlama ? "LlamaForCausalLM" : "BitNetForCausalLM"};
  // The tensors say themselves how they are quantized; this is the least that
  // marks the model as a ternary one.
  out["quantization_config"] = {{"quant_method", "bitnet"},
                                {"linear_class", "autobitlinear"},
                                {"quantization_mode", "online"}};
}

void ConfigTranslator::readSizes() {
  need("embedding_length", "hidden_size");
  need("feed_forward_length", "intermediate_size");
  need("block_count", "num_hidden_layers");
  need("attention.head_count", "num_attention_heads");
  need("context_length", "max_position_embeddings");
  if (std::optional<uint64_t> heads = integer("attention.head_count_kv"))
    out["num_key_value_heads"] = *heads;
  std::optional<uint64_t> keys = integer("attention.key_length");
  std::optional<uint64_t> values = integer("attention.value_length");
  if (keys)
    out["head_dim"] = *keys;
  if (values && values != keys)
    fail("'" + keyOf("attention.value_length") +
         "' is expected to be equal to the length of a key");
  std::optional<double> epsilon = number("attention.layer_norm_rms_epsilon");
  if (!epsilon)
    return fail("'" + keyOf("attention.layer_norm_rms_epsilon") +
                "' is missing");
  out["rms_norm_eps"] = *epsilon;
}

void ConfigTranslator::readRope() {
  // What engines take where writers leave it out.
  out["rope_theta"] = number("rope.freq_base").value_or(10000);
  std::optional<StringRef> scaling = string("rope.scaling.type");
  if (scaling && *scaling != "none")
    fail("tern supports plain rotary embeddings only, not '" +
         keyOf("rope.scaling.type") + "' = " + scaling->take_front(60));
  wantNeutral("rope.scaling.factor", 1);
  wantNeutral("rope.scale_linear", 1);
  std::optional<uint64_t> turned = integer("rope.dimension_count");
  if (!problem.empty() || !turned)
    return;
  uint64_t heads = out["num_attention_heads"].get<uint64_t>();
  uint64_t size =
      out.contains("head_dim")
          ? out["head_dim"].get<uint64_t>()
          : out["hidden_size"].get<uint64_t>() / std::max<uint64_t>(heads, 1);
  if (*turned != size)
    fail("tern does not support heads of " + Twine(size) + " of which " +
         Twine(*turned) + " are rotated ('" + keyOf("rope.dimension_count") +
         "')");
}

/// The gate's activation has no field of old, and engines disagree about the
/// architectures named after BitNet.
void ConfigTranslator::readActivation() {
  std::optional<StringRef> stated = string("hidden_activation");
  if (!options.hiddenAct.empty())
    out["hidden_act"] = options.hiddenAct;
  else if (stated)
    out["hidden_act"] = stated->str();
  else if (architecture == "llama")
    out["hidden_act"] = "silu";
  else
    fail("the file does not say which activation gates the MLP; say "
         "--hidden-act=relu2 (bitnet-b1.58-2B-4T) or --hidden-act=silu "
         "(bitnet_b1_58-large, -3B)");
}

void ConfigTranslator::readHead() {
  bool hasHead = false;
  uint64_t rows = 0;
  for (const GgufTensor &tensor : file.tensors()) {
    hasHead |= tensor.name == "output.weight";
    if (tensor.name == "token_embd.weight")
      rows = tensor.rows();
  }
  if (rows == 0)
    return fail("tensor 'token_embd.weight' is missing");
  out["tie_word_embeddings"] = !hasHead;
  out["vocab_size"] = integer("vocab_size").value_or(rows);
  std::vector<uint64_t> ends;
  for (StringRef name : {"eos_token_id", "eot_token_id", "eom_token_id"})
    if (auto id = take(file.integer(("tokenizer.ggml." + name).str())))
      ends.push_back(*id);
  if (!ends.empty())
    out["eos_token_id"] = ends;
  if (auto id = take(file.integer("tokenizer.ggml.bos_token_id")))
    out["bos_token_id"] = *id;
}

/// What is left may change the maths.
void ConfigTranslator::checkRest() {
  for (StringRef field :
       {"logit_scale", "embedding_scale", "residual_scale", "attention.scale"})
    wantNeutral(field, 1);
  for (StringRef field :
       {"expert_count", "expert_used_count", "attention.sliding_window"})
    wantNeutral(field, 0);
  for (const auto &[key, value] : file.metadata()) {
    StringRef field = key;
    if (field.consume_front(architecture + ".") && !known.count(field.str()))
      fail("tern does not know the metadata '" + StringRef(key).take_front(80) +
           "', which may change what the model computes");
  }
}

Expected<std::string> ggufConfig(const GgufFile &file,
                                 const GgufOptions &options) {
  return ConfigTranslator(file, options).translate();
}

} // namespace tern
