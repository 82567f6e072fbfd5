//===- lib/Import/RotaryEmbedding.cpp - Frequencies of a config -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RotaryEmbedding.h"

#include "tern/Import/Checkpoint.h"

#include <cmath>

using namespace llvm;
using namespace tern;
using nlohmann::json;

namespace {

enum class RopeKind { Default, Linear, Llama3 };

struct RopeScaling {
  RopeKind kind = RopeKind::Default;
  double factor = 1, low = 1, high = 4, original = 1;

  bool operator==(const RopeScaling &other) const {
    return kind == other.kind && factor == other.factor && low == other.low &&
           high == other.high && original == other.original;
  }

  /// By how much the period of a pair of features becomes longer: not at all if
  /// it is short beside the original context, by `factor` if it is long, and
  /// something between the two between them.
  double divisor(double period) const {
    if (kind == RopeKind::Linear)
      return factor;
    double wavelength = 2.0 * M_PI * period;
    double smooth = (original / wavelength - low) / (high - low);
    if (wavelength < original / high)
      return 1;
    if (wavelength > original / low)
      return factor;
    return 1.0 / ((1.0 - smooth) / factor + smooth);
  }
};

} // namespace

static RopeScaling readScaling(JsonFields &fields) {
  static constexpr StringRef kinds[] = {"default", "linear", "llama3"};
  RopeScaling scaling;
  unsigned old = fields.choice("type", kinds, 0);
  scaling.kind = static_cast<RopeKind>(fields.choice("rope_type", kinds, old));
  if (fields.value("type") && scaling.kind != static_cast<RopeKind>(old))
    fields.fail(fields.quoted("type") + " and 'rope_type' differ; which is "
                                        "meant?");
  if (scaling.kind == RopeKind::Default)
    return scaling;
  scaling.factor = fields.number("factor", 0, 1e6);
  if (scaling.kind == RopeKind::Linear)
    return scaling;
  scaling.low = fields.number("low_freq_factor", 0, 1e6);
  scaling.high = fields.number("high_freq_factor", 0, 1e6);
  scaling.original = fields.number("original_max_position_embeddings", 0, 1e9);
  if (!fields.failed() && scaling.high <= scaling.low)
    fields.fail(fields.quoted("high_freq_factor") +
                " is expected to be above 'low_freq_factor'");
  return scaling;
}

void tern::readRope(JsonFields &fields, StringRef file, ModelConfig &config) {
  std::optional<RopeScaling> scaling;
  std::string thetaName; // of the field that has said it
  auto readTheta = [&](JsonFields &from) {
    if (!from.value("rope_theta"))
      return;
    double theta = from.number("rope_theta", 1, 1e12);
    std::string name = from.quoted("rope_theta");
    if (!thetaName.empty() && theta != config.ropeTheta)
      fields.fail(thetaName + " and " + name + " differ; which is meant?");
    config.ropeTheta = theta;
    thetaName = name;
  };
  readTheta(fields);
  for (StringRef name : {"rope_scaling", "rope_parameters"}) {
    const json *rope = fields.object(name);
    if (!rope)
      continue;
    JsonFields inner(*rope, file.str(), name.str() + ".");
    RopeScaling stated = readScaling(inner);
    if (scaling && !(stated == *scaling))
      fields.fail("'rope_scaling' and 'rope_parameters' differ; which is "
                  "meant?");
    scaling = stated;
    readTheta(inner);
    fields.fail(inner.finish());
  }
  if (thetaName.empty())
    config.ropeTheta = fields.number("rope_theta", 1, 1e12);
  if (!scaling || scaling->kind == RopeKind::Default || fields.failed())
    return;
  for (int64_t i = 0; i < config.headDim / 2; ++i)
    config.ropeDivisors.push_back(scaling->divisor(
        std::pow(config.ropeTheta, 2.0 * static_cast<double>(i) /
                                       static_cast<double>(config.headDim))));
}

Error Checkpoint::checkRopeTables() const {
  uint64_t most = uint64_t(64) << 20;
  for (const auto &[name, entry] : tensors->all())
    most += 2 * entry.bytes;
  // The cosines and sines of half the features, for each position.
  uint64_t bytes = static_cast<uint64_t>(modelConfig.maxPositions) *
                   static_cast<uint64_t>(modelConfig.headDim) * sizeof(float);
  if (bytes <= most)
    return Error::success();
  return fileError(
      path, "'max_position_embeddings' = " + Twine(modelConfig.maxPositions) +
                " in " + configName() + " needs tables of " +
                Twine(bytes >> 20) +
                " MiB, more than twice the tensors and 64 MiB; "
                "tern compile --context=N takes fewer positions");
}
