/*===- submit.c - the queue in front of the steps --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"

/* Under `queue`. */
static int push(tern_engine *engine, engine_request *request) {
  const tern_engine_options *o = &engine->options;
  uint32_t places = o->max_sequences - engine->running_count;
  if (engine->is_draining)
    return engine_fail(TERN_ENGINE_BUSY,
                       "the engine is about to stop and takes no requests");
  if (engine->waiting_count >= o->max_waiting + places)
    return engine_fail(TERN_ENGINE_BUSY,
                       "%u requests run and %u wait already, which is all that "
                       "max_sequences and max_waiting allow",
                       engine->running_count, engine->waiting_count);
  request->id = ++engine->last_id;
  *engine->waiting_end = request;
  engine->waiting_end = &request->next;
  ++engine->waiting_count;
  pthread_cond_broadcast(&engine->arrived);
  return 0;
}

int tern_engine_submit(tern_engine *engine, const tern_request *wanted,
                       uint64_t *id) {
  int result = engine_check_process(engine);
  /* A request that goes on from a sequence needs to know it at rest. */
  tern_sequence *sequence =
      wanted->size > offsetof(tern_request, sequence) ? wanted->sequence : NULL;
  if (result != 0)
    return result;
  if (sequence)
    engine_turns_take(&engine->driving);
  engine_request *request = engine_request_make(engine, wanted, &result);
  if (request) {
    pthread_mutex_lock(&engine->queue);
    result = push(engine, request);
    engine->refused += result != 0;
    if (result == 0 && sequence)
      sequence->request = request;
    if (result == 0 && id)
      *id = request->id;
    pthread_mutex_unlock(&engine->queue);
    if (result != 0)
      engine_request_free(request);
  }
  if (sequence)
    engine_turns_give(&engine->driving);
  return result;
}

engine_request *engine_next(tern_engine *engine, uint64_t bytes,
                            uint64_t tokens) {
  pthread_mutex_lock(&engine->queue);
  engine_request *request = engine->waiting;
  if (request &&
      (request->reserved_bytes > bytes || request->reserved_tokens > tokens))
    request = NULL;
  if (request) {
    engine->waiting = request->next;
    if (!engine->waiting)
      engine->waiting_end = &engine->waiting;
    --engine->waiting_count;
    request->next = NULL;
  }
  pthread_mutex_unlock(&engine->queue);
  return request;
}

engine_request *engine_take_cancelled(tern_engine *engine) {
  engine_request *taken = NULL, **end = &taken;
  pthread_mutex_lock(&engine->queue);
  engine->waiting_end = &engine->waiting;
  while (*engine->waiting_end) {
    engine_request *request = *engine->waiting_end;
    if (!atomic_load(&request->is_cancelled)) {
      engine->waiting_end = &request->next;
      continue;
    }
    *engine->waiting_end = request->next;
    --engine->waiting_count;
    request->next = NULL;
    *end = request;
    end = &request->next;
  }
  pthread_mutex_unlock(&engine->queue);
  return taken;
}

void tern_engine_cancel(tern_engine *engine, uint64_t id) {
  pthread_mutex_lock(&engine->queue);
  for (engine_request *r = engine->waiting; r; r = r->next)
    if (r->id == id)
      atomic_store(&r->is_cancelled, 1);
  for (uint32_t i = 0; i < engine->running_count; ++i)
    if (engine->running[i]->id == id)
      atomic_store(&engine->running[i]->is_cancelled, 1);
  pthread_mutex_unlock(&engine->queue);
}

int tern_engine_count(tern_engine *engine, tern_engine_counts *counts) {
  pthread_mutex_lock(&engine->queue);
  tern_engine_counts all = engine->published;
  all.requests = engine->last_id;
  all.refused = engine->refused;
  all.running = engine->running_count;
  all.waiting = engine->waiting_count;
  pthread_mutex_unlock(&engine->queue);
  engine_give(counts, counts->size, &all, sizeof(all));
  return 0;
}

int tern_engine_count_weights(tern_engine *engine, tern_weight_count *counts,
                              size_t room, size_t *count) {
  const host_program *program = &engine->program;
  int result = engine_check_process(engine);
  if (result != 0)
    return result;
  engine_turns_take(&engine->driving);
  *count = program->model->projection_count;
  for (size_t p = 0; p < *count && p < room; ++p) {
    counts[p].name = program->model->projection_names[p];
    counts[p].held_bytes = program->counters[2 * p];
    counts[p].read_bytes = program->counters[2 * p + 1];
  }
  engine_turns_give(&engine->driving);
  return 0;
}
