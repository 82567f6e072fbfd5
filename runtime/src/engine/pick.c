/*===- pick.c - the tokens of a step, by all threads ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A pick orders the tokens of a vocabulary and knows nothing of other picks.
 * One behind the other they would be a third of a step of a small model, in
 * which all threads but one wait.
 */
#include "../host/pick.h"
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* Memory of a thread that picks. */
typedef struct engine_lane {
  tern_candidate *candidates;
  float *original; /* the logits, before a pick has changed them */
} engine_lane;

int engine_open_lanes(tern_engine *engine) {
  size_t vocab_size = engine->program.model->vocab_size;
  engine->lane_count = engine->program.env.worker_count;
  if (engine->lane_count > engine->options.max_sequences)
    engine->lane_count = engine->options.max_sequences;
  engine->lanes = calloc(engine->lane_count, sizeof(*engine->lanes));
  engine->picks = calloc(engine->options.max_sequences, sizeof(*engine->picks));
  for (uint32_t i = 0; engine->lanes && i < engine->lane_count; ++i) {
    engine_lane *lane = &engine->lanes[i];
    lane->candidates = calloc(vocab_size, sizeof(*lane->candidates));
    lane->original = calloc(vocab_size, sizeof(*lane->original));
    if (!lane->candidates || !lane->original)
      return -1;
  }
  return engine->lanes && engine->picks ? 0 : -1;
}

void engine_close_lanes(tern_engine *engine) {
  for (uint32_t i = 0; engine->lanes && i < engine->lane_count; ++i) {
    free(engine->lanes[i].candidates);
    free(engine->lanes[i].original);
  }
  free(engine->lanes);
  free(engine->picks);
}

/*--- One -------------------------------------------------------------------*/

/* No token follows the next one. An end that is forced is part of no form. */
static int is_last(const engine_request *request) {
  return !request->matcher &&
         (request->sequence->count == request->engine->context ||
          (int64_t)request->answered + 1 == request->limit);
}

/* The token behind the text; logits are changed. */
static int32_t token_of(engine_request *request, float *logits) {
  if (request->best >= 0)
    return request->best;
  if (engine_allow(request) != 0)
    return -1;
  return host_pick(&request->generator, request->text_count, is_last(request),
                   logits);
}

static void pick(engine_request *request, float *logits, engine_lane *lane) {
  const uint32_t judged = TERN_REQUEST_LOGPROBS | TERN_REQUEST_LOGITS;
  tern_event *event = &request->picked;
  memset(event, 0, sizeof(*event));
  if (request->flags & judged)
    memcpy(lane->original, logits,
           request->program.model->vocab_size * sizeof(float));
  request->generator.candidates = lane->candidates;
  event->kind = TERN_EVENT_TOKEN;
  event->token = token_of(request, logits);
  if (event->token >= 0 && (request->flags & judged))
    engine_add_logprobs(request, lane->original, event, request->likeliest);
  request->has_picked = 1;
}

void engine_pick(engine_request *request, float *logits) {
  if (!request->has_picked)
    pick(request, logits, &request->engine->lanes[0]);
  request->has_picked = 0;
}

int32_t engine_choose(void *data, tern_candidate *candidates, uint32_t count,
                      float bound) {
  engine_request *request = data;
  if (engine_allow(request) != 0)
    return -1;
  return host_choose(&request->generator, request->text_count,
                     request->sequence->count, is_last(request), candidates,
                     count, bound);
}

/*--- All of a step ---------------------------------------------------------*/

typedef struct shared_picks {
  tern_engine *engine;
  uint32_t count;
  atomic_uint next;
} shared_picks;

static void pick_some(void *data, uint32_t lane) {
  shared_picks *shared = data;
  tern_engine *engine = shared->engine;
  for (uint32_t i; (i = atomic_fetch_add(&shared->next, 1)) < shared->count;)
    pick(engine->picks[i].request, engine->picks[i].logits,
         &engine->lanes[lane]);
}

/* Nothing of it is shared with others, and its logits are of no use behind it.
 */
static int can_be_shared(const engine_request *request,
                         const tern_segment *segment) {
  return segment->logits && request->best < 0 && request->limit != 0 &&
         !request->matcher && !(request->flags & TERN_REQUEST_LOGITS) &&
         !engine_is_scored(request);
}

void engine_pick_all(tern_engine *engine) {
  const tern_segment *segment = engine->segments;
  shared_picks shared = {.engine = engine};
  for (uint32_t i = 0; i < engine->running_count; ++i) {
    engine_request *request = engine->running[i];
    if (request->share == 0)
      continue;
    if (can_be_shared(request, segment))
      engine->picks[shared.count++] = (engine_picked){request, segment->logits};
    ++segment;
  }
  uint32_t lanes =
      shared.count < engine->lane_count ? shared.count : engine->lane_count;
  atomic_init(&shared.next, 0);
  if (lanes > 1)
    tern_pool_run(engine->program.pool, pick_some, &shared, lanes);
}
