//===- lib/Import/WeightForms.cpp - How weights are stored ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReadWeightForm.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

/// BitNet's trainers.
static Error readBitNet(const json &quantization, StringRef file,
                        ModelConfig &config) {
  JsonFields inner(quantization, file.str(), "quantization_config.");
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

/// MLX: codes of any width, of which those of two bits may be digits.
static Error readAffine(const json &quantization, StringRef file,
                        ModelConfig &config) {
  JsonFields inner(quantization, file.str(), "quantization.");
  static constexpr StringRef modes[] = {"affine"};
  inner.choice("mode", modes, 0);
  int64_t bits = inner.integer("bits", 1, 32, 4);
  config.weightGroup = inner.integer("group_size", 4, 1 << 20, 64);
  if (bits != 2)
    inner.fail("'quantization' is what MLX writes into models that it has "
               "quantized, here to " +
               Twine(bits) +
               " bits; tern reads those of 2 bits that hold digits, and needs "
               "the ternary model that this one was made of");
  else if (config.weightGroup % 4)
    inner.fail("'quantization.group_size' = " + Twine(config.weightGroup) +
               " is no multiple of 4");
  config.weightForm = WeightForm::Affine;
  return inner.finish();
}

/// Other programs than BitNet's trainers.
static void refuseMethod(const json &quantization, JsonFields &fields) {
  auto method = quantization.find("quant_method");
  if (method != quantization.end() && method->is_string() &&
      *method != "bitnet")
    fields.fail("the weights are quantized by the method '" +
                method->get<std::string>().substr(0, 40) +
                "' ('quantization_config.quant_method'), which tern does not "
                "read; it needs the ternary model they were made of");
}

Error readWeightForm(JsonFields &fields, StringRef file, ModelConfig &config) {
  const json *quantization = fields.object("quantization_config");
  if (const json *affine = fields.object("quantization")) {
    // MLX writes it twice.
    if (quantization && *quantization != *affine)
      fields.fail("'quantization', which MLX writes, and 'quantization_config' "
                  "differ; which is meant?");
    return fields.failed() ? Error::success()
                           : readAffine(*affine, file, config);
  }
  if (quantization)
    refuseMethod(*quantization, fields);
  if (fields.failed())
    return Error::success();
  if (quantization)
    return readBitNet(*quantization, file, config);
  bool isBitNet = config.family == ModelFamily::BitNet;
  if (!isBitNet && !fields.value("weight_bits")) {
    config.weightForm = WeightForm::Products;
    config.weightGroup = productGroup;
  }
  return Error::success();
}

void checkWeightShapes(JsonFields &fields, const ModelConfig &config) {
  for (Projection projection : config.projections()) {
    int64_t rows = config.rows(projection);
    int64_t columns = config.columns(projection);
    if (config.hasPackedWeights() && rows % 4)
      fields.fail("the " + Twine(rows) + " rows of " +
                  tern::toString(projection) +
                  " are not a multiple of 4, as packed ternary matrices need");
    if (config.weightGroup && columns % config.weightGroup)
      return fields.fail(
          "the " + Twine(columns) + " inputs of " + tern::toString(projection) +
          " are no whole groups of " + Twine(config.weightGroup) +
          (config.weightForm == WeightForm::Affine
               ? ", as 'quantization.group_size' says"
               : ", which a model without 'quantization_config' "
                 "has a scale for"));
  }
}

} // namespace tern
