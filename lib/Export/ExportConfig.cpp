//===- lib/Export/ExportConfig.cpp - A config as GGUF metadata ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportConfig.h"

#include "tern/Import/GgufNames.h"

#include "nlohmann/json.hpp"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

/// The object that scales the rotary embedding, as the config has it.
static json ropeScaling(const TokenizerSources &sources) {
  json root = json::parse(sources.config, nullptr, false);
  for (StringRef field : ropeFields)
    if (auto found = root.find(field.str());
        found != root.end() && found->is_object())
      return *found;
  return json::object();
}

static std::string ropeKind(const json &scaling) {
  for (const char *name : {"rope_type", "type"})
    if (auto found = scaling.find(name);
        found != scaling.end() && found->is_string())
      return found->get<std::string>();
  return "default";
}

//===----------------------------------------------------------------------===//
// Architectures
//===----------------------------------------------------------------------===//

/// The part of the model that other engines' graph of its family lacks; null if
/// they have all.
static const char *findObstacle(const Checkpoint &checkpoint,
                                const TokenizerSources &sources) {
  const ModelConfig &config = checkpoint.config();
  bool isQwen3 = config.family == ModelFamily::Qwen3;
  if (!checkpoint.attentionSubNormName().empty() ||
      !checkpoint.ffnSubNormName().empty())
    return "sub-norms in a graph that is not BitNet's";
  if (config.hiddenAct == HiddenAct::Relu2)
    return "relu2 without sub-norms";
  if (isQwen3 && any_of(config.projections(), [&](Projection projection) {
        return checkpoint.hasBias(projection);
      }))
    return "both biases and norms of heads";
  if (isQwen3 && !config.ropeDivisors.empty() &&
      !is_contained({"yarn", "linear"}, ropeKind(ropeScaling(sources))))
    return "norms of heads and rotary embeddings that are scaled so";
  return nullptr;
}

Expected<std::string> chooseArchitecture(const Checkpoint &checkpoint,
                                         const TokenizerSources &sources,
                                         const ExportOptions &options) {
  const ModelConfig &config = checkpoint.config();
  if (config.deltaNet)
    return createStringError(checkpoint.directory() +
                             ": tern writes no GGUF files of models with "
                             "recurrent layers");
  if (!options.architecture.empty())
    return options.architecture;
  auto refuse = [&](const char *what) {
    return createStringError(checkpoint.directory() +
                             ": no architecture of other engines has " + what +
                             "; --arch=NAME writes the file nevertheless");
  };
  if (config.family > ModelFamily::Llama) {
    if (const char *obstacle = findObstacle(checkpoint, sources))
      return refuse(obstacle);
    return toString(config.family).str();
  }
  bool subNorms = !checkpoint.attentionSubNormName().empty();
  bool relu2 = config.hiddenAct == HiddenAct::Relu2;
  bool biases = any_of(config.projections(), [&](Projection projection) {
    return checkpoint.hasBias(projection);
  });
  if (!subNorms && relu2)
    return refuse("relu2 without sub-norms");
  if (subNorms && biases)
    return refuse("both biases and sub-norms");
  std::string architecture = !subNorms ? "llama"
                             : relu2   ? "bitnet-b1.58"
                                       : "bitnet";
  if (architecture != "bitnet")
    return architecture;
  if (!config.tiedHead)
    return refuse("sub-norms with silu and a head of its own");
  if (config.headCount * config.headDim != config.hiddenSize)
    return refuse("sub-norms with silu and heads that are not as wide together "
                  "as the model");
  if (!config.ropeDivisors.empty())
    return refuse("sub-norms with silu and scaled rotary embeddings");
  return architecture;
}

//===----------------------------------------------------------------------===//
// Sizes and schemes
//===----------------------------------------------------------------------===//

void ConfigMetadata::addConfig(std::optional<uint32_t> fileType) {
  writer.addText("general.architecture", architecture);
  if (fileType)
    writer.addInteger("general.file_type", *fileType);
  writer.addInteger("general.quantization_version", 2);
  for (auto [field, value] :
       {std::pair<StringRef, int64_t>{"context_length", config.maxPositions},
        {"embedding_length", config.hiddenSize},
        {"block_count", config.layerCount},
        {"feed_forward_length", config.intermediateSize},
        {"attention.head_count", config.headCount},
        {"attention.head_count_kv", config.kvHeadCount},
        {"attention.key_length", config.headDim},
        {"attention.value_length", config.headDim},
        {"rope.dimension_count", config.headDim},
        {"vocab_size", config.vocabSize}})
    writer.addInteger(key(field), static_cast<uint32_t>(value));
  writer.addNumber(key("attention.layer_norm_rms_epsilon"),
                   static_cast<float>(config.rmsNormEps));
  writer.addNumber(key("rope.freq_base"), static_cast<float>(config.ropeTheta));
  if (config.family == ModelFamily::MiniCpm) {
    writer.addNumber(key("embedding_scale"), config.embeddingScale);
    writer.addNumber(key("residual_scale"), config.residualScale);
    writer.addNumber(key("logit_scale"), config.headDivisor);
  }
  // Engines that have this key for bitnet know relu2 by it and take silu if it
  // is absent; by "silu" they mean another graph.
  if (config.hiddenAct == HiddenAct::Relu2)
    writer.addText(key("hidden_activation"), "relu2");
  else if (architecture.starts_with("bitnet"))
    writer.addText(ternHiddenActKey.str(), "silu");
}

