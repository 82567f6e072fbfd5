//===- lib/Import/GgufNames.cpp - What GGUF calls things ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace tern {

namespace {
struct Renamed {
  StringLiteral gguf, huggingFace;
};
} // namespace

/// Ternary matrices first, in the order of ternaryPlace, then those of
/// recurrent layers, which have none. Of two names for one thing the first is
/// usual.
static constexpr Renamed layerTensors[] = {
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"attn_qkv", "linear_attn.in_proj_qkv"},
    {"attn_gate", "linear_attn.in_proj_z"},
    {"ssm_out", "linear_attn.out_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_norm", "input_layernorm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"post_attention_norm", "post_attention_layernorm"},
    {"ssm_beta", "linear_attn.in_proj_b"},
    {"ssm_alpha", "linear_attn.in_proj_a"},
    {"ssm_conv1d", "linear_attn.conv1d"},
    {"ssm_norm", "linear_attn.norm"},
    {"attn_sub_norm", "self_attn.attn_sub_norm"},
    {"attn_sub_norm", "self_attn.inner_attn_ln"},
    {"ffn_sub_norm", "mlp.ffn_sub_norm"},
    {"ffn_sub_norm", "mlp.ffn_layernorm"},
};
static constexpr size_t placedCount = 7, ternaryCount = 10;
static constexpr Renamed otherTensors[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

static constexpr StringLiteral ggufLayer = "blk.", hfLayer = "model.layers.";

namespace {

/// "blk.3.attn_q.weight" has the prefix "blk.3.", stem "attn_q" and kind
/// "weight".
struct NameParts {
  StringRef layer, stem, kind;
  ArrayRef<Renamed> table = otherTensors;

  NameParts(StringRef name, StringRef layerPrefix) {
    if (name.consume_front(layerPrefix)) {
      table = layerTensors;
      std::tie(layer, name) = name.split('.');
      // One spelling for each number, so that no two names become one.
      if (layer.empty() || !all_of(layer, isDigit) ||
          (layer.size() > 1 && layer[0] == '0'))
        return;
    }
    std::tie(stem, kind) = name.rsplit('.');
  }
  std::string joined(StringRef layerPrefix, StringRef otherStem,
                     StringRef otherKind) const {
    std::string tail = (otherStem + "." + otherKind).str();
    return layer.empty() ? tail : (layerPrefix + layer + "." + tail).str();
  }
};

} // namespace

/// Vectors that are no weight or bias of another thing.
static constexpr Renamed vectors[] = {{"ssm_a", "linear_attn.A_log"},
                                      {"ssm_dt.bias", "linear_attn.dt_bias"}};

std::string huggingFaceName(StringRef name) {
  NameParts parts(name, ggufLayer);
  if (!parts.layer.empty())
    for (const Renamed &vector : vectors)
      if (name.ends_with(("." + parts.layer + "." + vector.gguf).str()))
        return (hfLayer + parts.layer + "." + vector.huggingFace).str();
  const Renamed *found = find_if(
      parts.table, [&](const Renamed &r) { return r.gguf == parts.stem; });
  bool isScale = parts.kind == "scale";
  if (found == parts.table.end() ||
      !(isScale || parts.kind == "weight" || parts.kind == "bias"))
    return "";
  return parts.joined(hfLayer, found->huggingFace,
                      isScale ? "weight_scale" : parts.kind);
}

static const Renamed *findByHuggingFace(const NameParts &parts) {
  const Renamed *found = find_if(parts.table, [&](const Renamed &r) {
    return r.huggingFace == parts.stem;
  });
  return found == parts.table.end() ? nullptr : found;
}

std::string ggufName(StringRef name) {
  NameParts parts(name, hfLayer);
  const Renamed *found = findByHuggingFace(parts);
  if (!found || (parts.kind != "weight" && parts.kind != "bias"))
    return "";
  return parts.joined(ggufLayer, found->gguf, parts.kind);
}

bool isTernaryName(StringRef name) {
  NameParts parts(name, hfLayer);
  const Renamed *found = findByHuggingFace(parts);
  return parts.kind == "weight" && found >= layerTensors &&
         found < layerTensors + ternaryCount;
}

std::optional<uint64_t> ternaryPlace(StringRef name) {
  NameParts parts(name, hfLayer);
  const Renamed *found = findByHuggingFace(parts);
  uint32_t layer;
  if (!isTernaryName(name) || found >= layerTensors + placedCount ||
      parts.layer.getAsInteger(10, layer))
    return std::nullopt;
  return uint64_t(layer) * placedCount + (found - layerTensors);
}

bool hasPairedRows(StringRef architecture, StringRef name) {
  NameParts parts(name, ggufLayer);
  return (architecture == "llama" || architecture == "minicpm") &&
         !parts.layer.empty() &&
         (parts.stem == "attn_q" || parts.stem == "attn_k") &&
         (parts.kind == "weight" || parts.kind == "bias");
}

} // namespace tern
