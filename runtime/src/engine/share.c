/*===- share.c - beginnings of states that several sequences have -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A model gets the address of a state, which is one run of memory. Whole blocks
 * of tokens do not change any more, so their pages are moved into a file in
 * memory, and whoever begins alike maps them in their place, privately: the
 * system keeps one page for all readers and copies it for who writes. Parts lie
 * behind each other: a text and two that go on from it in different ways are
 * three parts.
 *
 * All sessions of an engine are laid out alike, so a part is of the same bytes
 * of each. Offsets in the file are never used again: what is free is a hole.
 */
#include "../core/session.h"
#include "engine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Bytes of sessions, of which nobody but `parent` has those before `begin`. */
struct engine_part {
  struct engine_part *parent;
  uint64_t begin, end; /* multiples of a page */
  uint64_t offset;     /* in the file */
  uint32_t users;      /* sequences, and parts behind it */
  uint64_t counted;    /* see engine_count_parts */
};

void engine_open_parts(tern_engine *engine) {
  const tern_model *model = engine->program.model;
  long page = sysconf(_SC_PAGESIZE);
  engine->page = page > 0 ? (uint64_t)page : 4096;
  engine->parts = model->is_recurrent || model->device
                      ? -1
                      : memfd_create("tern-states", MFD_CLOEXEC);
}

void engine_close_parts(tern_engine *engine) {
  if (engine->parts >= 0)
    close(engine->parts);
}

static uint8_t *base_of(const tern_sequence *sequence) {
  return sequence->session.memory;
}

/* Where a session's state begins. */
static uint64_t state_of(const tern_sequence *sequence) {
  const uint8_t *state = sequence->session.session->state;
  return (uint64_t)(state - base_of(sequence));
}

static uint64_t begin_of(const tern_sequence *sequence) {
  uint64_t page = sequence->engine->page;
  return (state_of(sequence) + page - 1) / page * page;
}

static uint64_t whole_bytes(const tern_sequence *sequence, uint32_t count) {
  const tern_engine *engine = sequence->engine;
  uint32_t block = engine->program.model->state_block_tokens;
  uint64_t end =
      state_of(sequence) + engine_state_bytes(engine, count / block * block);
  return end / engine->page * engine->page;
}

/*--- Parts -----------------------------------------------------------------*/

static void release(tern_engine *engine, engine_part *part) {
  while (part && --part->users == 0) {
    engine_part *parent = part->parent;
    uint64_t bytes = part->end - part->begin;
    fallocate(engine->parts, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)part->offset, (off_t)bytes);
    engine->counts.shared_bytes -= bytes;
    free(part);
    part = parent;
  }
}

void engine_unshare(tern_sequence *sequence) {
  release(sequence->engine, sequence->part);
  sequence->part = NULL;
  sequence->shared_end = 0;
}

static int map_part(const tern_sequence *to, const engine_part *part,
                    uint64_t end) {
  size_t bytes = (size_t)(end - part->begin);
  void *at = base_of(to) + part->begin;
  if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
           to->engine->parts, (off_t)part->offset) == MAP_FAILED)
    return -1;
  /* All at once is cheaper than page by page in the next step. */
  madvise(at, bytes, MADV_POPULATE_READ);
  return 0;
}

static int write_all(int file, const uint8_t *from, uint64_t bytes,
                     uint64_t offset) {
  while (bytes) {
    size_t now = bytes < (1u << 30) ? (size_t)bytes : 1u << 30;
    ssize_t done = pwrite(file, from, now, (off_t)offset);
    if (done <= 0)
      return -1;
    from += done;
    offset += (uint64_t)done;
    bytes -= (uint64_t)done;
  }
  return 0;
}

/* Beyond this limit a write is a signal, which ends the process. */
static int may_grow_to(uint64_t end) {
  struct rlimit files;
  return getrlimit(RLIMIT_FSIZE, &files) == 0 &&
         (files.rlim_cur == RLIM_INFINITY || end <= files.rlim_cur);
}

/* A part of what the sequence has alone, up to `end`, which it then maps as
 * others will. */
static int add_part(tern_sequence *from, uint64_t end) {
  tern_engine *engine = from->engine;
  uint64_t begin = from->part ? from->shared_end : begin_of(from);
  int may_be = end > begin && may_grow_to(engine->parts_end + end - begin);
  engine_part *part = may_be ? calloc(1, sizeof(*part)) : NULL;
  if (!part)
    return -1;
  part->begin = begin;
  part->end = end;
  part->offset = engine->parts_end;
  engine->parts_end += end - begin;
  if (ftruncate(engine->parts, (off_t)engine->parts_end) != 0 ||
      write_all(engine->parts, base_of(from) + begin, end - begin,
                part->offset) != 0 ||
      map_part(from, part, end) != 0) {
    fallocate(engine->parts, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)part->offset, (off_t)(end - begin));
    free(part);
    return -1;
  }
  part->parent = from->part; /* with the sequence's use of it */
  part->users = 1;
  engine->counts.shared_bytes += end - begin;
  from->part = part;
  from->shared_end = end;
  return 0;
}

uint64_t engine_share(tern_sequence *to, tern_sequence *from, uint32_t count) {
  tern_engine *engine = to->engine;
  uint64_t end = whole_bytes(from, count);
  if (engine->parts < 0 || end <= begin_of(from) ||
      (end > from->shared_end && add_part(from, end) != 0))
    return 0;
  engine_unshare(to);
  uint64_t upto = end;
  for (engine_part *part = from->part; part; part = part->parent) {
    uint64_t last = part->end < upto ? part->end : upto;
    if (last <= part->begin)
      continue;
    /* Pages that are mapped already are as good as others to copy to. */
    if (map_part(to, part, last) != 0)
      return 0;
    upto = part->begin;
  }
  to->part = from->part;
  to->shared_end = end;
  ++to->part->users;
  return end - state_of(to);
}

uint64_t engine_shared_before(const tern_sequence *sequence) {
  return begin_of(sequence) - state_of(sequence);
}

void engine_cut_shared(tern_sequence *sequence, uint32_t count) {
  if (!sequence->part)
    return;
  uint64_t end = whole_bytes(sequence, count);
  if (sequence->shared_end > end)
    sequence->shared_end = end;
  if (sequence->shared_end <= begin_of(sequence))
    engine_unshare(sequence);
}

/*--- Counting --------------------------------------------------------------*/

uint64_t engine_count_parts(const tern_sequence *sequence, uint64_t round) {
  uint64_t bytes = 0;
  for (engine_part *part = sequence->part; part; part = part->parent) {
    if (part->counted != round)
      bytes += part->end - part->begin;
    part->counted = round;
  }
  return bytes;
}

uint64_t engine_own_bytes(const tern_sequence *sequence) {
  uint64_t bytes = engine_state_bytes(sequence->engine, sequence->written);
  uint64_t shared =
      sequence->part ? sequence->shared_end - begin_of(sequence) : 0;
  return bytes > shared ? bytes - shared : 0;
}
