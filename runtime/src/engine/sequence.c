/*===- sequence.c - text and its state -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../core/session.h"
#include "engine.h"

#include <stdlib.h>
#include <string.h>

uint64_t engine_state_bytes(const tern_engine *engine, uint32_t tokens) {
  return tern_model_state_bytes(engine->program.model, tokens);
}

tern_sequence *engine_sequence_open(tern_engine *engine) {
  host_program program = engine->program;
  tern_sequence *sequence = calloc(1, sizeof(*sequence));
  if (sequence)
    sequence->held = malloc(((size_t)engine->context + 1) * sizeof(int32_t));
  if (!sequence || !sequence->held) {
    free(sequence);
    engine_fail(TERN_ENGINE_FAILED, "out of memory");
    return NULL;
  }
  if (host_session_open(&program, engine->context, &sequence->session) != 0) {
    free(sequence->held);
    free(sequence);
    engine_fail(TERN_ENGINE_FAILED, "%s", program.error.text);
    return NULL;
  }
  /* The copy ends with this function. */
  sequence->session.session->env = &engine->program.env;
  sequence->engine = engine;
  sequence->next = engine->sequences;
  sequence->used = engine->counts.steps;
  engine->sequences = sequence;
  return sequence;
}

void engine_sequence_close(tern_sequence *sequence) {
  tern_sequence **at = &sequence->engine->sequences;
  while (*at != sequence)
    at = &(*at)->next;
  *at = sequence->next;
  engine_unshare(sequence);
  host_session_close(&sequence->session);
  free(sequence->held);
  free(sequence);
}

/* Within the memory of a device. */
static int copy_on_device(tern_engine *engine, void *to, const void *from,
                          size_t bytes) {
  const tern_device *device = engine->program.env.device;
  host_program program = engine->program;
  if (host_status(&program, device->copy(device->host, to, from, bytes),
                  "copying a state") == 0)
    return 0;
  return engine_fail(TERN_ENGINE_FAILED, "%s", program.error.text);
}

int engine_sequence_copy(tern_sequence *to, tern_sequence *from,
                         uint32_t count) {
  tern_session *session = to->session.session;
  uint8_t *state = session->state;
  const uint8_t *other = from->session.session->state;
  size_t bytes = (size_t)engine_state_bytes(to->engine, count);
  if (to->engine->program.model->device) {
    int result = copy_on_device(to->engine, state, other, bytes);
    if (result != 0)
      return result;
  } else {
    size_t shared = (size_t)engine_share(to, from, count);
    /* Around what is shared. */
    if (shared)
      memcpy(state, other, (size_t)engine_shared_before(to));
    memcpy(state + shared, other + shared, bytes - shared);
  }
  memcpy(to->held, from->held, count * sizeof(*to->held));
  session->position = to->count = count;
  if (to->written < count)
    to->written = count;
  return 0;
}

/*--- Those of the caller ---------------------------------------------------*/

tern_sequence *tern_sequence_create(tern_engine *engine) {
  if (engine_check_process(engine) != 0)
    return NULL;
  engine_turns_take(&engine->driving);
  tern_sequence *sequence = engine_sequence_open(engine);
  if (sequence)
    sequence->is_owned = 1;
  engine_turns_give(&engine->driving);
  return sequence;
}

/* Takes the lock, if no request uses the sequence. */
static int hold(tern_sequence *sequence) {
  int result = engine_check_process(sequence->engine);
  if (result != 0)
    return result;
  engine_turns_take(&sequence->engine->driving);
  if (!sequence->request)
    return 0;
  result =
      engine_fail(TERN_ENGINE_INVALID,
                  "the sequence belongs to request %llu, which is not over",
                  (unsigned long long)sequence->request->id);
  engine_turns_give(&sequence->engine->driving);
  return result;
}

static void let_go(tern_sequence *sequence) {
  engine_turns_give(&sequence->engine->driving);
}

tern_sequence *tern_sequence_fork(tern_sequence *sequence) {
  if (hold(sequence) != 0)
    return NULL;
  tern_sequence *fork = tern_sequence_create(sequence->engine);
  uint32_t position = tern_session_position(sequence->session.session);
  if (fork && engine_sequence_copy(fork, sequence, position) != 0) {
    engine_sequence_close(fork);
    fork = NULL;
  }
  if (fork) {
    /* The last token of an answer has no state yet. */
    memcpy(fork->held, sequence->held, sequence->count * sizeof(*fork->held));
    fork->count = sequence->count;
    fork->is_private = sequence->is_private;
    fork->random = sequence->random;
    fork->has_random = sequence->has_random;
  }
  let_go(sequence);
  return fork;
}

int tern_sequence_destroy(tern_sequence *sequence) {
  if (!sequence)
    return 0;
  tern_engine *engine = sequence->engine;
  int result = hold(sequence);
  if (result != 0)
    return result;
  engine_sequence_close(sequence);
  engine_turns_give(&engine->driving);
  return 0;
}

int tern_sequence_cut(tern_sequence *sequence, size_t count, size_t *left) {
  int result = hold(sequence);
  if (result != 0)
    return result;
  tern_session *session = sequence->session.session;
  uint32_t position = tern_session_position(session);
  if (count < sequence->count) {
    sequence->count = (uint32_t)count;
    if (count < position && session->model->is_recurrent)
      sequence->count = 0;
    if (sequence->count < position) {
      if (tern_session_rewind(session, sequence->count) != TERN_OK)
        result = engine_fail(TERN_ENGINE_FAILED,
                             "the state cannot be cleared on its device");
      engine_cut_shared(sequence, sequence->count);
    }
  }
  if (left)
    *left = sequence->count;
  let_go(sequence);
  return result;
}

