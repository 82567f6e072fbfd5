//===- EmbeddingJob.cpp - Vectors of texts --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EmbeddingJob.h"

#include <cmath>
#include <cstring>

using namespace tern::server;
using Lock = std::lock_guard<std::mutex>;

bool EmbeddingJob::submit(size_t index, ApiError &error) {
  Running &running = *inputs[index];
  tern_request wanted;
  tern_request_init(&wanted);
  wanted.flags = TERN_REQUEST_HIDDEN;
  wanted.max_tokens = 0;
  setPrompt(wanted, request.inputs[index]);
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
  running.alive = nullptr;
  error = engineError(result);
  return false;
}

void EmbeddingJob::start() {
  ApiError error;
  std::shared_ptr<EmbeddingJob> self = shared_from_this();
  if (request.dimensions && *request.dimensions != model.info.hidden_size)
    error = {400,
             "dimensions is " + std::to_string(*request.dimensions) +
                 ", but the vectors of this model have " +
                 std::to_string(model.info.hidden_size) + " numbers",
             "dimensions", ""};
  for (size_t i = 0; i < request.inputs.size(); ++i)
    inputs.push_back(std::make_unique<Running>());
  left = inputs.size();
  for (size_t i = 0; i < inputs.size() && error.message.empty(); ++i)
    submit(i, error);
  if (!error.message.empty()) {
    exchange->refuse(error);
    cancel();
    return;
  }
  exchange->whenGone([self] { self->cancel(); });
}

void EmbeddingJob::cancel() { model.cancel(mutex, inputs); }

int EmbeddingJob::onEvent(void *data, const tern_event *event) {
  if (event->kind != TERN_EVENT_END)
    return 0;
  Running &running = *static_cast<Running *>(data);
  std::shared_ptr<EmbeddingJob> self = std::move(running.alive);
  try {
    Lock lock(self->mutex);
    self->finish(running, *event);
  } catch (const std::exception &) {
    // No memory, and nothing may be thrown into C.
    self->exchange->leave();
  }
  return 0;
}

/// To the length 1; a vector of zeros stays.
static void normalize(std::vector<float> &vector) {
  double sum = 0;
  for (float value : vector)
    sum += double(value) * value;
  if (double length = std::sqrt(sum); length > 0)
    for (float &value : vector)
      value = static_cast<float>(value / length);
}

void EmbeddingJob::finish(Running &running, const tern_event &event) {
  tokens += event.prompt_tokens;
  reused += event.reused_tokens;
  if (event.hidden) {
    running.vector.assign(event.hidden, event.hidden + model.info.hidden_size);
    normalize(running.vector);
  } else if (failure.empty()) {
    failure =
        event.finish == TERN_FINISH_FAILED ? event.error : "the server ends";
  }
  if (--left == 0)
    finishAll();
}

/// RFC 4648, of bytes as they lie in memory.
static std::string inBase64(const void *data, size_t bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *from = static_cast<const unsigned char *>(data);
  std::string out;
  for (size_t i = 0; i < bytes; i += 3) {
    size_t n = std::min<size_t>(3, bytes - i);
    uint32_t group = uint32_t(from[i]) << 16;
    group |= n > 1 ? uint32_t(from[i + 1]) << 8 : 0;
    group |= n > 2 ? from[i + 2] : 0;
    for (size_t j = 0; j < 4; ++j)
      out += j <= n ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

void EmbeddingJob::finishAll() {
  exchange->note([&](Account &a) {
    a.promptTokens = static_cast<uint32_t>(tokens);
    a.reusedTokens = static_cast<uint32_t>(reused);
  });
  if (!failure.empty())
    return exchange->refuse({500, failure, "", "engine_failed"});
  Json data = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<float> &vector = inputs[i]->vector;
    Json one = {{"object", "embedding"}, {"index", i}};
    if (request.isBase64)
      one["embedding"] = inBase64(vector.data(), vector.size() * sizeof(float));
    else
      one["embedding"] = vector;
    data.push_back(std::move(one));
  }
  Json answer = {
      {"object", "list"},
      {"data", std::move(data)},
      {"model", model.name},
      {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
  exchange->answer(200, "application/json", dump(answer) + "\n");
}
