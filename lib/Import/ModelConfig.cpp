//===- lib/Import/ModelConfig.cpp - What config.json says -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/ModelConfig.h"

#include "ConfigFields.h"
#include "ReadSchemes.h"
#include "RotaryEmbedding.h"
#include "tern/Import/Schemes.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

StringRef toString(ActivationScheme scheme) {
  static constexpr StringLiteral names[] = {"int8_absmax", "int4_absmean",
                                            "fp4_e2m1", "f32"};
  return names[static_cast<size_t>(scheme)];
}

StringRef toString(Projection projection) {
  static constexpr StringLiteral names[] = {"q_proj",   "k_proj",    "v_proj",
                                            "o_proj",   "gate_proj", "up_proj",
                                            "down_proj"};
  return names[static_cast<size_t>(projection)];
}

int64_t ModelConfig::rows(Projection projection) const {
  switch (projection) {
  case Projection::Q:
    return headCount * headDim;
  case Projection::K:
  case Projection::V:
    return kvHeadCount * headDim;
  case Projection::Gate:
  case Projection::Up:
    return intermediateSize;
  case Projection::O:
  case Projection::Down:
    return hiddenSize;
  }
  llvm_unreachable("all projections are covered");
}

int64_t ModelConfig::columns(Projection projection) const {
  if (projection == Projection::O)
    return headCount * headDim;
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
    readRope(fields, file, config);
    readBiases();
    readLayerTypes();
    readOtherFields(fields, config);
    Error problems = readWeightForm();
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
  /// The order of operations inside a layer is a property of the family, not of
  /// any field, so another family is refused rather than guessed.
  void readFamily() {
    static constexpr StringRef types[] = {"bitnet", "llama"};
    unsigned type = fields.choice("model_type", types);
    config.architecture = types[type].str();
    bitnetFamily = type == 0;
    const json *names = fields.value("architectures");
    if (!names)
      return;
    static constexpr StringRef known[] = {
        "BitNetForCausalLM", "BitnetForCausalLM", "LlamaForCausalLM"};
    bool one =
        names->is_array() && names->size() == 1 && (*names)[0].is_string();
    StringRef name =
        one ? StringRef((*names)[0].get_ref<const std::string &>()) : "";
    if (!is_contained(known, name))
      fields.fail("'architectures' is expected to be one of " +
                  join(ArrayRef<StringRef>(known), ", ") + ", but is " +
                  names->dump().substr(0, 80));
    bitnetFamily |= name != known[2];
    config.architecture = name.str();
  }

  void readSizes() {
    constexpr int64_t wide = 1 << 20, tall = 1 << 24;
    config.hiddenSize = fields.integer("hidden_size", 4, wide);
    config.intermediateSize = fields.integer("intermediate_size", 4, wide);
    config.layerCount = fields.integer("num_hidden_layers", 1, 4096);
    config.headCount = fields.integer("num_attention_heads", 1, 65536);
    config.kvHeadCount =
        fields.integer("num_key_value_heads", 1, 65536, config.headCount);
    config.vocabSize = fields.integer("vocab_size", 1, tall);
    config.maxPositions = fields.integer("max_position_embeddings", 1, tall);
    config.rmsNormEps = fields.number("rms_norm_eps", 0, 1);
    static constexpr StringRef acts[] = {"relu2", "silu"};
    config.hiddenAct =
        fields.choice("hidden_act", acts) ? HiddenAct::Silu : HiddenAct::Relu2;
    config.tiedHead = fields.flag("tie_word_embeddings", false);
    if (fields.failed())
      return;
    if (!fields.value("head_dim") && config.hiddenSize % config.headCount)
      return fields.fail("'hidden_size' = " + Twine(config.hiddenSize) +
                         " is not a multiple of 'num_attention_heads' = " +
                         Twine(config.headCount) +
                         " and 'head_dim' is missing");
    config.headDim = fields.integer("head_dim", 2, 4096,
                                    config.hiddenSize / config.headCount);
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
    if (types && *types != json(std::vector<std::string>(types->size(),
                                                         "full_attention")))
      fields.fail("tern does not support 'layer_types' = " +
                  types->dump().substr(0, 60) + "; only full_attention is");
  }

  Error readWeightForm() {
    refuseOtherQuantization(fields);
    if (fields.failed())
      return Error::success();
    const json *quantization = fields.object("quantization_config");
    if (!quantization) {
      if (!bitnetFamily && !fields.value("weight_bits"))
        fields.fail("nothing says that this model is ternary: "
                    "'quantization_config' is missing and 'architectures' is "
                    "not a BitNet");
      return Error::success();
    }
    JsonFields inner(*quantization, file, "quantization_config.");
    static constexpr StringRef methods[] = {"bitnet"};
    static constexpr StringRef classes[] = {"bitlinear", "autobitlinear"};
    static constexpr StringRef modes[] = {"offline", "online"};
    inner.choice("quant_method", methods);
    bool automatic = inner.choice("linear_class", classes, 0) == 1;
    bool online = inner.choice("quantization_mode", modes, 0) == 1;
    if (online && !automatic)
      inner.fail("'quantization_config.quantization_mode' = online needs "
                 "'linear_class' = autobitlinear");
    double eps = inner.number("rms_norm_eps", 0, 1, 1e-6);
    if (inner.flag("use_rms_norm", false))
      config.innerNormEps = eps;
    inner.integer("bits", 2, 2, 2); // what one converter adds
    const json *exempt = inner.value("modules_to_not_convert");
    auto isNeverTernary = [](const json &name) {
      return name == "lm_head" || name == "model.embed_tokens" ||
             name == "model.norm";
    };
    if (exempt && !(exempt->is_array() && all_of(*exempt, isNeverTernary)))
      inner.fail("tern does not support 'quantization_config."
                 "modules_to_not_convert' = " +
                 exempt->dump().substr(0, 60));
    config.weightForm = online      ? WeightForm::Masters
                        : automatic ? WeightForm::Multiplies
                                    : WeightForm::Divides;
    inner.ignoreEmpty();
    return inner.finish();
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
    if (config.weightForm == WeightForm::Masters)
      return;
    for (Projection projection : allProjections)
      if (config.rows(projection) % 4)
        fields.fail(
            "the " + Twine(config.rows(projection)) + " rows of " +
            tern::toString(projection) +
            " are not a multiple of 4, as packed ternary matrices need");
  }

  std::string file;
  JsonFields fields;
  ModelConfig config;
  bool bitnetFamily = false;
};

} // namespace

Expected<ModelConfig> ModelConfig::parse(StringRef text, StringRef file) {
  Expected<json> root = parseJson(text, file);
  if (!root)
    return root.takeError();
  return ConfigReader(*root, file).read();
}

Expected<ModelConfig> ModelConfig::read(StringRef path) {
  Expected<std::string> text = readTextFile(path, 1 << 22);
  if (!text)
    return text.takeError();
  return parse(*text, path);
}

} // namespace tern
