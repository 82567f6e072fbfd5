//===- lib/Import/ModelConfig.cpp - What config.json says -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/ModelConfig.h"

#include "ConfigFields.h"
#include "HybridConfig.h"
#include "ReadSchemes.h"
#include "ReadWeightForm.h"
#include "RotaryEmbedding.h"
#include "tern/Import/Schemes.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

StringRef toString(ActivationScheme scheme) {
  static constexpr StringLiteral names[] = {"int8_absmax", "int4_absmean",
                                            "fp4_e2m1", "f32"};
  return names[static_cast<size_t>(scheme)];
}

StringRef toString(ModelFamily family) {
  static constexpr StringLiteral names[] = {"bitnet", "llama", "qwen3",
                                            "minicpm", "qwen3_5"};
  return names[static_cast<size_t>(family)];
}

StringRef toString(Projection projection) {
  static constexpr StringLiteral names[] = {
      "q_proj",  "k_proj",    "v_proj",      "o_proj",    "gate_proj",
      "up_proj", "down_proj", "in_proj_qkv", "in_proj_z", "out_proj"};
  return names[static_cast<size_t>(projection)];
}

static constexpr uint64_t lineBytes = 64;

int64_t DeltaNet::matricesAt() const {
  return alignTo((taps - 1) * features() * sizeof(float), lineBytes);
}

int64_t DeltaNet::stateBytes() const {
  return alignTo(matricesAt() + keyDim * values() * sizeof(float), lineBytes);
}

int64_t ModelConfig::recurrentCount() const {
  return llvm::count(recurrentLayers, true);
}

SmallVector<Projection> ModelConfig::projections() const {
  ArrayRef<Projection> all(allProjections);
  return SmallVector<Projection>(
      deltaNet ? all : all.take_front(size_t(Projection::InQkv)));
}

bool ModelConfig::hasProjection(Projection projection, int64_t layer) const {
  if (projection >= Projection::InQkv)
    return isRecurrent(layer);
  return projection > Projection::O || !isRecurrent(layer);
}

ProjectionQuant ModelConfig::quantOfHead() const {
  if (headQuant)
    return *headQuant;
  ProjectionQuant own = quantOf(Projection::Q);
  own.topK.reset();
  own.hadamard = false;
  return own;
}

int64_t ModelConfig::rows(Projection projection) const {
  switch (projection) {
  case Projection::Q:
    return headCount * headDim * (hasOutputGate ? 2 : 1);
  case Projection::K:
  case Projection::V:
    return kvHeadCount * headDim;
  case Projection::Gate:
  case Projection::Up:
    return intermediateSize;
  case Projection::O:
  case Projection::Down:
  case Projection::Out:
    return hiddenSize;
  case Projection::InQkv:
    return deltaNet->features();
  case Projection::InZ:
    return deltaNet->values();
  }
  llvm_unreachable("all projections are covered");
}

int64_t ModelConfig::columns(Projection projection) const {
  if (projection == Projection::O)
    return headCount * headDim;
  if (projection == Projection::Out)
    return deltaNet->values();
  return projection == Projection::Down ? intermediateSize : hiddenSize;
}

//===----------------------------------------------------------------------===//
// Parts of the file
//===----------------------------------------------------------------------===//

namespace {

class ConfigReader {
public:
  ConfigReader(const json &root, StringRef file)
      : file(file.str()), fields(root, file.str(), "") {}