/// Copies an object of the config; false if there is none.
bool ConfigMetadata::carry(StringRef field) {
  json root = json::parse(sources.config, nullptr, false);
  auto found = root.find(field.str());
  if (found == root.end() || found->is_null())
    return false;
  writer.addText((ternPrefix + field).str(), found->dump());
  return true;
}

/// No engine has keys for these; tern reads its own back.
/// Readers take a model of groups for one that was trained with floats, unless
/// its architecture is a BitNet's; the opposite has to be said.
bool ConfigMetadata::needsActivations() const {
  bool hasGroups = any_of(config.projections(), [&](Projection projection) {
    return checkpoint.scaleShape(projection).groups > 1;
  });
  return !config.saysActivations &&
         config.weightOnly !=
             (hasGroups && !architecture.starts_with("bitnet"));
}

void ConfigMetadata::addActivations() {
  json all = json::object();
  for (Projection projection : config.projections()) {
    const ProjectionQuant &quant = config.quantOf(projection);
    json &one = all[toString(projection).str()];
    one["scheme"] = toString(quant.scheme).str();
    if (quant.block)
      one["block"] = quant.block;
  }
  writer.addText((ternPrefix + schemeFields[0]).str(), all.dump());
}

void ConfigMetadata::addSchemes(std::vector<std::string> &notes) {
  bool any = false;
  for (StringRef field : schemeFields)
    any |= carry(field);
  if (needsActivations())
    addActivations();
  if (any)
    notes.push_back("other engines compute this model with 8-bit activations "
                    "and a KV cache of their own");
}

//===----------------------------------------------------------------------===//
// Rotary embeddings
//===----------------------------------------------------------------------===//

/// Engines have keys for some of the scaled ones, and a tensor for the rest;
/// the formula is kept too, since it is not rounded.
void ConfigMetadata::addRope() {
  if (config.ropeDivisors.empty())
    return;
  for (StringRef field : ropeFields)
    carry(field);
  json scaling = ropeScaling(sources);
  std::string kind = ropeKind(scaling);
  auto addOriginal = [&] {
    writer.addText(key("rope.scaling.type"), kind);
    writer.addInteger(
        key("rope.scaling.original_context_length"),
        static_cast<uint32_t>(
            scaling["original_max_position_embeddings"].get<double>()));
  };
  if (kind == "yarn") {
    addOriginal();
    addYarn(scaling);
  } else if (kind == "longrope") {
    addOriginal();
    if (config.ropeFactor != 1)
      writer.addNumber(key("rope.scaling.attn_factor"),
                       static_cast<float>(config.ropeFactor));
    addFactors(shortFactorsName);
    addFactors(longFactorsName);
  } else if (kind == "linear" && config.family == ModelFamily::Qwen3) {
    writer.addText(key("rope.scaling.type"), kind);
    writer.addNumber(key("rope.scaling.factor"),
                     static_cast<float>(config.ropeDivisors[0]));
  } else {
    addFactors(ropeFactorsName);
  }
}

void ConfigMetadata::addYarn(const json &scaling) {
  auto factor = scaling["factor"].get<double>();
  writer.addNumber(key("rope.scaling.factor"), static_cast<float>(factor));
  for (const char *name : {"beta_fast", "beta_slow"})
    if (auto found = scaling.find(name);
        found != scaling.end() && found->is_number())
      writer.addNumber(key((Twine("rope.scaling.yarn_") + name).str()),
                       found->get<float>());
  // Engines multiply it with what follows from the factor.
  double implied = factor <= 1 ? 1 : 0.1 * std::log(factor) + 1.0;
  if (config.ropeFactor != implied)
    writer.addNumber(key("rope.scaling.attn_factor"),
                     static_cast<float>(config.ropeFactor / implied));
}

void ConfigMetadata::addFactors(StringRef name) {
  std::vector<float> factors(config.ropeDivisors.begin(),
                             config.ropeDivisors.end());
  writer.addTensor(name.str(), {static_cast<int64_t>(factors.size())},
                   *findGgufEncoding("f32"),
                   [factors = std::move(factors)](GgufWriter::Sink sink) {
                     return sink(asBytes(factors));
                   });
}

} // namespace tern