int tern_sequence_tokens(tern_sequence *sequence, int32_t *tokens, size_t room,
                         size_t *count) {
  int result = hold(sequence);
  if (result != 0)
    return result;
  *count = sequence->count;
  size_t n = *count < room ? *count : room;
  if (n)
    memcpy(tokens, sequence->held, n * sizeof(*tokens));
  let_go(sequence);
  return 0;
}

/*--- As bytes --------------------------------------------------------------*/

/* The tokens follow, then, at a multiple of 8, what the session saves. */
typedef struct saved_sequence {
  char magic[8];
  uint32_t count, reserved;
  uint64_t total_bytes;
  uint64_t checksum; /* of all behind this header */
} saved_sequence;

static const char saved_magic[8] = {'T', 'E', 'R', 'N', 'S', 'E', 'Q', '1'};

static size_t tokens_bytes(uint32_t count) {
  return ((size_t)count * sizeof(int32_t) + 7) / 8 * 8;
}

static uint64_t checksum_of(const void *from, size_t bytes) {
  tern_checksum sum;
  tern_checksum_begin(&sum);
  tern_checksum_add(&sum, from, bytes);
  return tern_checksum_end(&sum);
}

static size_t save_bytes(const tern_sequence *sequence) {
  return sizeof(saved_sequence) + tokens_bytes(sequence->count) +
         tern_session_save_bytes(sequence->session.session);
}

size_t tern_sequence_save_bytes(tern_sequence *sequence) {
  if (hold(sequence) != 0)
    return 0;
  size_t bytes = save_bytes(sequence);
  let_go(sequence);
  return bytes;
}

int tern_sequence_save(tern_sequence *sequence, void *memory, size_t bytes) {
  int result = hold(sequence);
  if (result != 0)
    return result;
  size_t all = save_bytes(sequence), tokens = tokens_bytes(sequence->count);
  if (bytes < all) {
    let_go(sequence);
    return engine_fail(TERN_ENGINE_INVALID,
                       "the sequence has %zu bytes, but there is room for %zu",
                       all, bytes);
  }
  saved_sequence header = {{0}, sequence->count, 0, all, 0};
  uint8_t *at = (uint8_t *)memory + sizeof(header);
  memcpy(header.magic, saved_magic, sizeof(saved_magic));
  memset(at, 0, tokens);
  if (sequence->count)
    memcpy(at, sequence->held, sequence->count * sizeof(int32_t));
  tern_session_save(sequence->session.session, at + tokens,
                    all - sizeof(header) - tokens);
  header.checksum = checksum_of(at, all - sizeof(header));
  memcpy(memory, &header, sizeof(header));
  let_go(sequence);
  return 0;
}

/* 0 if the bytes behind `header` are those of a sequence that fits. */
static int check_saved(const tern_engine *engine, const saved_sequence *header,
                       const uint8_t *at, size_t bytes) {
  uint32_t vocab_size = engine->program.model->vocab_size;
  if (memcmp(header->magic, saved_magic, sizeof(saved_magic)) != 0 ||
      header->reserved != 0 || header->total_bytes != bytes ||
      tokens_bytes(header->count) > bytes - sizeof(*header) ||
      header->checksum != checksum_of(at, bytes - sizeof(*header)))
    return engine_fail(TERN_ENGINE_INVALID,
                       "these bytes are no saved sequence, or damaged");
  if (header->count > engine->context)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the saved sequence has %u tokens, but the context is "
                       "%u",
                       header->count, engine->context);
  for (uint32_t i = 0; i < header->count; ++i) {
    int32_t token;
    memcpy(&token, at + i * sizeof(token), sizeof(token));
    if (token < 0 || (uint32_t)token >= vocab_size)
      return engine_fail(TERN_ENGINE_INVALID,
                         "the saved sequence has token %d, but the model %u "
                         "tokens",
                         token, vocab_size);
  }
  return 0;
}

/* Under `driving`, for others look for beginnings in all sequences. The bytes
 * behind `header` are checked. */
static tern_sequence *restore(tern_engine *engine, const saved_sequence *header,
                              const uint8_t *at, size_t bytes) {
  tern_sequence *sequence = tern_sequence_create(engine);
  if (!sequence)
    return NULL;
  size_t tokens = tokens_bytes(header->count);
  tern_session *session = sequence->session.session;
  tern_status status = tern_session_restore(session, at + tokens,
                                            bytes - sizeof(*header) - tokens);
  uint32_t position = tern_session_position(session);
  if (status == TERN_OK && position > header->count)
    status = TERN_WRONG_STATE;
  if (status != TERN_OK) {
    tern_sequence_destroy(sequence);
    engine_fail(TERN_ENGINE_INVALID, "%s", tern_status_text(status));
    return NULL;
  }
  if (header->count)
    memcpy(sequence->held, at, header->count * sizeof(int32_t));
  sequence->count = header->count;
  sequence->written = position;
  return sequence;
}

tern_sequence *tern_sequence_restore(tern_engine *engine, const void *memory,
                                     size_t bytes) {
  saved_sequence header;
  const uint8_t *at = (const uint8_t *)memory + sizeof(header);
  if (engine_check_process(engine) != 0)
    return NULL;
  if (bytes < sizeof(header)) {
    engine_fail(TERN_ENGINE_INVALID, "these bytes are no saved sequence");
    return NULL;
  }
  memcpy(&header, memory, sizeof(header));
  if (check_saved(engine, &header, at, bytes) != 0)
    return NULL;
  engine_turns_take(&engine->driving);
  tern_sequence *sequence = restore(engine, &header, at, bytes);
  engine_turns_give(&engine->driving);
  return sequence;
}
