//===- lib/Import/Schemes.cpp - Ways to quantize --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Schemes.h"

#include "ReadSchemes.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

//===----------------------------------------------------------------------===//
// Presets
//===----------------------------------------------------------------------===//

static constexpr ProjectionQuant plain(ActivationScheme scheme) {
  return {scheme, std::nullopt, false};
}
static constexpr ProjectionQuant inBlocks(ProjectionQuant quant,
                                          int64_t block) {
  return {quant.scheme, quant.topK, quant.hadamard, block};
}
static constexpr ProjectionQuant half(ProjectionQuant quant) {
  return {quant.scheme, 0.5, quant.hadamard};
}
static constexpr ProjectionQuant mixed(ProjectionQuant quant) {
  return {quant.scheme, quant.topK, true};
}

static constexpr ProjectionQuant int8 = plain(ActivationScheme::Int8AbsMax);
static constexpr ProjectionQuant int4 = plain(ActivationScheme::Int4AbsMean);
static constexpr ProjectionQuant fp4 = plain(ActivationScheme::Fp4E2M1);
static constexpr ProjectionQuant int8Of128 = inBlocks(int8, 128);
static constexpr ProjectionQuant int8Of32 = inBlocks(int8, 32);
static constexpr ProjectionQuant f32 = plain(ActivationScheme::Float32);

/// docs/schemes.md holds the same table.
static constexpr SchemePreset presets[] = {
    // name, summary, q k v, o, gate up, down, cache
    {"b1.58", "int8 everywhere, cache of 16 bits", int8, int8, int8, int8, 16,
     16},
    {"a4.8", "BitNet a4.8: int4, top 50 % into o, cache of 3 bits", int4,
     half(int8), int4, int8, 3, 4},
    {"a4.8-fp4", "the same with fp4, into o too", fp4, half(fp4), fp4, int8, 3,
     4},
    {"v2", "BitNet v2: int4 everywhere, Hadamard before o and down", int4,
     mixed(int4), int4, mixed(int4), 3, 8},
    {"v2-a8", "the same with int8, cache of 16 bits", int8, mixed(int8), int8,
     mixed(int8), 16, 16},
    {"int8-128", "int8 in blocks of 128 inputs, cache of 16 bits", int8Of128,
     int8Of128, int8Of128, int8Of128, 16, 16},
    {"int8-32", "the same in blocks of 32", int8Of32, int8Of32, int8Of32,
     int8Of32, 16, 16},
    {"float", "f32 as they are, for comparison: slow, cache of 16 bits", f32,
     f32, f32, f32, 16, 16},
};

ArrayRef<SchemePreset> schemePresets() { return presets; }

static void apply(const SchemePreset &preset, ModelConfig &config) {
  for (Projection projection : config.projections()) {
    ProjectionQuant &quant = config.quant[static_cast<size_t>(projection)];
    switch (projection) {
    case Projection::Q:
    case Projection::K:
    case Projection::V:
    case Projection::InQkv:
    case Projection::InZ:
      quant = preset.attention;
      break;
    case Projection::O:
    case Projection::Out:
      quant = preset.output;
      break;
    case Projection::Gate:
    case Projection::Up:
      quant = preset.gated;
      break;
    case Projection::Down:
      quant = preset.down;
      break;
    }
  }
  config.headQuant.reset();
  config.kvBits = preset.kvBits;
  config.bosBits = preset.bosBits;
  config.qBits = 8;
}

