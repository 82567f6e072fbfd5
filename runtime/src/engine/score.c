/*===- score.c - log-probabilities of a prompt ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The logits of a token judge the one behind it. A request that asks for them
 * gets a row for each token that it reads in a step, so it may read as many as
 * there are rows for. Rows are the same to the bit however many there are.
 */
#include "engine.h"

#include <string.h>

/* Of rows, unless a row for each sequence takes more. */
#define MOST_BYTES ((uint64_t)64 << 20)

int engine_is_scored(const engine_request *request) {
  return (request->flags & TERN_REQUEST_PROMPT_LOGPROBS) &&
         request->answered == 0;
}

int engine_open_rows(tern_engine *engine) {
  uint64_t row = engine->program.model->vocab_size * sizeof(float);
  uint64_t most = MOST_BYTES / row;
  const tern_engine_options *o = &engine->options;
  if (most > o->step_tokens)
    most = o->step_tokens;
  if (most < o->max_sequences)
    most = o->max_sequences;
  engine->row_count = (uint32_t)most;
  engine->rows_bytes = (size_t)(most * row);
  /* Pages come when they are written. */
  engine->rows = tern_memory_map(engine->rows_bytes);
  return engine->rows ? 0 : -1;
}

uint32_t engine_share_rows(const tern_engine *engine) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < engine->running_count; ++i)
    count += engine_is_scored(engine->running[i]) != 0;
  return count ? engine->row_count / count : 0;
}

static void tell_token(engine_request *request, uint32_t at,
                       const float *logits) {
  tern_logprob top[TERN_MAX_TOP];
  tern_event event = {0};
  event.kind = TERN_EVENT_PROMPT;
  event.token = request->sequence->held[at];
  if (logits)
    engine_add_logprobs(request, logits, &event, top);
  engine_tell(request, &event);
}

void engine_tell_hidden(engine_request *request, const tern_segment *segment) {
  const tern_model *model = request->engine->program.model;
  const tern_sequence *s = request->sequence;
  size_t width = model->hidden_size, layers = model->layer_count;
  uint32_t begin = tern_session_position(s->session.session) - segment->n;
  uint32_t first = request->text_count - request->prompt_count;
  float *one = request->hidden + layers * request->hidden_tokens * width;
  for (uint32_t t = 0; t < segment->n; ++t) {
    tern_event event = {0};
    if (begin + t < first || atomic_load(&request->is_cancelled))
      continue;
    for (size_t l = 0; l < layers; ++l)
      memcpy(one + l * width, segment->hidden + (l * segment->n + t) * width,
             width * sizeof(float));
    event.kind = TERN_EVENT_HIDDEN;
    event.token = s->held[begin + t];
    event.hidden = one;
    engine_tell(request, &event);
  }
}

void engine_score(engine_request *request, const tern_segment *segment) {
  const tern_sequence *s = request->sequence;
  size_t vocab_size = request->engine->program.model->vocab_size;
  uint32_t end = tern_session_position(s->session.session);
  uint32_t begin = end - segment->n;
  uint32_t first = request->text_count - request->prompt_count;
  /* A token without a row was judged by one that is read already, if any. */
  if (begin == request->first_position && begin >= first)
    tell_token(request, begin, NULL);
  for (uint32_t i = begin; i < end && i + 1 < request->text_count; ++i)
    if (i + 1 >= first && !atomic_load(&request->is_cancelled))
      tell_token(request, i + 1, segment->logits + (i - begin) * vocab_size);
}
