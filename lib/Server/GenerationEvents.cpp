//===- GenerationEvents.cpp - From an engine's events to an answer --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Generation.h"

#include "Service.h"

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

int Generation::onEvent(void *data, const tern_event *event) {
  Running &running = *static_cast<Running *>(data);
  std::shared_ptr<Generation> self = running.alive;
  try {
    Lock lock(self->mutex);
    self->take(running, *event);
    return 0;
  } catch (const std::exception &) {
    // No memory, and nothing may be thrown into C.
    Lock lock(self->mutex);
    self->isRefused = true;
    if (event->kind == TERN_EVENT_END)
      running.alive = nullptr;
  }
  self->exchange->leave();
  return 1;
}

TokenLogprob Generation::tokenOf(int32_t token, double logprob) const {
  return {model.bytesOf(token), logprob, {}};
}

void Generation::takeLogprob(Running &running, const tern_event &event) {
  TokenLogprob token = tokenOf(event.token, event.logprob);
  if (event.kind == TERN_EVENT_PROMPT) {
    // A begin token is no part of the text that comes back.
    bool isFirst = !running.hasPromptLogprobs;
    ApiError ignored;
    if (isFirst && !token.bytes.empty() &&
        model.detokenize({event.token}, ignored).value_or("").empty())
      return;
    token.isUnknown = isFirst && event.logprob == 0 && event.top_count == 0;
    running.hasPromptLogprobs = true;
  }
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
  bool hasToken =
      event.kind == TERN_EVENT_TOKEN || event.kind == TERN_EVENT_PROMPT;
  if (hasToken && request.hasLogprobs)
    takeLogprob(running, event);
  takeText(running, event);
  if (event.kind == TERN_EVENT_END)
    finish(running, event);
  else if (request.streams && event.kind != TERN_EVENT_PROMPT &&
           !running.piece.isEmpty())
    send(running);
}

/// The parts of a chat's answer, or all as it is.
void Generation::takeText(Running &running, const tern_event &event) {
  std::string_view text(event.text, event.text_bytes);
  if (!running.reader)
    return addText(running, &Choice::text, text);
  auto take = [](void *data, const tern_answer_part *part) {
    Running &to = *static_cast<Running *>(data);
    to.owner->takePart(to, *part);
    return 0;
  };
  tern_answer_reader_push(running.reader.get(), text.data(), text.size(), take,
                          &running);
  if (event.kind == TERN_EVENT_END)
    tern_answer_reader_flush(running.reader.get(), take, &running);
}

void Generation::addText(Running &running, std::string Choice::*field,
                         std::string_view text) {
  if (request.streams)
    (running.piece.*field) += text;
  if (!request.streams || keepsText)
    (running.whole.*field) += text;
}

void Generation::takePart(Running &running, const tern_answer_part &part) {
  std::string text(part.text, part.bytes);
  if (part.kind == TERN_PART_CONTENT)
    return addText(running, &Choice::text, text);
  if (part.kind == TERN_PART_THOUGHT)
    return addText(running, &Choice::thought, text);
  ToolCall call = {part.index, part.id, part.name, std::move(text)};
  (request.streams ? running.piece : running.whole)
      .calls.push_back(std::move(call));
  running.hasCalls = true;
}

void Generation::send(Running &running) {
  exchange->write(streamChunk(head, running.piece, running.isFirst,
                              request.hasLogprobs, request.includesUsage));
  running.isFirst = false;
  for (const TokenLogprob &token : running.piece.logprobs)
    running.piece.logprobOffset += token.bytes.size();
  running.piece.text.clear();
  running.piece.thought.clear();
  running.piece.calls.clear();
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
  bool isCall = event.finish == TERN_FINISH_STOP && running.hasCalls;
  running.finish = isCall ? "tool_calls" : finishName(event.finish);
  running.whole.finish = running.piece.finish = running.finish;
  if (event.finish == TERN_FINISH_FAILED)
    failure = event.error;
  else if (event.finish == TERN_FINISH_CANCELLED && failure.empty())
    failure = "the server ends";
  if (request.streams && failure.empty())
    send(running);
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
