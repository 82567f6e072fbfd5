//===- lib/Import/HybridConfig.cpp - Configs with two kinds of layers -----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HybridConfig.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

//===----------------------------------------------------------------------===//
// A config in a config
//===----------------------------------------------------------------------===//

/// Of pictures and films.
static constexpr StringLiteral otherFields[] = {
    "text_config",        "vision_config",  "model_type",
    "image_token_id",     "video_token_id", "vision_start_token_id",
    "vision_end_token_id"};

/// May differ: what is outside counts, as in transformers, or nothing does.
static constexpr StringLiteral outerFields[] = {
    "transformers_version", "dtype",        "torch_dtype",  "use_cache",
    "bos_token_id",         "eos_token_id", "pad_token_id", "_name_or_path"};

Error takeTextConfig(json &root, StringRef file) {
  if (!root.is_object() || root.value("model_type", json()) != "qwen3_5")
    return Error::success();
  json *text = root.contains("text_config") ? &root["text_config"] : nullptr;
  if (!text || !text->is_object())
    return fileError(file, "'model_type' = qwen3_5 is of text and pictures, "
                           "but there is no 'text_config' with the text "
                           "model's sizes");
  json result = *text;
  for (const auto &field : root.items()) {
    if (is_contained(otherFields, field.key()) || field.value().is_null())
      continue;
    json &inner = result[field.key()];
    if (inner.is_null() || is_contained(outerFields, field.key()))
      inner = field.value();
    else if (inner != field.value())
      return fileError(file, "'text_config." + field.key() +
                                 "' = " + inner.dump().substr(0, 60) +
                                 " differs from '" + field.key() +
                                 "' = " + field.value().dump().substr(0, 60) +
                                 "; which is meant?");
  }
  root = std::move(result);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Fields of Qwen3.5
//===----------------------------------------------------------------------===//

/// How, not which numbers; and of layers that predict further tokens, which are
/// not read.
static constexpr StringLiteral irrelevantFields[] = {
    "mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings"};

static DeltaNet readDeltaNet(JsonFields &fields) {
  constexpr int64_t most = 4096;
  DeltaNet net;
  net.keyHeads = fields.integer("linear_num_key_heads", 1, most, 16);
  net.valueHeads = fields.integer("linear_num_value_heads", 1, most, 32);
  net.keyDim = fields.integer("linear_key_head_dim", 1, most, 128);
  net.valueDim = fields.integer("linear_value_head_dim", 1, most, 128);
  net.taps = fields.integer("linear_conv_kernel_dim", 2, 64, 4);
  if (!fields.failed() && net.valueHeads % net.keyHeads)
    fields.fail("'linear_num_value_heads' = " + Twine(net.valueHeads) +
                " is not a multiple of 'linear_num_key_heads' = " +
                Twine(net.keyHeads));
  // Sums of the products of so many codes must fit in 32 bits.
  if (!fields.failed() && net.values() >= 1 << 24)
    fields.fail("'linear_num_value_heads' times 'linear_value_head_dim' is "
                "expected to be below " +
                Twine(1 << 24));
  return net;
}

/// Of each layer, by name or by the distance between those of attention.
static std::vector<bool> readLayerTypes(JsonFields &fields, int64_t count) {
  bool saysInterval = fields.value("full_attention_interval");
  int64_t interval = fields.integer("full_attention_interval", 1, 4096, 4);
  std::vector<bool> isRecurrent;
  for (int64_t layer = 0; layer < count; ++layer)
    isRecurrent.push_back((layer + 1) % interval != 0);
  const json *types = fields.value("layer_types");
  if (!types)
    return isRecurrent;
  auto isKnown = [](const json &type) {
    return type == "linear_attention" || type == "full_attention";
  };
  if (!types->is_array() || !all_of(*types, isKnown)) {
    fields.fail("'layer_types' is expected to be a list of linear_attention "
                "and full_attention, but is " +
                types->dump().substr(0, 60));
    return isRecurrent;
  }
  if (static_cast<int64_t>(types->size()) != count) {
    fields.fail("'layer_types' has " + Twine(types->size()) +
                " entries, but 'num_hidden_layers' is " + Twine(count));
    return isRecurrent;
  }
  for (int64_t layer = 0; layer < count; ++layer) {
    bool stated = (*types)[layer] == "linear_attention";
    if (saysInterval && stated != isRecurrent[layer]) {
      fields.fail("'layer_types' has " + (*types)[layer].get<std::string>() +
                  " for layer " + Twine(layer) +
                  ", which contradicts 'full_attention_interval' = " +
                  Twine(interval) + "; which is meant?");
      return isRecurrent;
    }
    isRecurrent[layer] = stated;
  }
  return isRecurrent;
}

/// The share of a head that is turned may stand in three places.
static void readRotaryDim(JsonFields &fields, ModelConfig &config) {
  double share = 0.25;
  std::string name;
  auto read = [&](const json *value, StringRef from) {
    if (!value)
      return;
    if (!value->is_number() || !(*value > 0.0) || !(*value <= 1.0))
      return fields.fail("'" + from +
                         "' is expected to be above 0 and at most "
                         "1, but is " +
                         value->dump().substr(0, 60));
    if (!name.empty() && *value != share)
      return fields.fail("'" + Twine(name) + "' and '" + from +
                         "' differ; which is meant?");
    share = value->get<double>();
    name = from.str();
  };
  read(fields.value("partial_rotary_factor"), "partial_rotary_factor");
  for (StringRef object : {"rope_scaling", "rope_parameters"}) {
    const json *rope = fields.object(object);
    if (rope && rope->contains("partial_rotary_factor"))
      read(&(*rope)["partial_rotary_factor"],
           (object + ".partial_rotary_factor").str());
  }
  config.rotaryDim =
      static_cast<int64_t>(static_cast<double>(config.headDim) * share);
  if (!fields.failed() && (config.rotaryDim < 2 || config.rotaryDim % 2))
    fields.fail("'partial_rotary_factor' of a 'head_dim' of " +
                Twine(config.headDim) + " gives " + Twine(config.rotaryDim) +
                " features that are turned, but rotary embeddings turn pairs");
}

void readHybrid(JsonFields &fields, ModelConfig &config) {
  fields.ignore(irrelevantFields);
  config.hasOutputGate = fields.flag("attn_output_gate", true);
  config.storesNormsFromOne = config.storesLogRates = true;
  if (config.hiddenAct != HiddenAct::Silu)
    fields.fail("tern does not support 'hidden_act' = relu2 in a qwen3_5, "
                "whose convolutions have silu");
  config.deltaNet = readDeltaNet(fields);
  config.recurrentLayers = readLayerTypes(fields, config.layerCount);
  if (!fields.failed() && !is_contained(config.recurrentLayers, false))
    fields.fail("no layer has full_attention ('layer_types', "
                "'full_attention_interval'), which tern needs one of");
  readRotaryDim(fields, config);
}

} // namespace tern
