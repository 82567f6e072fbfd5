//===- lib/Import/RotaryEmbedding.cpp - Frequencies of a config -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RotaryEmbedding.h"

#include "tern/Import/Checkpoint.h"

#include <cmath>
#include <tuple>

using namespace llvm;
using namespace tern;
using nlohmann::json;

namespace {

enum class RopeKind { Default, Linear, Llama3, Yarn, LongRope };

struct RopeScaling {
  RopeKind kind = RopeKind::Default;
  double factor = 1, low = 1, high = 4, original = 1;
  bool truncates = true;          ///< of YaRN: its bounds are whole pairs
  double tableFactor = 1;         ///< of cosines and sines
  std::vector<double> ofEachPair; ///< of LongRope

  bool operator==(const RopeScaling &other) const {
    return std::tie(kind, factor, low, high, original, truncates, tableFactor,
                    ofEachPair) == std::tie(other.kind, other.factor, other.low,
                                            other.high, other.original,
                                            other.truncates, other.tableFactor,
                                            other.ofEachPair);
  }
};

/// Reads the object that scales a rotary embedding; `config` has its sizes.
class ScalingReader {
public:
  ScalingReader(JsonFields &fields, const ModelConfig &config)
      : fields(fields), config(config) {}

  RopeScaling read() {
    readKind();
    switch (scaling.kind) {
    case RopeKind::Default:
      break;
    case RopeKind::Linear:
      readFactor();
      break;
    case RopeKind::Llama3:
      readLlama3();
      break;
    case RopeKind::Yarn:
      readYarn();
      break;
    case RopeKind::LongRope:
      readLongRope();
      break;
    }
    return scaling;
  }

private:
  void readKind() {
    static constexpr StringRef kinds[] = {"default", "linear", "llama3", "yarn",
                                          "longrope"};
    unsigned old = fields.choice("type", kinds, 0);
    scaling.kind =
        static_cast<RopeKind>(fields.choice("rope_type", kinds, old));
    if (fields.value("type") && scaling.kind != static_cast<RopeKind>(old))
      fields.fail(fields.quoted("type") + " and 'rope_type' differ; which is "
                                          "meant?");
    // Of text alone, positions in pictures are those in the text.
    if (config.deltaNet)
      fields.ignore({"mrope_section", "mrope_interleaved"});
    if (const json *part = fields.value("partial_rotary_factor"))
      if (*part != 1.0 && !config.deltaNet)
        fields.fail("tern does not support " +
                    fields.quoted("partial_rotary_factor") + " = " +
                    part->dump().substr(0, 60) + "; only 1.0 is");
  }

  void readFactor() { scaling.factor = fields.number("factor", 0, 1e6); }
  void readOriginal() {
    scaling.original =
        fields.number("original_max_position_embeddings", 0, 1e9);
  }

  void readLlama3() {
    readFactor();
    scaling.low = fields.number("low_freq_factor", 0, 1e6);
    scaling.high = fields.number("high_freq_factor", 0, 1e6);
    readOriginal();
    if (!fields.failed() && scaling.high <= scaling.low)
      fields.fail(fields.quoted("high_freq_factor") +
                  " is expected to be above 'low_freq_factor'");
  }

  /// The table's factor where none is stated.
  static double magnitude(double factor, double weight = 1) {
    return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1.0;
  }

  void readYarn() {
    readFactor();
    // Readers disagree about what counts without it.
    readOriginal();
    scaling.high = fields.number("beta_fast", 0, 1e6, 32);
    scaling.low = fields.number("beta_slow", 0, 1e6, 1);
    scaling.truncates = fields.flag("truncate", true);
    double weight = readWeight("mscale"), all = readWeight("mscale_all_dim");
    double implied =
        weight != 0 && all != 0
            ? magnitude(scaling.factor, weight) / magnitude(scaling.factor, all)
            : magnitude(scaling.factor);
    scaling.tableFactor = fields.number("attention_factor", 0, 1e6, implied);
    if (!fields.failed() && scaling.high < scaling.low)
      fields.fail(fields.quoted("beta_fast") +
                  " is expected to be at least 'beta_slow'");
  }

  /// 0, and not only null, says that there is none.
  double readWeight(StringRef name) {
    const json *value = fields.value(name);
    return value && *value != 0 ? fields.number(name, 0, 1e6) : 0;
  }

  /// A list for positions up to the original length and one for texts that are
  /// longer. tern has one table, so the two must be equal, or no text longer.
  void readLongRope() {
    readOriginal();
    std::vector<double> within = readList("short_factor");
    std::vector<double> beyond = readList("long_factor");
    // Says nothing: the lengths do.
    fields.value("factor");
    double stretch =
        static_cast<double>(config.maxPositions) / scaling.original;
    double implied =
        stretch <= 1
            ? 1
            : std::sqrt(1.0 + std::log(stretch) / std::log(scaling.original));
    scaling.tableFactor = fields.number("attention_factor", 0, 1e6, implied);
    if (!fields.failed() && stretch > 1 && within != beyond)
      fields.fail("tern does not support " + fields.quoted("long_factor") +
                  " that differs from 'short_factor' where "
                  "'max_position_embeddings' = " +
                  Twine(config.maxPositions) +
                  " is more than 'original_max_position_embeddings'");
    scaling.ofEachPair = std::move(within);
  }

