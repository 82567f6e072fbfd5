/*===- step.c - who gets how many tokens of a step -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * There are no phases: the text of a sequence is longer than its state, by a
 * whole prompt or by the last token, and a step reads some of the rest. Who
 * lacks a single token gets it; those who read prompts share what is left
 * evenly, so that a short prompt does not wait for a long one.
 */
#include "../core/session.h"
#include "engine.h"

#include <math.h>
#include <string.h>

/* The request's place becomes free; the others keep their order. */
static void remove_running(tern_engine *engine, uint32_t at) {
  pthread_mutex_lock(&engine->queue);
  --engine->running_count;
  memmove(engine->running + at, engine->running + at + 1,
          (engine->running_count - at) * sizeof(*engine->running));
  pthread_mutex_unlock(&engine->queue);
}

/* The end of a request that is in no list any more. */
static void end_request(engine_request *request, tern_finish finish,
                        const float *logits) {
  const char *error = request->program.error.text;
  tern_engine_counts *counts = &request->engine->counts;
  int failed = finish == TERN_FINISH_FAILED;
  ++*(failed                            ? &counts->failed
      : finish == TERN_FINISH_CANCELLED ? &counts->cancelled
                                        : &counts->finished);
  engine_keep(request);
  engine_end(request, finish, failed ? error : NULL, logits);
  engine_request_free(request);
}

static void end_running(tern_engine *engine, uint32_t at, tern_finish finish,
                        const float *logits) {
  engine_request *request = engine->running[at];
  remove_running(engine, at);
  end_request(request, finish, logits);
}

static int is_interrupted(const tern_engine *engine) {
  const atomic_int *interrupt = engine->program.interrupt;
  return interrupt && atomic_load(interrupt);
}

static void end_cancelled(tern_engine *engine) {
  if (is_interrupted(engine)) {
    pthread_mutex_lock(&engine->queue);
    engine_cancel_all(engine);
    pthread_mutex_unlock(&engine->queue);
  }
  engine_request *next, *taken = engine_take_cancelled(engine);
  for (; taken; taken = next) {
    next = taken->next;
    end_request(taken, TERN_FINISH_CANCELLED, NULL);
  }
  for (uint32_t i = engine->running_count; i-- > 0;)
    if (atomic_load(&engine->running[i]->is_cancelled))
      end_running(engine, i, TERN_FINISH_CANCELLED, NULL);
}

/*--- Who runs --------------------------------------------------------------*/

static void count_running(const tern_engine *engine, uint64_t *bytes,
                          uint64_t *tokens) {
  *bytes = *tokens = 0;
  for (uint32_t i = 0; i < engine->running_count; ++i) {
    *bytes += engine->running[i]->reserved_bytes;
    *tokens += engine->running[i]->reserved_tokens;
  }
}

static uint64_t left_of(uint64_t limit, uint64_t used) {
  return limit ? limit - used : UINT64_MAX;
}

/* In the order in which they came. */
static void admit(tern_engine *engine) {
  const tern_engine_options *o = &engine->options;
  uint64_t bytes, tokens;
  while (engine->running_count < o->max_sequences) {
    count_running(engine, &bytes, &tokens);
    engine_request *request =
        engine_next(engine, left_of(o->state_bytes, bytes),
                    left_of(o->state_tokens, tokens));
    if (!request)
      return;
    pthread_mutex_lock(&engine->queue);
    engine->running[engine->running_count++] = request;
    pthread_mutex_unlock(&engine->queue);
  }
}

/* Those that have no sequence yet. */
static void begin(tern_engine *engine) {
  for (uint32_t i = 0; i < engine->running_count;) {
    engine_request *request = engine->running[i];
    int result = request->has_begun ? 0 : engine_begin(request);
    if (result < 0) {
      host_fail(&request->program.error, "%s", tern_engine_error());
      end_running(engine, i, TERN_FINISH_FAILED, NULL);
      continue;
    }
    if (result == 0 && !request->is_counted) {
      request->is_counted = 1;
      request->began = host_now();
      engine->counts.reused_tokens += request->reused;
    }
    ++i;
  }
}

/*--- Who gets how much -----------------------------------------------------*/

/* Tokens that a request could use in this step, of which `rows` may have their
 * logits. A hidden state is wanted of the last token alone, which is then a
 * step's of its own. */
static uint32_t need_of(const engine_request *request, uint32_t rows) {
  if (!request->has_begun)
    return 0;
  const tern_sequence *s = request->sequence;
  uint32_t position = tern_session_position(s->session.session);
  uint32_t need = s->count - position;
  for (int i = 0; i < 2; ++i) {
    uint32_t stop = request->snapshots[i];
    if (position < stop && stop < position + need)
      need = stop - position;
  }
  if (need > 1 && (request->flags & TERN_REQUEST_HIDDEN) &&
      request->answered == 0)
    --need;
  return engine_is_scored(request) && need > rows ? rows : need;
}

/* A step has costs besides its tokens, about those of so many. */
#define STEP_COST 8u