  Expected<ModelConfig> read() {
    readFamily();
    readSizes();
    readScales();
    if (config.family == ModelFamily::Qwen35)
      readHybrid(fields, config);
    readRope(fields, file, config);
    readBiases();
    readLayerTypes();
    readOtherFields(fields, config);
    Error problems = readWeightForm(fields, file, config);
    problems =
        joinErrors(std::move(problems), readSchemes(fields, file, config));
    checkShapes();
    if ((problems = joinErrors(std::move(problems), fields.finish())))
      return std::move(problems);
    if (Error error = checkSchemes(config, file))
      return std::move(error);
    return config;
  }

private:
  /// The family that `architectures` names, if it does.
  std::optional<ModelFamily> readClass() {
    static constexpr StringRef known[] = {
        "BitNetForCausalLM",  "BitnetForCausalLM",
        "LlamaForCausalLM",   "Qwen3ForCausalLM",
        "MiniCPMForCausalLM", "MiniCPM4ForCausalLM",
        "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration"};
    static constexpr ModelFamily families[] = {
        ModelFamily::BitNet, ModelFamily::BitNet,  ModelFamily::Llama,
        ModelFamily::Qwen3,  ModelFamily::MiniCpm, ModelFamily::MiniCpm,
        ModelFamily::Qwen35, ModelFamily::Qwen35};
    const json *names = fields.value("architectures");
    if (!names)
      return std::nullopt;
    bool one =
        names->is_array() && names->size() == 1 && (*names)[0].is_string();
    StringRef name =
        one ? StringRef((*names)[0].get_ref<const std::string &>()) : "";
    config.architecture = name.str();
    const StringRef *found = find(known, name);
    if (found != std::end(known))
      return families[found - known];
    fields.fail("'architectures' is expected to be one of " +
                join(ArrayRef<StringRef>(known), ", ") + ", but is " +
                names->dump().substr(0, 80));
    return std::nullopt;
  }

  /// The order of operations inside a layer is a property of the family, not of
  /// any field, so another family is refused rather than guessed.
  void readFamily() {
    // transformers makes minicpm4 of minicpm.
    static constexpr StringRef types[] = {
        "bitnet", "llama", "qwen3", "minicpm", "minicpm4", "qwen3_5_text"};
    static constexpr ModelFamily families[] = {
        ModelFamily::BitNet,  ModelFamily::Llama,   ModelFamily::Qwen3,
        ModelFamily::MiniCpm, ModelFamily::MiniCpm, ModelFamily::Qwen35};
    std::optional<ModelFamily> ofClass = readClass();
    // The class is all that some files of MiniCPM say.
    std::optional<unsigned> absent;
    if (ofClass == ModelFamily::MiniCpm)
      absent = static_cast<unsigned>(*ofClass);
    ModelFamily type = families[fields.choice("model_type", types, absent)];
    if (config.architecture.empty())
      config.architecture = toString(type).str();
    ModelFamily other = ofClass.value_or(type);
    bool isNew = std::max(type, other) > ModelFamily::Llama && !fields.failed();
    if (isNew && type != other)
      fields.fail("'model_type' = " + toString(type) +
                  " and 'architectures' = " + config.architecture +
                  " are not of one model; which is meant?");
    config.family = std::min(type, other); // a BitNet if one of the two says so
  }

  void readSizes() {
    constexpr int64_t wide = 1 << 20, tall = 1 << 24;
    config.hiddenSize = fields.integer("hidden_size", 4, wide);
    config.intermediateSize = fields.integer("intermediate_size", 4, wide);
    config.layerCount = fields.integer("num_hidden_layers", 1, 4096);
    config.headCount = fields.integer("num_attention_heads", 1, 65536);
    // The classes of the newer families have defaults of their own.
    bool mayLack = config.family <= ModelFamily::Llama;
    config.kvHeadCount = fields.integer(
        "num_key_value_heads", 1, 65536,
        mayLack ? std::optional(config.headCount) : std::nullopt);
    config.vocabSize = fields.integer("vocab_size", 1, tall);
    config.maxPositions = fields.integer("max_position_embeddings", 1, tall);
    config.rmsNormEps = fields.number("rms_norm_eps", 0, 1);
    static constexpr StringRef acts[] = {"relu2", "silu"};
    config.hiddenAct =
        fields.choice("hidden_act", acts) ? HiddenAct::Silu : HiddenAct::Relu2;
    config.tiedHead = fields.flag("tie_word_embeddings",
                                  config.family == ModelFamily::MiniCpm);
    if (fields.failed())
      return;
    if (config.hasHeadNorms()) {
      config.headDim = fields.integer(
          "head_dim", 2, 4096, config.family == ModelFamily::Qwen3 ? 128 : 256);
      config.rotaryDim = config.headDim;
      return;
    }
    if (!fields.value("head_dim") && config.hiddenSize % config.headCount)
      return fields.fail("'hidden_size' = " + Twine(config.hiddenSize) +
                         " is not a multiple of 'num_attention_heads' = " +
                         Twine(config.headCount) +
                         " and 'head_dim' is missing");
    config.headDim = fields.integer("head_dim", 2, 4096,
                                    config.hiddenSize / config.headCount);
    config.rotaryDim = config.headDim;
  }

