/*===- answer.c - from logits to events ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../host/kl.h"
#include "../host/speak.h"
#include "engine.h"

#include <string.h>

static void clear(host_copy *copy) { copy->text.bytes = copy->marks.bytes = 0; }

static uint64_t since(int64_t came, int64_t then) {
  return then > came ? (uint64_t)(then - came) : 0;
}

void engine_tell(engine_request *request, tern_event *event) {
  host_copy *out = &request->out;
  event->size = sizeof(*event);
  event->request = request->id;
  event->text = out->text.bytes ? out->text.at : "";
  event->marks = out->text.bytes ? (const uint8_t *)out->marks.at : NULL;
  event->text_bytes = out->text.bytes;
  event->prompt_tokens = request->text_count;
  event->reused_tokens = request->reused;
  event->answer_tokens = request->answered;
  event->queued_ns = since(request->came, request->began);
  event->first_token_ns = since(request->came, request->first);
  event->total_ns = since(request->came, host_now());
  if (!event->error)
    event->error = "";
  if (request->on_event && request->on_event(request->data, event) != 0)
    atomic_store(&request->is_cancelled, 1);
  clear(out);
}

/* The text that the template has begun the answer with. */
static void open_answer(engine_request *request) {
  const host_copy *opening = &request->opening;
  tern_event event = {0};
  event.kind = TERN_EVENT_OPENING;
  event.token = -1;
  if (opening->text.bytes &&
      host_copy_append(&request->program, &request->out, opening->text.at,
                       opening->marks.at, opening->text.bytes) == 0)
    engine_tell(request, &event);
}

void engine_end(engine_request *request, tern_finish finish, const char *error,
                const float *logits) {
  const tern_model *model = request->program.model;
  tern_event event = {0};
  host_speak_rest(&request->generator, &request->out);
  event.kind = TERN_EVENT_END;
  event.token = -1;
  event.finish = finish;
  event.error = error;
  event.logits = logits;
  if ((request->flags & TERN_REQUEST_HIDDEN) && model->layer_count &&
      request->has_begun && finish != TERN_FINISH_CANCELLED &&
      finish != TERN_FINISH_FAILED)
    event.hidden =
        request->hidden + (size_t)(model->layer_count - 1) * model->hidden_size;
  engine_tell(request, &event);
}

/*--- Tokens ----------------------------------------------------------------*/

/* Fills the likeliest, in order. */
static uint32_t find_top(const float *logits, uint32_t vocab_size,
                         uint32_t most, tern_logprob *top) {
  uint32_t count = 0;
  for (uint32_t v = 0; v < vocab_size; ++v) {
    double logit = (double)logits[v];
    uint32_t at = count;
    while (at > 0 && logit > top[at - 1].logprob)
      --at;
    if (at == most)
      continue;
    count += count < most;
    memmove(top + at + 1, top + at, (count - at - 1) * sizeof(*top));
    top[at].token = (int32_t)v;
    top[at].reserved = 0;
    top[at].logprob = logit;
  }
  return count;
}

void engine_add_logprobs(const engine_request *request, const float *logits,
                         tern_event *event, tern_logprob *top) {
  uint32_t vocab_size = request->program.model->vocab_size;
  if (request->flags & TERN_REQUEST_LOGITS)
    event->logits = logits;
  if (!(request->flags &
        (TERN_REQUEST_LOGPROBS | TERN_REQUEST_PROMPT_LOGPROBS)))
    return;
  softmax all = softmax_of(logits, vocab_size);
  event->logprob = softmax_log(&all, logits[event->token]);
  event->top_count = find_top(logits, vocab_size, request->top, top);
  event->top = top;
  for (uint32_t i = 0; i < event->top_count; ++i)
    top[i].logprob = softmax_log(&all, (float)top[i].logprob);
}

/* The answer after this token, of whose text the end may be a stop string. */
static tern_finish finish_of(engine_request *request, int pushed, int is_full) {
  if (pushed < 0)
    return TERN_FINISH_FAILED;
  if (pushed > 0 || engine_is_complete(request))
    return TERN_FINISH_STOP;
  if ((int64_t)request->answered == request->limit)
    return TERN_FINISH_LENGTH;
  return is_full ? TERN_FINISH_CONTEXT : TERN_FINISH_NONE;
}

tern_finish engine_answer(engine_request *request, float *logits) {
  tern_engine *engine = request->engine;
  tern_sequence *sequence = request->sequence;
  int is_full = sequence->count == engine->context;
  if (request->limit == 0)
    return TERN_FINISH_LENGTH;
  if (request->answered == 0)
    open_answer(request);
  engine_pick(request, logits);
  tern_event event = request->picked;
  if (event.token < 0)
    return TERN_FINISH_FAILED;
  if (host_is_end(&request->generator, event.token)) {
    request->end_logits = event.logits;
    return TERN_FINISH_STOP;
  }
  if (engine_accept(request, event.token) != 0)
    return TERN_FINISH_FAILED;
  tern_sampler_accept(&request->generator.sampler, event.token);
  if (request->answered++ == 0)
    request->first = host_now();
  if (!is_full)
    sequence->held[sequence->count++] = event.token;
  int pushed = request->program.has_tokenizer
                   ? host_speak(&request->generator, event.token,
                                request->shows_tags, &request->out)
                   : 0;
  engine_tell(request, &event);
  return finish_of(request, pushed, is_full);
}