/* Tokens of prompts that a step may read beside `singles` tokens of others, who
 * wait for it: the step takes about twice as long as without, and longer where
 * fewer of them hold up more that read, or wait for what is read. */
static uint32_t read_at_most(const tern_engine *engine, uint32_t singles) {
  uint32_t left = engine->options.step_tokens - singles;
  if (singles == 0)
    return left;
  uint64_t most =
      (uint64_t)(singles + STEP_COST) * engine->running_count / singles;
  return most < left ? (uint32_t)most : left;
}

/* The rest, for those that read. */
static uint32_t share_single(tern_engine *engine, uint32_t rows,
                             uint32_t *readers) {
  uint32_t singles = 0;
  *readers = 0;
  for (uint32_t i = 0; i < engine->running_count; ++i) {
    engine_request *request = engine->running[i];
    uint32_t need = need_of(request, rows);
    request->share = need == 1;
    singles += request->share;
    *readers += need > 1;
  }
  return read_at_most(engine, singles);
}

/* Rounds: who needs less than an even share leaves the rest to the others. */
static void share_tokens(tern_engine *engine) {
  uint32_t rows = engine_share_rows(engine);
  uint32_t readers, budget = share_single(engine, rows, &readers);
  while (budget && readers) {
    uint32_t even = budget / readers ? budget / readers : 1;
    readers = 0;
    for (uint32_t i = 0; i < engine->running_count && budget; ++i) {
      engine_request *request = engine->running[i];
      uint32_t missing = need_of(request, rows) - request->share;
      uint32_t more = missing < even ? missing : even;
      if (more > budget)
        more = budget;
      request->share += more;
      budget -= more;
      readers += missing > more;
    }
  }
}

/*--- The step --------------------------------------------------------------*/

static int reaches_end(const engine_request *request) {
  const tern_sequence *s = request->sequence;
  return tern_session_position(s->session.session) + request->share == s->count;
}

/* Logits of all tokens of the segment. */
static void fill_scored(tern_engine *engine, uint32_t *row,
                        tern_segment *segment) {
  segment->logits =
      engine->rows + *row * (size_t)engine->program.model->vocab_size;
  segment->logits_count = segment->n;
  *row += segment->n;
}

static void fill_segment(tern_engine *engine, engine_request *request,
                         uint32_t row, uint32_t *rows, tern_segment *segment) {
  const tern_sequence *s = request->sequence;
  size_t vocab_size = engine->program.model->vocab_size;
  memset(segment, 0, sizeof(*segment));
  segment->tokens = s->held + tern_session_position(s->session.session);
  segment->n = request->share;
  request->best = -1;
  if (engine_is_scored(request))
    fill_scored(engine, rows, segment);
  if (request->answered == 0 &&
      ((request->flags & TERN_REQUEST_PROMPT_HIDDEN) || reaches_end(request)))
    segment->hidden = request->hidden;
  if (!reaches_end(request))
    return;
  if (segment->logits ||
      (request->limit == 0 && !(request->flags & TERN_REQUEST_LOGITS)))
    return;
  segment->logits_count = 1;
  segment->logits = engine->logits + row * vocab_size;
  if (request->picks_best || request->may_choose) {
    if (engine->is_dirty[row])
      memset(segment->logits, 0, vocab_size * sizeof(float));
    segment->best = &request->best;
  }
  if (!request->picks_best && request->may_choose)
    segment->choice = &request->choice;
  engine->is_dirty[row] = !segment->best;
}

/* The sessions and segments of the step, in the order of those that run. */
static uint32_t plan(tern_engine *engine) {
  uint32_t count = 0, rows = 0;
  share_tokens(engine);
  for (uint32_t i = 0; i < engine->running_count; ++i) {
    engine_request *request = engine->running[i];
    if (request->share == 0)
      continue;
    engine->sessions[count] = request->sequence->session.session;
    fill_segment(engine, request, count, &rows, &engine->segments[count]);
    ++count;
  }
  return count;
}

static int is_finite(const float *logits, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!isfinite(logits[i]))
      return 0;
  return 1;
}

static float *last_row(const tern_engine *engine, const tern_segment *segment) {
  size_t vocab_size = engine->program.model->vocab_size;
  return segment->logits
             ? segment->logits + (segment->logits_count - 1) * vocab_size
             : NULL;
}

/* A request without an answer gets them at its end, and so does one with which
 * nothing can be picked by them. */
static const float *logits_behind(const tern_engine *engine, uint32_t at,
                                  const tern_segment *segment,
                                  tern_finish finish) {
  const engine_request *request = engine->running[at];
  if (!(request->flags & TERN_REQUEST_LOGITS))
    return NULL;
  if (finish == TERN_FINISH_FAILED ? request->is_not_finite
                                   : request->limit == 0)
    return last_row(engine, segment);
  return request->end_logits;
}

/* Events for what was read, also where its numbers are not finite: that is when
 * somebody wants to see them. */
