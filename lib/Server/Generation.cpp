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
  wanted.top = request.top;
}

bool Generation::submit(Running &running, ApiError &error) {
  tern_request wanted;
  tern_request_init(&wanted);
  fill(wanted, running);
  tern_chat chat = toEngine(request.chat);
  if (request.isChat) {
    wanted.chat = &chat;
  } else {
    const Prompt &prompt = request.prompts[running.whole.index / request.count];
    if (prompt.isTokens) {
      wanted.tokens = prompt.tokens.data();
      wanted.token_count = prompt.tokens.size();
    } else {
      wanted.text = prompt.text.data();
      wanted.text_bytes = prompt.text.size();
    }
  }
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
  --left;
  running.alive = nullptr;
  return false;
}

/// Parameters that are understood, but cannot be kept to.
static ApiError lacking(const GenerationRequest &request) {
  const char *name = request.form != AnswerForm::Text        ? "response_format"
                     : request.calls != CallChoice::None     ? "tools"
                     : request.echoes && request.hasLogprobs ? "echo"
                                                             : "";
  if (!*name)
    return {};
  return {400,
          std::string(name) +
              (request.echoes ? " together with logprobs" : "") +
              " is not there yet in this server",
          name, "unsupported_parameter"};
}

/// Checks and texts that depend on the model, before anything runs.
bool Generation::prepare(ApiError &error) {
  error = lacking(request);
  if (!error.message.empty())
    return false;
  if (request.isChat && !model.info.has_template) {
    error.message = "the model " + model.name +
                    " has no chat template; use /v1/completions, or serve it "
                    "with --chat-template FILE";
    return false;
  }
  size_t prompts = request.isChat ? 1 : request.prompts.size();
  for (size_t i = 0; i < prompts * request.count; ++i) {
    choices.push_back(std::make_unique<Running>());
    choices.back()->owner = this;
    choices.back()->whole.index = choices.back()->piece.index = i;
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
    running->whole.logprobOffset = running->piece.logprobOffset = text->size();
  }
  return true;
}

void Generation::start() {
  ApiError error;
  std::shared_ptr<Generation> self = shared_from_this();
  bool isFine = prepare(error);
  for (size_t i = 0; isFine && i < choices.size(); ++i) {
    isFine = submit(*choices[i], error);
    if (!isFine) {
      Lock lock(mutex);
      left -= choices.size() - i - 1;
      isRefused = true;
    }
  }
  if (!isFine) {
    exchange->refuse(error);
    cancel();
    return;
  }
  if (request.streams)
    exchange->openStream();
  exchange->whenGone([self] { self->cancel(); });
}

void Generation::cancel() {
  std::vector<uint64_t> ids;
  {
    Lock lock(mutex);
    for (const std::unique_ptr<Running> &running : choices)
      if (running->id)
        ids.push_back(running->id);
  }
  for (uint64_t id : ids)
    tern_engine_cancel(model.engine, id);
}

//===----------------------------------------------------------------------===//
// Out of it
//===----------------------------------------------------------------------===//

int Generation::onEvent(void *data, const tern_event *event) {
  Running &running = *static_cast<Running *>(data);
  std::shared_ptr<Generation> self = running.alive;
  Lock lock(self->mutex);
  self->take(running, *event);
  return 0;
}

TokenLogprob Generation::tokenOf(int32_t token, double logprob) const {
  return {model.bytesOf(token), logprob, {}};
}

void Generation::takeLogprob(Running &running, const tern_event &event) {
  TokenLogprob token = tokenOf(event.token, event.logprob);
  for (uint32_t i = 0; i < event.top_count; ++i)
    token.top.push_back(tokenOf(event.top[i].token, event.top[i].logprob));
  (request.streams ? running.piece : running.whole)
      .logprobs.push_back(std::move(token));
}

