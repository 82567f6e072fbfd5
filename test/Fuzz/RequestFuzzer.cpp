//===- RequestFuzzer.cpp - Bodies of HTTP requests ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first byte chooses the reader, the rest is the body.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "../../lib/Server/Requests.h"

using namespace tern;
using namespace tern::server;

static void checkChat(const Chat &chat) {
  Json messages = Json::parse(chat.messages, nullptr, false);
  require(messages.is_array() && !messages.empty(), "messages are a list");
  for (const Json &message : messages)
    require(message["role"].is_string() && message["content"].is_string(),
            "a message has a role and a text");
  require(chat.tools.empty() ||
              Json::parse(chat.tools, nullptr, false).is_array(),
          "tools are a list");
}

static void check(const std::optional<GenerationRequest> &request,
                  const RequestLimits &limits) {
  if (!request)
    return;
  const Sampling &s = request->sampling;
  require(request->count >= 1 && request->count <= limits.choices,
          "the number of answers is bounded");
  require(!s.temperature || (*s.temperature >= 0 && *s.temperature <= 2),
          "numbers are in their ranges");
  require(s.maxTokens.value_or(0) >= 0 && s.seed.value_or(0) >= 0,
          "what is given is not negative");
  for (const std::string &stop : s.stops)
    require(!stop.empty() && stop.find('\0') == stop.npos,
            "a stop is a text without NUL");
  if (request->isChat)
    checkChat(request->chat);
  else
    require(!request->prompts.empty() &&
                request->prompts.size() * request->count <= limits.choices,
            "there are prompts, and not too many");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  std::string body(reinterpret_cast<const char *>(data + 1), size - 1);
  RequestLimits limits;
  ApiError error;
  bool isTaken = false;
  switch (data[0] % 6) {
  case 0: {
    auto request = readChat(body, limits, error);
    isTaken = request.has_value();
    check(request, limits);
    break;
  }
  case 1: {
    auto request = readCompletion(body, limits, error);
    isTaken = request.has_value();
    check(request, limits);
    break;
  }
  case 2: {
    auto request = readEmbedding(body, limits, error);
    isTaken = request.has_value();
    require(!request || request->inputs.size() <= limits.inputs,
            "there are not too many inputs");
    break;
  }
  case 3:
    isTaken = readTokenize(body, error).has_value();
    break;
  case 4:
    isTaken = readDetokenize(body, error).has_value();
    break;
  default: {
    auto request = readTemplate(body, error);
    isTaken = request.has_value();
    if (request)
      checkChat(request->chat);
  }
  }
  require(isTaken == error.message.empty(), "a refusal says why");
  require(Json::accept(toJson(error)), "a refusal is JSON");
  return 0;
}
