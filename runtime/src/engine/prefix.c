/*===- prefix.c - states of texts that begin alike -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A beginning that another sequence has is shared (share.c). Texts are compared
 * token by token: for all sequences that takes microseconds, and other than
 * hashes of blocks it cannot be wrong.
 */
#include "engine.h"

#include <string.h>

/* States that are kept, however small they are. */
#define MOST_KEPT 256u

static uint32_t position_of(const tern_sequence *sequence) {
  return tern_session_position(sequence->session.session);
}

/* Tokens that both texts begin with, of the first `most`. */
static uint32_t common(const int32_t *a, const int32_t *b, uint32_t most) {
  uint32_t i = 0;
  while (i < most && a[i] == b[i])
    ++i;
  return i;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* A sequence whose text begins as the request's prompt does. */
typedef struct beginning {
  tern_sequence *sequence;
  uint32_t count; /* tokens */
} beginning;

static void take_longer(beginning *best, tern_sequence *sequence,
                        uint32_t count) {
  if (count <= best->count)
    return;
  best->sequence = sequence;
  best->count = count;
}

/* In `ready` the longest that has a state, in `coming` the longest that some
 * request reads. The prompt's last token is read in any case: its logits are
 * wanted. A recurrent state is that of its whole text and no other, and `apart`
 * is the longest beginning that has none: the texts part there. */
static void find(const engine_request *request, beginning *ready,
                 beginning *coming, uint32_t *apart) {
  tern_engine *engine = request->engine;
  int is_recurrent = engine->program.model->is_recurrent != 0;
  for (tern_sequence *s = engine->sequences; s; s = s->next) {
    if (s->is_private || s == request->sequence)
      continue;
    uint32_t position = position_of(s);
    uint32_t count = common(request->prompt, s->held,
                            least(request->prompt_count - 1, s->count));
    if (!is_recurrent) {
      take_longer(ready, s, least(count, position));
      take_longer(coming, s, s->request ? count : 0);
    } else if (count >= position) {
      take_longer(ready, s, position);
    } else if (count > *apart) {
      *apart = count;
    }
  }
}

/* Of those that are kept, other than `spared`. */
static tern_sequence *least_recent(const tern_engine *engine,
                                   const tern_sequence *spared) {
  tern_sequence *oldest = NULL;
  for (tern_sequence *s = engine->sequences; s; s = s->next)
    if (s != spared && !s->is_owned && !s->request &&
        (!oldest || s->used < oldest->used))
      oldest = s;
  return oldest;
}

static void count_kept(tern_engine *engine) {
  tern_engine_counts *counts = &engine->counts;
  counts->kept = 0;
  counts->kept_bytes = 0;
  ++engine->rounds;
  /* Parts that others use would not go with those that are kept. */
  for (const tern_sequence *s = engine->sequences; s; s = s->next)
    if (s->is_owned || s->request)
      engine_count_parts(s, engine->rounds);
  for (const tern_sequence *s = engine->sequences; s; s = s->next)
    if (!s->is_owned && !s->request) {
      ++counts->kept;
      counts->kept_bytes +=
          engine_own_bytes(s) + engine_count_parts(s, engine->rounds);
    }
}

/* Evicts until all that is kept is within the limits. */
static void evict(tern_engine *engine) {
  count_kept(engine);
  while (engine->counts.kept_bytes > engine->options.kept_bytes ||
         engine->counts.kept > MOST_KEPT) {
    engine_sequence_close(least_recent(engine, NULL));
    ++engine->counts.evicted;
    count_kept(engine);
  }
}

/* A new one; where there is no memory, in the place of those that are kept,
 * `spared` aside. */
static tern_sequence *open_sequence(tern_engine *engine,
                                    const tern_sequence *spared) {
  for (;;) {
    tern_sequence *oldest, *sequence = engine_sequence_open(engine);
    if (sequence || !(oldest = least_recent(engine, spared)))
      return sequence;
    engine_sequence_close(oldest);
    ++engine->counts.evicted;
  }
}

/* Nobody else loses more than a piece of a block. */
static int can_be_taken(const engine_request *request, const beginning *ready) {
  const tern_sequence *s = ready->sequence;
  uint32_t block = request->engine->program.model->state_block_tokens;
  return !request->sequence && !s->is_owned && !s->request && !s->is_snapshot &&
         position_of(s) < ready->count + block &&
         tern_session_rewind(s->session.session, ready->count) == TERN_OK;
}

/* A prompt goes on in the next turn of a conversation, but for a few tokens at
 * its end that begin the answer, which templates write in another way then. */
#define TURN_TOKENS 16u

/* Where a recurrent state, which cannot go back, is likely to be wanted again:
 * where the prompt parts from another text, as behind a system prompt, and close
 * to its end. Each is worth a copy if it saves some blocks of reading. */
static void plan_snapshots(engine_request *request, uint32_t apart) {
  const tern_model *model = request->engine->program.model;
  uint32_t block = model->state_block_tokens, last = request->reused;
  uint32_t end = request->prompt_count > TURN_TOKENS
                     ? request->prompt_count - TURN_TOKENS
                     : 0;
  uint32_t *next = request->snapshots;
  if (!model->is_recurrent || request->sequence->is_owned ||
      (request->flags & TERN_REQUEST_PRIVATE))
    return;
  if (apart >= last + block && apart < request->prompt_count)
    *next++ = last = apart;
  if (end >= last + block)
    *next = end;
}

/* Finds the request's sequence, with some of its prompt in it. */
static int find_sequence(engine_request *request) {
  tern_engine *engine = request->engine;
  uint32_t block = engine->program.model->state_block_tokens;
  beginning ready = {NULL, 0}, coming = {NULL, 0};
  uint32_t apart = 0;
  if (!(request->flags & (TERN_REQUEST_PRIVATE | TERN_REQUEST_PROMPT_HIDDEN)) &&
      !engine_is_scored(request))
    find(request, &ready, &coming, &apart);
  if (coming.count >= ready.count + block)
    return 1;
  if (ready.count < block)
    ready.count = 0;
  if (ready.count && can_be_taken(request, &ready)) {
    request->sequence = ready.sequence;
    ready.sequence->count = ready.count;
    engine_cut_shared(ready.sequence, ready.count);
  } else {
    if (!request->sequence)
      request->sequence = open_sequence(engine, ready.sequence);
    if (!request->sequence)
      return TERN_ENGINE_FAILED;
    if (ready.count) {
      ready.sequence->used = engine->counts.steps;
      int result =
          engine_sequence_copy(request->sequence, ready.sequence, ready.count);
      if (result != 0)
        return result;
    }
  }
  request->reused = ready.count;
  plan_snapshots(request, apart);
  return 0;
}

void engine_snapshot(engine_request *request) {
  tern_engine *engine = request->engine;
  tern_sequence *from = request->sequence;
  uint32_t position = position_of(from);
  if (position != request->snapshots[0] && position != request->snapshots[1])
    return;
  tern_sequence *copy = open_sequence(engine, from);
  if (!copy)
    return; /* without one, another request reads what this one has read */
  if (engine_sequence_copy(copy, from, position) != 0) {
    engine_sequence_close(copy);
    return;
  }
  copy->is_snapshot = 1;
  copy->used = engine->counts.steps;
  evict(engine);
}

/* The request's sequence holds the prompt but for the first `from` tokens,
 * which it has already. */
static void append_prompt(engine_request *request, uint32_t from) {
  tern_sequence *sequence = request->sequence;
  uint32_t count = request->prompt_count - from;
  if (count)
    memcpy(sequence->held + sequence->count, request->prompt + from,
           count * sizeof(*sequence->held));
  sequence->count += count;
}

int engine_begin(engine_request *request) {
  uint32_t from = 0;
  if (!request->sequence || request->sequence->count == 0) {
    int result = find_sequence(request);
    if (result != 0)
      return result;
    from = request->reused;
  } else {
    request->reused = position_of(request->sequence);
  }
  append_prompt(request, from);
  tern_sequence *sequence = request->sequence;
  request->first_position = position_of(sequence);
  sequence->request = request;
  sequence->is_private |= (request->flags & TERN_REQUEST_PRIVATE) != 0;
  request->generator.session = sequence->session.session;
  request->generator.held = sequence->held;
  request->has_begun = 1;
  return 0;
}

void engine_keep(engine_request *request) {
  tern_engine *engine = request->engine;
  tern_sequence *sequence = request->sequence;
  if (!sequence)
    return;
  sequence->request = NULL;
  if (request->answered) {
    sequence->random = request->generator.sampler.random;
    sequence->has_random = 1;
  }
  sequence->used = engine->counts.steps;
  if (!sequence->is_owned && sequence->is_private)
    engine_sequence_close(sequence);
  evict(engine);
}