void Generation::take(Running &running, const tern_event &event) {
  running.prompt = event.prompt_tokens;
  running.reused = event.reused_tokens;
  running.answer = event.answer_tokens;
  if (isRefused) {
    if (event.kind == TERN_EVENT_END)
      running.alive = nullptr;
    return;
  }
  if (event.kind == TERN_EVENT_TOKEN && !hasFirst) {
    hasFirst = true;
    std::chrono::duration<double> took = Clock::now() - exchange->began;
    metrics.countFirstToken(took.count());
    exchange->note([&](Account &a) { a.firstSeconds = took.count(); });
  }
  std::string_view text(event.text, event.text_bytes);
  if (request.streams)
    running.piece.text += text;
  if (!request.streams || keepsText)
    running.whole.text += text;
  if (event.kind == TERN_EVENT_TOKEN && request.hasLogprobs)
    takeLogprob(running, event);
  if (event.kind == TERN_EVENT_END)
    finish(running, event);
  else if (request.streams &&
           (!running.piece.text.empty() || !running.piece.logprobs.empty()))
    send(running);
}

void Generation::send(Running &running) {
  exchange->write(streamChunk(head, running.piece, running.isFirst,
                              request.hasLogprobs, request.includesUsage));
  running.isFirst = false;
  for (const TokenLogprob &token : running.piece.logprobs)
    running.piece.logprobOffset += token.bytes.size();
  running.piece.text.clear();
  running.piece.logprobs.clear();
}

static const char *finishName(uint32_t finish) {
  switch (finish) {
  case TERN_FINISH_STOP:
    return "stop";
  case TERN_FINISH_CANCELLED:
    return "cancelled";
  case TERN_FINISH_FAILED:
    return "error";
  default:
    return "length";
  }
}

void Generation::finish(Running &running, const tern_event &event) {
  running.finish = finishName(event.finish);
  running.whole.finish = running.piece.finish = running.finish;
  if (event.finish == TERN_FINISH_FAILED)
    failure = event.error;
  else if (event.finish == TERN_FINISH_CANCELLED && failure.empty())
    failure = "the server ends";
  if (request.streams && failure.empty()) {
    if (running.isFirst && !running.piece.text.empty())
      send(running);
    send(running);
  }
  --left;
  // The last one to go is kept alive by who called.
  running.alive = nullptr;
  if (left == 0)
    finishAll();
}

Usage Generation::usage() const {
  Usage usage;
  for (const std::unique_ptr<Running> &running : choices) {
    usage.answer += running->answer;
    // A prompt counts once, however many answers it gets.
    if (running->whole.index % request.count == 0) {
      usage.prompt += running->prompt;
      usage.reused += running->reused;
    }
  }
  return usage;
}

/// All choices have ended.
void Generation::finishAll() {
  Usage all = usage();
  exchange->note([&](Account &a) {
    a.promptTokens = static_cast<uint32_t>(all.prompt);
    a.reusedTokens = static_cast<uint32_t>(all.reused);
    a.answerTokens = static_cast<uint32_t>(all.answer);
    if (a.finish.empty())
      a.finish = choices[0]->finish;
    if (keepsText) {
      a.asked =
          request.isChat ? request.chat.messages : request.prompts[0].text;
      a.answered = choices[0]->whole.text;
    }
  });
  if (!failure.empty()) {
    ApiError error = {500, failure, "", "engine_failed"};
    if (request.streams)
      exchange->write("data: " + toJson(error) + "\n\n");
    else
      exchange->refuse(error);
    exchange->end();
    return;
  }
  if (request.streams) {
    if (request.includesUsage)
      exchange->write(usageChunk(head, all));
    exchange->write(streamEnd);
    exchange->end();
    return;
  }
  std::vector<Choice> list;
  for (std::unique_ptr<Running> &running : choices)
    list.push_back(std::move(running->whole));
  exchange->answer(200, "application/json",
                   dump(wholeAnswer(head, list, all, request.hasLogprobs)) +
                       "\n");
}
