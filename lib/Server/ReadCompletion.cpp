//===- ReadCompletion.cpp - Bodies without messages -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Requests.h"

#include "tern/engine.h"

using namespace tern::server;

static bool isTokens(const Json &value) {
  return value.is_array() && !value.empty() && value[0].is_number();
}

/// A string or a list of tokens.
static void readPrompt(Fields &fields, const char *name, const Json &value,
                       std::vector<Prompt> &prompts) {
  Prompt &prompt = prompts.emplace_back();
  if (value.is_string()) {
    prompt.text = value.get<std::string>();
  } else if (isTokens(value)) {
    prompt.isTokens = true;
    prompt.tokens = fields.tokens(value, name).value_or(std::vector<int32_t>());
  } else {
    fields.fail(name, std::string(name) + " is or has " + shown(value) +
                          ", expected a string, a list of strings, tokens or "
                          "a list of lists of tokens");
  }
}

std::vector<Prompt> tern::server::readPrompts(Fields &fields, const char *name,
                                              size_t most) {
  std::vector<Prompt> prompts;
  const Json *value = fields.take(name);
  if (!value || (value->is_array() && value->empty())) {
    fields.fail(name, std::string(name) + " is missing or empty");
  } else if (!value->is_array() || isTokens(*value)) {
    readPrompt(fields, name, *value, prompts);
  } else if (value->size() > most) {
    fields.fail(name, std::string(name) + " has " +
                          std::to_string(value->size()) +
                          " texts, expected at most " + std::to_string(most));
  } else {
    for (const Json &one : *value)
      readPrompt(fields, name, one, prompts);
  }
  return prompts;
}

std::optional<GenerationRequest>
tern::server::readCompletion(std::string_view body, const RequestLimits &limits,
                             ApiError &error) {
  auto read = [&](Fields &fields, GenerationRequest &request) {
    request.prompts = readPrompts(fields, "prompt", limits.choices);
    readGeneration(fields, limits, request, error);
    if (request.prompts.size() * request.count > limits.choices)
      fields.fail("n", "prompts times n are more than " +
                           std::to_string(limits.choices));
    // OpenAI's default, where a chat has none.
    if (!request.sampling.maxTokens)
      request.sampling.maxTokens = 16;
    if (auto top = fields.integer("logprobs", 0, TERN_MAX_TOP)) {
      request.hasLogprobs = true;
      request.top = static_cast<unsigned>(*top);
    }
    request.echoes = fields.flag("echo").value_or(false);
    auto best = fields.integer("best_of", 1, limits.choices);
    if (best && *best != request.count)
      fields.fail("best_of", "best_of may only be n, which is " +
                                 std::to_string(request.count));
    fields.mustBeOff("suffix", {""});
  };
  return readBody<GenerationRequest>(body, error, read);
}

std::optional<EmbeddingRequest>
tern::server::readEmbedding(std::string_view body, const RequestLimits &limits,
                            ApiError &error) {
  auto read = [&](Fields &fields, EmbeddingRequest &request) {
    request.inputs = readPrompts(fields, "input", limits.inputs);
    std::string form = fields.text("encoding_format").value_or("float");
    if (form != "float" && form != "base64")
      fields.fail("encoding_format", "encoding_format is '" + form +
                                         "', expected float or base64");
    request.isBase64 = form == "base64";
    request.dimensions = fields.integer("dimensions", 1, INT32_MAX);
    fields.ignore({"user"});
  };
  return readBody<EmbeddingRequest>(body, error, read);
}

std::optional<TextRequest> tern::server::readTokenize(std::string_view body,
                                                      ApiError &error) {
  auto read = [](Fields &fields, TextRequest &request) {
    if (auto content = fields.text("content"))
      request.text = *content;
    else
      fields.fail("content", "content is missing, expected a string");
    request.addsSpecial = fields.flag("add_special").value_or(false);
    request.hasPieces = fields.flag("with_pieces").value_or(false);
  };
  return readBody<TextRequest>(body, error, read);
}

std::optional<TextRequest> tern::server::readDetokenize(std::string_view body,
                                                        ApiError &error) {
  auto read = [](Fields &fields, TextRequest &request) {
    if (const Json *list = fields.list("tokens"))
      request.tokens =
          fields.tokens(*list, "tokens").value_or(std::vector<int32_t>());
    else
      fields.fail("tokens", "tokens is missing, expected a list");
  };
  return readBody<TextRequest>(body, error, read);
}

std::optional<TextRequest> tern::server::readTemplate(std::string_view body,
                                                      ApiError &error) {
  auto read = [](Fields &fields, TextRequest &request) {
    request.chat.messages = readMessages(fields);
    request.chat.tools = readTools(fields);
    if (auto thinking = fields.flag("enable_thinking"))
      request.chat.thinking = *thinking;
  };
  return readBody<TextRequest>(body, error, read);
}