void setWeightOnly(ModelConfig &config) {
  config.weightOnly = true;
  if (config.saysActivations)
    return;
  for (Projection projection : config.projections()) {
    int64_t columns = config.columns(projection);
    int64_t block = columns % defaultBlock ? columns & -columns : defaultBlock;
    config.quant[static_cast<size_t>(projection)] =
        block < smallestBlock ? int8 : inBlocks(int8, block);
  }
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// The object `name` of `activation_quantization`, if there is one.
static Error readQuant(JsonFields &all, StringRef file, StringRef name,
                       std::optional<ProjectionQuant> &result) {
  const json *one = all.object(name);
  if (!one)
    return Error::success();
  JsonFields inner(*one, file.str(),
                   "activation_quantization." + name.str() + ".");
  static constexpr StringRef schemes[] = {"int8_absmax", "int4_absmean",
                                          "fp4_e2m1", "f32"};
  ProjectionQuant &quant = result.emplace();
  quant.scheme = static_cast<ActivationScheme>(inner.choice("scheme", schemes));
  double share = inner.number("topk", 0, 1, 1);
  if (share < 1)
    quant.topK = share;
  quant.hadamard = inner.flag("hadamard", false);
  quant.block = inner.integer("block", smallestBlock, int64_t(1) << 24, 0);
  return inner.finish();
}

static Error readActivations(JsonFields &fields, StringRef file,
                             ModelConfig &config) {
  const json *all = fields.object("activation_quantization");
  if (!all)
    return Error::success();
  config.quant = {};
  config.saysActivations = true;
  JsonFields byProjection(*all, file.str(), "activation_quantization.");
  for (Projection projection : config.projections()) {
    std::optional<ProjectionQuant> quant;
    if (Error error =
            readQuant(byProjection, file, toString(projection), quant))
      return error;
    config.quant[static_cast<size_t>(projection)] =
        quant.value_or(ProjectionQuant());
  }
  config.headQuant.reset();
  if (Error error = readQuant(byProjection, file, "lm_head", config.headQuant))
    return error;
  return byProjection.finish();
}

static Error readCache(JsonFields &fields, StringRef file,
                       ModelConfig &config) {
  const json *cache = fields.object("kv_cache_quantization");
  if (!cache)
    return Error::success();
  JsonFields inner(*cache, file.str(), "kv_cache_quantization.");
  auto width = [&](StringRef name, int64_t absent) {
    int64_t bits = inner.integer(name, 3, 16, absent);
    if (bits != 3 && bits != 4 && bits != 8 && bits != 16)
      inner.fail(inner.quoted(name) +
                 " is expected to be 3, 4, 8 or 16, but is " + Twine(bits));
    return static_cast<unsigned>(bits);
  };
  config.kvBits = width("bits", 16);
  config.bosBits = width("bos_bits", config.kvBits);
  if ((config.kvBits == 16) != (config.bosBits == 16))
    inner.fail("'kv_cache_quantization.bos_bits' and 'bits' are expected to "
               "be both 16 or both less");
  config.qBits = static_cast<unsigned>(inner.integer("q_bits", 4, 8, 8));
  if (config.qBits != 4 && config.qBits != 8)
    inner.fail("'kv_cache_quantization.q_bits' is expected to be 4 or 8, but "
               "is " +
               Twine(config.qBits));
  return inner.finish();
}

Error readSchemes(JsonFields &fields, StringRef file, ModelConfig &config) {
  if (Error error = readActivations(fields, file, config))
    return error;
  return readCache(fields, file, config);
}

static Error readFile(StringRef path, ModelConfig &config) {
  Expected<std::string> text = readTextFile(path, 1 << 20);
  if (!text)
    return text.takeError();
  Expected<json> root = parseJson(*text, path);
  if (!root)
    return root.takeError();
  JsonFields fields(*root, path.str(), "");
  if (Error error = readSchemes(fields, path, config))
    return error;
  return fields.finish();
}

//===----------------------------------------------------------------------===//
// Overrides
//===----------------------------------------------------------------------===//

static std::optional<Projection> findProjection(StringRef name) {
  for (Projection projection : allProjections)
    if (toString(projection) == name)
      return projection;
  return std::nullopt;
}

Expected<std::vector<std::pair<Projection, double>>> parseTopK(StringRef text) {
  std::vector<std::pair<Projection, double>> shares;
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [name, share] = part.contains('=')
                             ? part.split('=')
                             : std::pair<StringRef, StringRef>("o_proj", part);
    std::optional<Projection> projection = findProjection(name);
    double value;
    if (!projection || share.getAsDouble(value) || !(value > 0 && value <= 1))
      return createStringError(
          "a share above 0 and at most 1 is expected, of o_proj or, with a "
          "name before it, of q_proj, k_proj, v_proj, o_proj, gate_proj, "
          "up_proj, down_proj, in_proj_qkv, in_proj_z or out_proj, as in "
          "'o_proj=0.5,down_proj=0.4'; not '" +
          part + "'");
    shares.push_back({*projection, value});
  }
  return shares;
}

