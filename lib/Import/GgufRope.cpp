//===- lib/Import/GgufRope.cpp - Scaled rotary embeddings in GGUF ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufFields.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace llvm;
using namespace tern;
using nlohmann::json;

static json readYarn(GgufFields &fields, double factor) {
  std::optional<uint64_t> original =
      fields.integer("rope.scaling.original_context_length");
  if (!original)
    fields.fail("'" + fields.keyOf("rope.scaling.original_context_length") +
                "' is missing, which YaRN depends on");
  if (factor <= 0)
    fields.fail("'" + fields.keyOf("rope.scaling.factor") +
                "' is missing, which YaRN "
                "depends on");
  fields.wantNeutral("rope.scaling.yarn_ext_factor", 1);
  fields.wantNeutral("rope.scaling.yarn_log_multiplier", 0);
  json scaling = {{"rope_type", "yarn"},
                  {"factor", factor},
                  {"original_max_position_embeddings", original.value_or(1)}};
  for (StringRef name : {"beta_fast", "beta_slow"})
    if (auto beta = fields.number(("rope.scaling.yarn_" + name).str()))
      scaling[name.str()] = *beta;
  // Engines multiply these with what follows from the factor.
  double attention = fields.number("rope.scaling.attn_factor").value_or(1) *
                     fields.number("rope.scaling.yarn_attn_factor").value_or(1);
  if (attention != 1 && factor > 1)
    attention *= 0.1 * std::log(factor) + 1.0;
  if (attention != 1)
    scaling["attention_factor"] = attention;
  return scaling;
}

/// The numbers of a vector of float32, as a list.
static json readFactors(GgufFields &fields, StringRef name) {
  auto tensor = find_if(fields.file.tensors(), [&](const GgufTensor &one) {
    return one.name == name;
  });
  if (tensor == fields.file.tensors().end()) {
    fields.fail("tensor '" + name + "' is missing, which longrope depends on");
    return json::array();
  }
  ArrayRef<uint8_t> bytes = fields.file.bytes(*tensor);
  if (tensor->encoding->codec != GgufCodec::F32 || tensor->sizes.size() != 1 ||
      bytes.size() > 4096 * sizeof(float)) {
    fields.fail("tensor '" + name + "' is expected to be a vector of F32");
    return json::array();
  }
  std::vector<float> factors(bytes.size() / sizeof(float));
  memcpy(factors.data(), bytes.data(), factors.size() * sizeof(float));
  return factors;
}

static json readLongRope(GgufFields &fields, uint64_t positions) {
  uint64_t original = fields.integer("rope.scaling.original_context_length")
                          .value_or(positions);
  return {{"rope_type", "longrope"},
          {"original_max_position_embeddings", original},
          {"attention_factor",
           fields.number("rope.scaling.attn_factor").value_or(1)},
          {"short_factor", readFactors(fields, shortFactorsName)},
          {"long_factor", readFactors(fields, longFactorsName)}};
}

json tern::readGgufRopeScaling(GgufFields &fields, uint64_t positions) {
  StringRef kind = fields.string("rope.scaling.type").value_or("");
  bool hasLists = any_of(fields.file.tensors(), [](const GgufTensor &tensor) {
    return tensor.name == shortFactorsName || tensor.name == longFactorsName;
  });
  if (kind.empty() && hasLists)
    kind = "longrope";
  fields.keyOf("rope.scaling.finetuned"); // tells where the numbers are from
  std::optional<double> factor = fields.number("rope.scaling.factor");
  if (!factor)
    factor = fields.number("rope.scale_linear");
  json scaling;
  if (kind == "yarn")
    scaling = readYarn(fields, factor.value_or(0));
  else if (kind == "longrope")
    scaling = readLongRope(fields, positions);
  else if (!is_contained({"", "none", "linear"}, kind))
    fields.fail("tern does not support '" + fields.keyOf("rope.scaling.type") +
                "' = " + kind.take_front(60) +
                "; linear, yarn and longrope are");
  else if (factor && *factor != 0 && *factor != 1 && kind != "none")
    scaling = {{"rope_type", "linear"}, {"factor", *factor}};
  if (hasLists && kind != "longrope")
    fields.fail("there is a tensor '" + shortFactorsName + "' or '" +
                longFactorsName + "', but '" +
                fields.keyOf("rope.scaling.type") + "' is " +
                kind.take_front(60));
  return scaling;
}
