//===- lib/Import/GgufConfig.cpp - GGUF metadata as a config --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "GgufFields.h"
#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {

/// The name of a family in metadata, and those in a config.
struct Architecture {
  StringLiteral name, type, hfClass;
};

constexpr Architecture architectures[] = {
    {"bitnet", "bitnet", "BitNetForCausalLM"},
    {"bitnet-b1.58", "bitnet", "BitNetForCausalLM"},
    {"bitnet-25", "bitnet", "BitNetForCausalLM"},
    {"llama", "llama", "LlamaForCausalLM"},
    {"qwen3", "qwen3", "Qwen3ForCausalLM"},
    {"minicpm", "minicpm", "MiniCPMForCausalLM"},
    {"qwen35", "qwen3_5_text", "Qwen3_5ForCausalLM"},
};

/// Reads the metadata of one architecture. The first problem is kept.
class ConfigTranslator : private GgufFields {
public:
  ConfigTranslator(const GgufFile &file, const GgufOptions &options)
      : GgufFields(file), options(options) {}

  Expected<std::string> translate() {
    readArchitecture();
    if (problem.empty()) {
      readSizes();
      readScales();
      readHybrid();
      readSchemes();
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
  void need(StringRef field, const char *name) {
    std::optional<uint64_t> value = integer(field);
    if (!value)
      return fail("'" + keyOf(field) + "' is missing");
    out[name] = *value;
  }

  void readArchitecture();
  void readSizes();
  void readScales();
  void readHybrid();
  void readSchemes();
  void readRope();
  void readActivation();
  void readHead();
  void checkRest();

  const GgufOptions &options;
  json out = json::object();
};

} // namespace

void ConfigTranslator::readArchitecture() {
  // Writers of models say "model", or nothing.
  std::optional<StringRef> kind = take(file.string("general.type"));
  if (kind && *kind == "adapter")
    return fail("this is an adapter, not a model; merge it into its base model "
                "first");
  if (kind && *kind != "model")
    return fail("this is of the kind '" + kind->take_front(40) +
                "' ('general.type'), not a model");
  std::optional<StringRef> name = take(file.string("general.architecture"));
  if (!name)
    return fail("'general.architecture' is missing");
  const Architecture *found = find_if(
      architectures, [&](const Architecture &a) { return a.name == *name; });
  if (found == std::end(architectures)) {
    auto nameOf = [](const Architecture &a) { return a.name; };
    return fail("the architecture '" + name->take_front(60) +
                "' is not supported; tern reads " +
                join(map_range(architectures, nameOf), ", "));
  }
  architecture = name->str();
  out["model_type"] = found->type.str();
  out["architectures"] = {found->hfClass.str()};
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
  uint64_t heads = out.value("num_attention_heads", uint64_t(0));
  uint64_t hidden = out.value("hidden_size", uint64_t(0));
  if (keys)
    out["head_dim"] = *keys;
  else if (heads && hidden % heads == 0) // whatever the class has for none
    out["head_dim"] = hidden / heads;
  if (values && values != keys)
    fail("'" + keyOf("attention.value_length") +
         "' is expected to be equal to the length of a key");
  std::optional<double> epsilon = number("attention.layer_norm_rms_epsilon");
  if (!epsilon)
    return fail("'" + keyOf("attention.layer_norm_rms_epsilon") +
                "' is missing");
  out["rms_norm_eps"] = *epsilon;
}

/// Of MiniCPM, in the terms of its config. Divided by the number that each is
/// multiplied with here, they are the same float32 numbers again.
void ConfigTranslator::readScales() {
  if (out["model_type"] != "minicpm")
    return;
  auto scale = [&](StringRef field) {
    std::optional<double> value = number(field);
    if (!value)
      fail("'" + keyOf(field) +
           "' is missing; without it the model is another");
    return value.value_or(1);
  };
  double embedding = scale("embedding_scale"), depth = scale("residual_scale");
  double head = scale("logit_scale");
  if (!problem.empty())
    return;
  out["scale_emb"] = embedding;
  out["scale_depth"] =
      depth * std::sqrt(out["num_hidden_layers"].get<double>());
  out["dim_model_base"] = out["hidden_size"].get<double>() / head;
}

/// Of Qwen3.5, the sizes of recurrent layers, in the terms of Mamba's.
void ConfigTranslator::readHybrid() {
  if (out["model_type"] != "qwen3_5_text")
    return;
  need("ssm.conv_kernel", "linear_conv_kernel_dim");
  need("ssm.state_size", "linear_key_head_dim");
  need("ssm.group_count", "linear_num_key_heads");
  need("ssm.time_step_rank", "linear_num_value_heads");
  std::optional<uint64_t> values = integer("ssm.inner_size");
  if (!values)
    fail("'" + keyOf("ssm.inner_size") + "' is missing");
  if (!problem.empty())
    return;
  uint64_t heads = out["linear_num_value_heads"].get<uint64_t>();
  if (heads == 0 || *values % heads)
    return fail("'" + keyOf("ssm.inner_size") + "' = " + Twine(*values) +
                " is no multiple of '" + keyOf("ssm.time_step_rank") +
                "' = " + Twine(heads));
  out["linear_value_head_dim"] = *values / heads;
  out["full_attention_interval"] =
      integer("full_attention_interval").value_or(4);
  // Layers behind the model's that predict further tokens.
  wantNeutral("nextn_predict_layers", 0);
  keyOf("rope.dimension_sections"); // of pictures; in text all are alike
}

/// Only tern writes these; see docs/gguf.md.
void ConfigTranslator::readSchemes() {
  for (StringRef field :
       concat<const StringLiteral>(schemeFields, ropeFields)) {
    std::string key = (ternPrefix + field).str();
    std::optional<StringRef> text = take(file.string(key));
    if (!text)
      continue;
    Expected<json> scheme = parseJson(*text, "'" + key + "'", /*maxDepth=*/8);
    if (!scheme)
      return fail(toString(scheme.takeError()));
    out[field.str()] = std::move(*scheme);
  }
}

void ConfigTranslator::readRope() {
  // The values engines assume where writers leave them out.
  out["rope_theta"] = number("rope.freq_base").value_or(10000);
  json scaling = readGgufRopeScaling(
      *this, out.value("max_position_embeddings", uint64_t(0)));
  // tern's own says the same without being rounded.
  if (!scaling.is_null() && !out.contains("rope_scaling") &&
      !out.contains("rope_parameters"))
    out["rope_scaling"] = std::move(scaling);
  std::optional<uint64_t> turned = integer("rope.dimension_count");
  if (!problem.empty() || !turned)
    return;
  uint64_t heads = out["num_attention_heads"].get<uint64_t>();
  uint64_t size =
      out.contains("head_dim")
          ? out["head_dim"].get<uint64_t>()
          : out["hidden_size"].get<uint64_t>() / std::max<uint64_t>(heads, 1);
  if (out["model_type"] == "qwen3_5_text") {
    if (*turned > size)
      return fail("'" + keyOf("rope.dimension_count") +
                  "' = " + Twine(*turned) + " is more than the " + Twine(size) +
                  " features of a head");
    // A share whose product with the size is no less than it in any rounding.
    out["partial_rotary_factor"] =
        *turned == size
            ? 1.0
            : (static_cast<double>(*turned) + 0.25) / static_cast<double>(size);
    return;
  }
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
  else if (stated && *stated != "silu" && *stated != "relu2")
    fail("tern does not support '" + keyOf("hidden_activation") +
         "' = " + stated->take_front(60) +
         "; silu and relu2 are, and --hidden-act overrides the file");
  else if (stated)
    out["hidden_act"] = stated->str();
  else if (std::optional<StringRef> own = take(file.string(ternHiddenActKey)))
    out["hidden_act"] = own->str();
  else if (out["model_type"] != "bitnet")
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

/// A key that is left may change the maths.
void ConfigTranslator::checkRest() {
  wantNeutral("attention.scale", 1);
  if (out["model_type"] != "minicpm")
    for (StringRef field : {"logit_scale", "embedding_scale", "residual_scale"})
      wantNeutral(field, 1);
  for (StringRef field :
       {"expert_count", "expert_used_count", "attention.sliding_window"})
    wantNeutral(field, 0);
  for (const auto &[key, value] : file.metadata()) {
    StringRef field = key;
    if (field.starts_with("prism."))
      fail("tern does not support the metadata '" + field.take_front(80) +
           "': weights in another basis, without which answers are noise");
    if (field.consume_front(architecture + ".") && !known.count(field.str()))
      fail("tern does not know the metadata '" + StringRef(key).take_front(80) +
           "', which may change what the model computes");
  }
}

/// Part of a model, as gguf-split makes it.
static Error checkNotSplit(const GgufFile &file) {
  auto parts = file.integer("split.count");
  if (!parts)
    return parts.takeError();
  if (!*parts || **parts <= 1)
    return Error::success();
  auto number = file.integer("split.no");
  if (!number)
    return number.takeError();
  return file.error("this is part " + Twine(number->value_or(0) + 1) + " of " +
                    Twine(**parts) +
                    " of a split model; put them together: llama-gguf-split "
                    "--merge FIRST-PART OUT.gguf");
}

Expected<std::string> ggufConfig(const GgufFile &file,
                                 const GgufOptions &options) {
  if (Error error = checkNotSplit(file))
    return std::move(error);
  return ConfigTranslator(file, options).translate();
}

} // namespace tern