  /// Of MiniCPM: of the embedding, of the depth and of the width.
  void readScales() {
    if (config.family != ModelFamily::MiniCpm)
      return;
    double embedding = fields.number("scale_emb", 0, 1e6);
    double depth = fields.number("scale_depth", 0, 1e6);
    double base = fields.number("dim_model_base", 0, 1e9);
    config.embeddingScale = static_cast<float>(embedding);
    config.residualScale = static_cast<float>(
        depth / std::sqrt(static_cast<double>(config.layerCount)));
    config.headDivisor =
        static_cast<float>(static_cast<double>(config.hiddenSize) / base);
    for (float scale :
         {config.embeddingScale, config.residualScale, config.headDivisor})
      if (!(scale > 0) || !std::isfinite(scale))
        fields.fail("'scale_emb', 'scale_depth' and 'dim_model_base' are "
                    "expected to give float32 numbers above 0");
  }

  /// The tensors decide where the config does not say.
  void readBiases() {
    for (auto [name, bias] :
         {std::pair{"attention_bias", &config.attentionBias},
          std::pair{"mlp_bias", &config.mlpBias}})
      if (fields.value(name))
        *bias = fields.flag(name, false);
  }

  /// Newer writers name the kind of each layer's attention.
  void readLayerTypes() {
    const json *types = fields.value("layer_types");
    if (!types || config.deltaNet)
      return;
    if (*types ==
        json(std::vector<std::string>(types->size(), "full_attention"))) {
      if (!fields.failed() &&
          static_cast<int64_t>(types->size()) != config.layerCount)
        fields.fail("'layer_types' has " + Twine(types->size()) +
                    " entries, but 'num_hidden_layers' is " +
                    Twine(config.layerCount));
      return;
    }
    fields.fail("tern does not support 'layer_types' = " +
                types->dump().substr(0, 60) + "; only full_attention is");
  }

  void checkShapes() {
    if (fields.failed())
      return;
    if (config.headCount % config.kvHeadCount)
      fields.fail("'num_attention_heads' = " + Twine(config.headCount) +
                  " is not a multiple of 'num_key_value_heads' = " +
                  Twine(config.kvHeadCount));
    // Kernels have code for each head that shares keys and values.
    if (config.headCount > 128 * config.kvHeadCount)
      fields.fail("'num_attention_heads' = " + Twine(config.headCount) +
                  " is more than 128 times 'num_key_value_heads' = " +
                  Twine(config.kvHeadCount) +
                  ", but at most 128 heads can share keys and values");
    if (config.headDim % 2)
      fields.fail("'head_dim' = " + Twine(config.headDim) +
                  " is odd, but rotary embeddings turn pairs");
    // Activations are integers up to 128, sums of K of them must fit in 32
    // bits.
    if (config.headCount * config.headDim >= 1 << 24)
      fields.fail("'num_attention_heads' times 'head_dim' is expected to be "
                  "below " +
                  Twine(1 << 24));
    checkWeightShapes(fields, config);
  }

  std::string file;
  JsonFields fields;
  ModelConfig config;
};

} // namespace

Expected<ModelConfig> ModelConfig::parse(StringRef text, StringRef file) {
  Expected<json> root = parseJson(text, file);
  if (!root)
    return root.takeError();
  if (Error error = takeTextConfig(*root, file))
    return std::move(error);
  return ConfigReader(*root, file).read();
}

Expected<ModelConfig> ModelConfig::read(StringRef path) {
  Expected<std::string> text = readTextFile(path, 1 << 22);
  if (!text)
    return text.takeError();
  return parse(*text, path);
}

} // namespace tern
