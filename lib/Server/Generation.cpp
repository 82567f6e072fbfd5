//===- Generation.cpp - Answers of one request as they come ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Generation.h"

#include "Service.h"

#include <random>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

std::string tern::server::makeId(const char *prefix) {
  static std::mutex mutex;
  static std::random_device device;
  char digits[32];
  Lock lock(mutex);
  snprintf(digits, sizeof digits, "%08x%08x", device(), device());
  return prefix + std::string(digits);
}

Generation::Generation(std::shared_ptr<Exchange> exchange,
                       GenerationRequest request, Model &model,
                       Service &service)
    : exchange(std::move(exchange)), request(std::move(request)), model(model),
      metrics(service.metrics), keepsText(service.log.wantsText()),
      counted(service.jobs) {
  head.isChat = this->request.isChat;
  head.id = makeId(head.isChat ? "chatcmpl-" : "cmpl-");
  head.model = model.name;
  head.created = std::time(nullptr);
}

//===----------------------------------------------------------------------===//
// Into the engine
//===----------------------------------------------------------------------===//

/// Numbers that are absent stay as the engine's defaults.
void Generation::fill(tern_request &wanted, const Running &running) const {
  const Sampling &s = request.sampling;
  auto set = [](auto &field, const auto &value) {
    if (value)
      field = *value;
  };
  set(wanted.temperature, s.temperature);
  set(wanted.top_p, s.topP);
  set(wanted.min_p, s.minP);
  set(wanted.repeat_penalty, s.repeatPenalty);
  set(wanted.presence_penalty, s.presencePenalty);
  set(wanted.frequency_penalty, s.frequencyPenalty);
  wanted.biases = s.biases.data();
  wanted.bias_count = s.biases.size();
  set(wanted.top_k, s.topK);
  set(wanted.max_tokens, s.maxTokens);
  // Each answer has a seed of its own, which follows from the request's.
  if (s.seed)
    wanted.seed = static_cast<int64_t>(
        (uint64_t(*s.seed) + running.whole.index % request.count) &
        uint64_t(INT64_MAX));
  wanted.flags |= s.ignoresEnd ? TERN_REQUEST_IGNORE_END : 0;
  wanted.flags |= s.isPrivate ? TERN_REQUEST_PRIVATE : 0;
  wanted.flags |= request.hasLogprobs ? TERN_REQUEST_LOGPROBS : 0;
  if (request.hasLogprobs && request.echoes)
    wanted.flags |= TERN_REQUEST_PROMPT_LOGPROBS;
  wanted.top = request.top;
  wanted.grammar = grammar.get();
}

bool Generation::submit(Running &running, ApiError &error) {
  tern_request wanted;
  tern_request_init(&wanted);
  fill(wanted, running);
  tern_chat chat = toEngine(request.chat);
  if (request.isChat)
    wanted.chat = &chat;
  else
    setPrompt(wanted, request.prompts[running.whole.index / request.count]);
  std::vector<const char *> stops;
  for (const std::string &stop : request.sampling.stops)
    stops.push_back(stop.c_str());
  wanted.stops = stops.data();
  wanted.stop_count = stops.size();
  wanted.on_event = onEvent;
  wanted.data = &running;
  running.alive = shared_from_this();
  uint64_t id = 0;
  int result = tern_engine_submit(model.engine, &wanted, &id);
  Lock lock(mutex);
  if (result == 0) {
    running.id = id;
    return true;
  }
  error = engineError(result);
  // Before those that run can be the last ones.
  isRefused = true;
  running.alive = nullptr;
  return false;
}

/// Checks and texts that depend on the model, before anything runs.
bool Generation::prepare(ApiError &error) {
  if (request.isChat && !model.info.has_template) {
    error.message = "the model " + model.name +
                    " has no chat template; use /v1/completions, or serve it "
                    "with --chat-template FILE";
    return false;
  }
  grammar = makeGrammar(request, model, error);
  if (!error.message.empty())
    return false;
  size_t prompts = request.isChat ? 1 : request.prompts.size();
  for (size_t i = 0; i < prompts * request.count; ++i) {
    choices.push_back(std::make_unique<Running>());
    choices.back()->owner = this;
    choices.back()->whole.index = choices.back()->piece.index = i;
    if (request.isChat &&
        !openReader(request, model, static_cast<uint64_t>(head.created) + i,
                    choices.back()->reader, error))
      return false;
  }
  left = choices.size();
  if (!request.echoes)
    return true;
  for (std::unique_ptr<Running> &running : choices) {
    const Prompt &prompt =
        request.prompts[running->whole.index / request.count];
    std::optional<std::string> text = prompt.text;
    if (prompt.isTokens && !(text = model.detokenize(prompt.tokens, error)))
      return false;
    running->whole.text = running->piece.text = *text;
  }
  return true;
}

void Generation::start() {
  ApiError error;
  std::shared_ptr<Generation> self = shared_from_this();
  bool isFine = prepare(error);
  for (size_t i = 0; isFine && i < choices.size(); ++i)
    isFine = submit(*choices[i], error);
  if (!isFine) {
    exchange->refuse(error);
    cancel();
    return;
  }
  if (request.streams)
    exchange->openStream();
  exchange->whenGone([self] { self->cancel(); });
}

void Generation::cancel() { model.cancel(mutex, choices); }