  std::vector<double> readList(StringRef name) {
    const json *list = fields.value(name);
    std::vector<double> numbers;
    auto isFactor = [](const json &item) {
      return item.is_number() && item.get<double>() > 0 &&
             item.get<double>() <= 1e6;
    };
    if (list && list->is_array() && all_of(*list, isFactor))
      numbers = list->get<std::vector<double>>();
    if (static_cast<int64_t>(numbers.size()) != config.rotaryDim / 2)
      fields.fail(fields.quoted(name) + " is expected to be a list of " +
                  Twine(config.rotaryDim / 2) +
                  " numbers above 0, one for each pair of features of a head");
    return numbers;
  }

  JsonFields &fields;
  const ModelConfig &config;
  RopeScaling scaling;
};

/// By how much the period of each pair of features becomes longer.
class Divisors {
public:
  Divisors(const RopeScaling &scaling, const ModelConfig &config)
      : scaling(scaling), dim(static_cast<double>(config.rotaryDim)),
        theta(config.ropeTheta) {
    if (scaling.kind != RopeKind::Yarn)
      return;
    first = pairWithTurns(scaling.high);
    last = pairWithTurns(scaling.low);
    if (scaling.truncates) {
      first = std::floor(first);
      last = std::ceil(last);
    }
    first = std::max(first, 0.0);
    last = std::min(last, dim - 1);
    if (first == last)
      last += 0.001;
  }

  /// False if YaRN's bounds cross, which no two readers treat alike.
  bool areDefined() const { return first <= last; }

  double of(int64_t pair) const {
    switch (scaling.kind) {
    case RopeKind::Default:
      return 1;
    case RopeKind::Linear:
      return scaling.factor;
    case RopeKind::Llama3:
      return ofLlama3(std::pow(theta, 2.0 * static_cast<double>(pair) / dim));
    case RopeKind::Yarn:
      return ofYarn(static_cast<double>(pair));
    case RopeKind::LongRope:
      return scaling.ofEachPair[pair];
    }
    llvm_unreachable("all kinds are covered");
  }

private:
  /// Nothing if the period is short beside the original context, `factor` if
  /// it is long, and something between the two between them.
  double ofLlama3(double period) const {
    double wavelength = 2.0 * M_PI * period;
    double smooth = (scaling.original / wavelength - scaling.low) /
                    (scaling.high - scaling.low);
    if (wavelength < scaling.original / scaling.high)
      return 1;
    if (wavelength > scaling.original / scaling.low)
      return scaling.factor;
    return 1.0 / ((1.0 - smooth) / scaling.factor + smooth);
  }

  /// Where between two pairs one turns so many times in the original context.
  double pairWithTurns(double turns) const {
    return dim * std::log(scaling.original / (turns * 2.0 * M_PI)) /
           (2.0 * std::log(theta));
  }

  double ofYarn(double pair) const {
    double ramp = std::min(std::max((pair - first) / (last - first), 0.0), 1.0);
    return 1.0 / (ramp / scaling.factor + (1.0 - ramp));
  }

  const RopeScaling &scaling;
  double dim, theta;
  double first = 0, last = 0;
};

} // namespace

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
    RopeScaling stated = ScalingReader(inner, config).read();
    if (scaling && !(stated == *scaling))
      fields.fail("'rope_scaling' and 'rope_parameters' differ; which is "
                  "meant?");
    scaling = stated;
    readTheta(inner);
    fields.fail(inner.finish());
  }
  if (thetaName.empty()) {
    // These classes have a default, and files rely on it.
    bool mayLack = config.family == ModelFamily::MiniCpm ||
                   config.family == ModelFamily::Llama;
    config.ropeTheta = fields.number(
        "rope_theta", 1, 1e12, mayLack ? std::optional(1e4) : std::nullopt);
  }
  if (!scaling || scaling->kind == RopeKind::Default || fields.failed())
    return;
  Divisors divisors(*scaling, config);
  if (!divisors.areDefined())
    return fields.fail("the bounds of YaRN that 'beta_fast' and 'beta_slow' "
                       "give cross, so nothing is between them");
  for (int64_t pair = 0; pair < config.rotaryDim / 2; ++pair)
    config.ropeDivisors.push_back(divisors.of(pair));
  config.ropeFactor = scaling->tableFactor;
}

Error Checkpoint::checkRopeTables() const {
  uint64_t most = uint64_t(64) << 20;
  for (const auto &[name, entry] : tensors->all())
    most += 2 * entry.bytes;
  // The cosines and sines of half the features, for each position.
  uint64_t bytes = static_cast<uint64_t>(modelConfig.maxPositions) *
                   static_cast<uint64_t>(modelConfig.rotaryDim) * sizeof(float);
  if (bytes <= most)
    return Error::success();
  return fileError(
      path, "'max_position_embeddings' = " + Twine(modelConfig.maxPositions) +
                " in " + configName() + " needs tables of " +
                Twine(bytes >> 20) +
                " MiB, more than twice the tensors and 64 MiB; "
                "tern compile --context=N takes fewer positions");
}