static void tell_read(tern_engine *engine, engine_request *request,
                      const tern_segment *segment) {
  tern_sequence *s = request->sequence;
  uint32_t position = tern_session_position(s->session.session);
  if (s->written < position)
    s->written = position;
  if (request->answered)
    return;
  engine->counts.prompt_tokens += segment->n;
  engine_snapshot(request);
  if (request->flags & TERN_REQUEST_PROMPT_HIDDEN)
    engine_tell_hidden(request, segment);
  if (engine_is_scored(request))
    engine_score(request, segment);
}

/* A request after a step that it was part of. */
static tern_finish advance(tern_engine *engine, engine_request *request,
                           const tern_segment *segment, tern_status status) {
  tern_sequence *s = request->sequence;
  uint32_t position = tern_session_position(s->session.session);
  size_t values =
      (size_t)engine->program.model->vocab_size * segment->logits_count;
  /* In a batch one's numbers are no fault of others. */
  if (status == TERN_NOT_FINITE &&
      (!segment->logits || is_finite(segment->logits, values)))
    status = TERN_OK;
  /* Who wants such numbers gets all of them, however they are cut into steps.
   */
  int reads_on =
      status == TERN_NOT_FINITE && request->answered == 0 &&
      (engine_is_scored(request) ||
       (request->flags & (TERN_REQUEST_LOGITS | TERN_REQUEST_PROMPT_HIDDEN)));
  if (status == TERN_OK || reads_on)
    tell_read(engine, request, segment);
  request->is_not_finite |= reads_on;
  if (request->is_not_finite) {
    if (position < s->count)
      return TERN_FINISH_NONE;
    status = TERN_NOT_FINITE;
  }
  if (host_status(&request->program, status,
                  request->answered ? "evaluation" : "prompt") != 0)
    return TERN_FINISH_FAILED;
  if (position < s->count)
    return TERN_FINISH_NONE;
  uint32_t before = request->answered;
  tern_finish finish = engine_answer(request, last_row(engine, segment));
  engine->counts.answer_tokens += request->answered - before;
  return finish;
}

/* Those that are over leave. */
static void deliver(tern_engine *engine, tern_status status) {
  uint32_t row = 0;
  if (status == TERN_OK)
    engine_pick_all(engine);
  for (uint32_t i = 0; i < engine->running_count;) {
    engine_request *request = engine->running[i];
    const tern_segment *segment = &engine->segments[row];
    tern_finish finish = TERN_FINISH_NONE;
    if (request->share) {
      engine->is_dirty[row] |= segment->choice && request->best < 0;
      finish = advance(engine, request, segment, status);
      ++row;
    }
    if (finish == TERN_FINISH_NONE)
      ++i;
    else
      end_running(engine, i, finish, logits_behind(engine, i, segment, finish));
  }
  if (status != TERN_OK)
    memset(engine->is_dirty, 1, engine->options.max_sequences);
}

/* Rather than to read pages that are gone. */
static void end_lost(tern_engine *engine) {
  while (engine->running_count) {
    host_fail(&engine->running[0]->program.error,
              "%s became shorter while it was used; open it again",
              engine->weights ? engine->weights : "the program");
    end_running(engine, 0, TERN_FINISH_FAILED, NULL);
  }
}

/* Some layers have gone on and some have not. */
static void forget_recurrent(tern_engine *engine) {
  if (!engine->program.model->is_recurrent)
    return;
  for (uint32_t i = 0; i < engine->running_count; ++i) {
    tern_sequence *s = engine->running[i]->sequence;
    if (engine->running[i]->share == 0)
      continue;
    tern_session_rewind(s->session.session, 0);
    s->count = 0;
  }
}

static void compute(tern_engine *engine, uint32_t count) {
  int64_t before = host_now();
  /* Left in the middle: all is as if it had not begun, or, where states are
   * recurrent, at its beginning. */
  if (setjmp(engine->program.left)) {
    memset(engine->is_dirty, 1, engine->options.max_sequences);
    forget_recurrent(engine);
    end_cancelled(engine);
    return;
  }
  tern_status status =
      tern_batch_eval(engine->sessions, engine->segments, count);
  ++engine->counts.steps;
  engine->counts.step_ns += (uint64_t)(host_now() - before);
  deliver(engine, status);
}

static int step(tern_engine *engine) {
  end_cancelled(engine);
  admit(engine);
  if (engine_is_cut(engine))
    end_lost(engine);
  begin(engine);
  uint32_t count = plan(engine);
  if (count)
    compute(engine, count);
  count_running(engine, &engine->counts.running_bytes,
                &engine->counts.running_tokens);
  pthread_mutex_lock(&engine->queue);
  engine->published = engine->counts;
  int result = engine_has_work(engine);
  if (!result)
    pthread_cond_broadcast(&engine->idle);
  pthread_mutex_unlock(&engine->queue);
  return result;
}

int tern_engine_step(tern_engine *engine) {
  int result = engine_check_process(engine);
  if (result != 0)
    return result;
  engine_turns_take(&engine->driving);
  if (engine->is_stepping) {
    result = engine_fail(TERN_ENGINE_INVALID,
                         "a callback must not step the engine it is called by");
  } else {
    engine->is_stepping = 1;
    result = step(engine);
    engine->is_stepping = 0;
  }
  engine_turns_give(&engine->driving);
  return result;
}
