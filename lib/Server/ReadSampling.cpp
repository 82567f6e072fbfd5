//===- ReadSampling.cpp - How tokens are chosen ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Requests.h"

#include "tern/artifact.h"

#include <cmath>

using namespace tern::server;

static void readStops(Fields &fields, std::vector<std::string> &stops) {
  const Json *value = fields.take("stop");
  if (!value)
    return;
  if (value->is_string())
    stops.push_back(value->get<std::string>());
  else if (value->is_array() && value->size() <= 16)
    for (const Json &text : *value)
      stops.push_back(text.is_string() ? text.get<std::string>() : "");
  else
    return fields.fail("stop", "stop is " + shown(*value) +
                                   ", expected a string or at most 16");
  for (const std::string &stop : stops)
    if (stop.empty() || stop.size() > TERN_MAX_STOP_BYTES ||
        stop.find('\0') != std::string::npos)
      fields.fail("stop", "stop has a text that is empty, longer than " +
                              std::to_string(TERN_MAX_STOP_BYTES) +
                              " bytes or with a NUL, or it is no text");
}

/// {"15043": -100}: ids are texts, as names of members are.
static void readBiases(Fields &fields, std::vector<tern_logit_bias> &biases) {
  const Json *value = fields.member("logit_bias");
  if (!value)
    return;
  for (const auto &[name, bias] : value->items()) {
    bool isToken = !name.empty() && name.size() < 10 &&
                   name.find_first_not_of("0123456789") == name.npos;
    double number = bias.is_number() ? bias.get<double>() : NAN;
    if (!isToken || !(number >= -100 && number <= 100))
      return fields.fail("logit_bias",
                         "logit_bias has " + shown(name) + ": " + shown(bias) +
                             ", expected a token's id and a number from -100 "
                             "to 100");
    biases.push_back({std::stoi(name), static_cast<float>(number)});
  }
}

/// max_completion_tokens is the newer name of max_tokens.
static std::optional<int64_t> readMaxTokens(Fields &fields,
                                            const RequestLimits &limits) {
  int64_t most = limits.answerTokens ? limits.answerTokens : INT32_MAX;
  std::optional<int64_t> old = fields.integer("max_tokens", 0, most);
  std::optional<int64_t> now = fields.integer("max_completion_tokens", 0, most);
  if (old && now && *old != *now)
    fields.fail("max_tokens", "max_tokens and max_completion_tokens are the "
                              "same, but have two values");
  if (!old && !now && limits.answerTokens)
    return limits.answerTokens;
  return now ? now : old;
}

static Sampling readSampling(Fields &fields, const RequestLimits &limits) {
  Sampling sampling;
  sampling.temperature = fields.number("temperature", 0, 2);
  sampling.topP = fields.number("top_p", 0, 1);
  sampling.minP = fields.number("min_p", 0, 1);
  sampling.topK = fields.integer("top_k", 0, INT32_MAX);
  sampling.repeatPenalty = fields.number("repeat_penalty", 0.01, 100);
  sampling.presencePenalty = fields.number("presence_penalty", -2, 2);
  sampling.frequencyPenalty = fields.number("frequency_penalty", -2, 2);
  readBiases(fields, sampling.biases);
  sampling.seed = fields.integer("seed", 0, INT64_MAX);
  sampling.maxTokens = readMaxTokens(fields, limits);
  sampling.ignoresEnd = fields.flag("ignore_eos").value_or(false);
  sampling.isPrivate = !fields.flag("cache_prompt").value_or(true);
  readStops(fields, sampling.stops);
  fields.mustBeOff("service_tier", {"auto", "default"});
  fields.mustBeOff("store");
  fields.ignore({"user", "metadata", "safety_identifier", "prompt_cache_key"});
  return sampling;
}

/// Of `stream` and `stream_options`.
static void readStream(Fields &fields, GenerationRequest &request,
                       ApiError &error) {
  request.streams = fields.flag("stream").value_or(false);
  const Json *options = fields.member("stream_options");
  if (!options)
    return;
  if (!request.streams)
    return fields.fail("stream_options",
                       "stream_options needs \"stream\": true");
  Fields inner(*options, error, "stream_options.");
  request.includesUsage = inner.flag("include_usage").value_or(false);
  inner.mustBeOff("include_obfuscation");
  inner.end();
}

void tern::server::readGeneration(Fields &fields, const RequestLimits &limits,
                                  GenerationRequest &request, ApiError &error) {
  request.count =
      static_cast<unsigned>(fields.integer("n", 1, limits.choices).value_or(1));
  request.sampling = readSampling(fields, limits);
  readStream(fields, request, error);
}