static Error applyActivations(StringRef choice, ModelConfig &config) {
  for (const SchemePreset &preset : presets)
    if (preset.name == choice) {
      apply(preset, config);
      return Error::success();
    }
  if (sys::fs::exists(choice))
    return readFile(choice, config);
  std::string names;
  for (const SchemePreset &preset : presets)
    names += (preset.name + ", ").str();
  return createStringError("the activations '" + choice + "' are not one of " +
                           StringRef(names).drop_back(2) +
                           " nor a file that says more");
}

Error applySchemes(const SchemeOverrides &overrides, ModelConfig &config,
                   StringRef what) {
  if (!overrides.activations.empty())
    if (Error error = applyActivations(overrides.activations, config))
      return error;
  for (auto [projection, share] : overrides.topK) {
    if (!is_contained(config.projections(), projection))
      return fileError(what, "a share of the inputs of " +
                                 toString(projection) +
                                 " was asked for, which no layer has");
    config.quant[static_cast<size_t>(projection)].topK =
        share < 1 ? std::optional<double>(share) : std::nullopt;
  }
  return checkSchemes(config, what);
}

/// Of the `features` inputs of a matrix that messages call `name`.
static Error checkScheme(const ProjectionQuant &quant, int64_t features,
                         StringRef name, StringRef what) {
  bool isFloat = quant.scheme == ActivationScheme::Float32;
  if (isFloat && (quant.block || quant.topK))
    return fileError(what, "the activations of " + name +
                               " stay f32, so they have neither a 'block' "
                               "nor a 'topk'");
  if (quant.block && features % quant.block)
    return fileError(what, "activations in blocks of " + Twine(quant.block) +
                               " were asked for, which do not divide the " +
                               Twine(features) + " inputs of " + name);
  if (quant.hadamard && hadamardBlock(features) < smallestHadamardBlock)
    return fileError(what, "a Hadamard transform of the " + Twine(features) +
                               " inputs of " + name +
                               " was asked for, but only a multiple of " +
                               Twine(smallestHadamardBlock) + " can be mixed");
  return Error::success();
}

Error checkSchemes(const ModelConfig &config, StringRef what) {
  using P = Projection;
  for (auto [one, other] : {std::pair(P::Q, P::K),
                            {P::Q, P::V},
                            {P::Gate, P::Up},
                            {P::InQkv, P::InZ}})
    if (!(config.quantOf(one) == config.quantOf(other)))
      return fileError(what, "the activations of " + toString(one) + " and " +
                                 toString(other) +
                                 " are quantized once, so "
                                 "'activation_quantization' must say the same "
                                 "of both");
  for (Projection projection : config.projections())
    if (Error error =
            checkScheme(config.quantOf(projection), config.columns(projection),
                        toString(projection), what))
      return error;
  return checkScheme(config.quantOfHead(), config.hiddenSize, "lm_head", what);
}

Error checkHeadScheme(const ModelConfig &config, StringRef what) {
  if (!config.headQuant || config.ternaryHead)
    return Error::success();
  return fileError(what, "'activation_quantization.lm_head' is of a ternary "
                         "head, but the head of this model holds floats");
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string describe(const ProjectionQuant &quant, int64_t features) {
  std::string text = toString(quant.scheme).str();
  if (quant.block)
    text += formatv(" in blocks of {0}", quant.block).str();
  if (quant.topK)
    text += formatv(", top {0:F1} %", *quant.topK * 100).str();
  if (quant.hadamard)
    text +=
        formatv(", Hadamard in blocks of {0}", hadamardBlock(features)).str();
  return text;
}

std::string describeSchemes(const ModelConfig &config) {
  std::string text, last;
  auto add = [&](const ProjectionQuant &quant, int64_t features,
                 StringRef name) {
    std::string one = describe(quant, features);
    if (one != last)
      text += (text.empty() ? "" : "; ") + one + ":";
    text += (" " + name).str();
    last = one;
  };
  for (Projection projection : config.projections())
    add(config.quantOf(projection), config.columns(projection),
        toString(projection));
  if (config.ternaryHead)
    add(config.quantOfHead(), config.hiddenSize, "lm_head");
  text += formatv("; cache of {0} bits", config.kvBits).str();
  if (config.kvBits < 16)
    text += formatv(", first position {0}, queries {1}", config.bosBits,
                    config.qBits)
                .str();
  return text;
}

} // namespace tern
