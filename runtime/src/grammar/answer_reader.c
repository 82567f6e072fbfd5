/*===- answer_reader.c - the parts of an answer -----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call that is longer is content. */
#define MOST_BYTES ((size_t)1 << 20)
#define CALL_MEMORY ((uint64_t)64 << 20)

typedef enum reader_mode {
  AT_BEGIN, /* nothing but blanks */
  AT_CONTENT,
  AT_THOUGHT,
  AT_CALL
} reader_mode;

struct tern_answer_reader {
  uint32_t form, calls;
  uint64_t seed;
  reader_mode mode;
  int had_thought, has_said; /* `has_said`: since a thought or call */
  const char *thought_end;
  char *held; /* text that is not told yet */
  size_t bytes, room;
  size_t body, looked;    /* of a call: where it begins, and no mark before */
  grammar_compiler known; /* owns the tools */
  const grammar_json *tools;
  tern_answer_fn take;
  void *data;
};

static const char *const thoughts[][2] = {
    {"<think>", "</think>"}, {"<|thought_start|>", "<|thought_end|>"}};
static const char python_tag[] = "<|python_tag|>";

tern_answer_reader *tern_answer_reader_open(uint32_t form, const char *tools,
                                            size_t tools_bytes, uint64_t seed,
                                            tern_error *error) {
  tern_answer_reader *r = calloc(1, sizeof(*r));
  jmp_buf failed;
  if (!r) {
    if (error)
      snprintf(error->text, sizeof(error->text), "out of memory");
    return NULL;
  }
  r->form = form;
  r->seed = seed;
  r->known.arena.limit = CALL_MEMORY;
  r->known.error = error;
  r->known.failed = &failed;
  if (setjmp(failed) == 0) {
    if (tools)
      r->tools = grammar_read_json(&r->known, "tools", tools, tools_bytes);
    return r;
  }
  tern_answer_reader_close(r);
  return NULL;
}

void tern_answer_reader_close(tern_answer_reader *r) {
  if (!r)
    return;
  grammar_arena_free(&r->known.arena);
  free(r->held);
  free(r);
}

/*--- Telling ---------------------------------------------------------------*/

static void drop(tern_answer_reader *r, size_t bytes) {
  r->bytes -= bytes;
  if (r->bytes)
    memmove(r->held, r->held + bytes, r->bytes);
}

static int is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t blanks_at(const tern_answer_reader *r) {
  size_t n = 0;
  while (n < r->bytes && is_blank(r->held[n]))
    ++n;
  return n;
}

static size_t without_blanks(const tern_answer_reader *r, size_t bytes) {
  while (bytes && is_blank(r->held[bytes - 1]))
    --bytes;
  return bytes;
}

/* Tells the first bytes, and drops as many as `all`. */
static int tell(tern_answer_reader *r, size_t bytes, size_t all) {
  tern_answer_part part = {0};
  part.kind = r->mode == AT_THOUGHT ? TERN_PART_THOUGHT : TERN_PART_CONTENT;
  part.text = r->held;
  part.bytes = bytes;
  int result = bytes ? r->take(r->data, &part) : 0;
  r->has_said |= bytes != 0;
  drop(r, all);
  return result;
}

static void make_id(const tern_answer_reader *r, char *id, size_t room) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  uint64_t z = r->seed + (r->calls + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  snprintf(id, room, "call_%016llx", (unsigned long long)z);
  /* Mistral's template takes names of nine letters and digits alone. */
  for (size_t i = 0; r->form == TERN_CALLS_LIST && i < 10; ++i, z /= 36)
    id[i] = i < 9 ? letters[z % 36] : 0;
}

static int tell_calls(tern_answer_reader *r, const call *first) {
  int result = 0;
  for (const call *one = first; one && result == 0; one = one->next) {
    char id[32];
    tern_answer_part part = {0};
    char *name = malloc(one->name_bytes + 1);
    if (!name)
      return -1;
    memcpy(name, one->name, one->name_bytes);
    name[one->name_bytes] = 0;
    make_id(r, id, sizeof(id));
    part.kind = TERN_PART_CALL;
    part.index = r->calls++;
    part.text = one->arguments;
    part.bytes = one->arguments_bytes;
    part.name = name;
    part.id = id;
    result = r->take(r->data, &part);
    free(name);
  }
  return result;
}

/*--- Marks -----------------------------------------------------------------*/

/* Where a mark begins, or a beginning of one ends the text; r->bytes. */
static size_t find(const tern_answer_reader *r, const char *mark, size_t from,
                   int *is_whole) {
  size_t length = strlen(mark);
  for (size_t i = from; length && i < r->bytes; ++i) {
    size_t n = r->bytes - i < length ? r->bytes - i : length;
    if (memcmp(r->held + i, mark, n) == 0) {
      *is_whole = n == length;
      return i;
    }
  }
  *is_whole = 0;
  return r->bytes;
}

/* 1: the text from `at` on begins with the mark; -1: it may yet. */
static int begins(const tern_answer_reader *r, size_t at, const char *mark) {
  size_t length = strlen(mark), left = r->bytes - at;
  size_t n = left < length ? left : length;
  if (memcmp(r->held + at, mark, n) != 0)
    return 0;
  return n == length ? 1 : -1;
}

/*--- One step: 1 if there may be another, 0, or a result -------------------*/

enum { STEP_MORE = 1, STEP_WAIT = 0, STEP_ENDS = 2 };

static void open_call(tern_answer_reader *r, size_t body) {
  r->mode = AT_CALL;
  r->body = r->looked = body;
}

static int at_begin(tern_answer_reader *r) {
  size_t at = blanks_at(r);
  if (at == r->bytes)
    return STEP_WAIT;
  for (size_t i = 0; i < 2 && !r->had_thought; ++i) {
    int is = begins(r, at, thoughts[i][0]);
    if (is < 0)
      return STEP_WAIT;
    if (is) {
      r->mode = AT_THOUGHT;
      r->had_thought = 1;
      r->thought_end = thoughts[i][1];
      drop(r, at + strlen(thoughts[i][0]));
      return STEP_MORE;
    }
  }
  if (r->had_thought)
    drop(r, at);
  at = r->had_thought ? 0 : at;
  r->mode = AT_CONTENT;
  if (r->form != TERN_CALLS_JSON)
    return STEP_MORE;
  int is_tag = begins(r, at, python_tag);
  if (is_tag < 0)
    r->mode = AT_BEGIN;
  else if (is_tag || r->held[at] == '{')
    open_call(r, at + (is_tag ? strlen(python_tag) : 0));
  return is_tag < 0 ? STEP_WAIT : STEP_MORE;
}

/* Blanks at the beginning of a part that follows another one are dropped. */
static int drop_blanks(tern_answer_reader *r) {
  if (!r->has_said && (r->calls || r->had_thought))
    drop(r, blanks_at(r));
  return r->bytes == 0;
}

static int at_thought(tern_answer_reader *r, int *result) {
  int is_whole;
  if (drop_blanks(r))
    return STEP_WAIT;
  size_t at = find(r, r->thought_end, 0, &is_whole);
  size_t told = without_blanks(r, at);
  if (!is_whole) {
    *result = tell(r, told, told);
    return STEP_WAIT;
  }
  *result = tell(r, told, at + strlen(r->thought_end));
  r->mode = AT_BEGIN;
  r->has_said = 0;
  return STEP_MORE;
}

static int at_content(tern_answer_reader *r, int *result) {
  int is_whole;
  const char *open = calls_marks_of(r->form).open;
  if (drop_blanks(r))
    return STEP_WAIT;
  size_t at = find(r, open, 0, &is_whole);
  /* Blanks before a call are its own. */
  size_t told = *open ? without_blanks(r, at) : at;
  *result = tell(r, told, told);
  if (!is_whole)
    return STEP_WAIT;
  open_call(r, at - told + strlen(open));
  return STEP_MORE;
}

/* In a frame of its own: a jump leaves the memory of others as it is. */
static int try_call(tern_answer_reader *r, grammar_compiler *c, size_t bytes,
                    int *result) {
  jmp_buf failed;
  c->failed = &failed;
  if (setjmp(failed) != 0)
    return c->is_cut ? -1 : 0;
  *result = tell_calls(
      r, calls_read(c, r->form, r->tools, r->held + r->body, bytes - r->body));
  return 1;
}

/* Reads the call that the first bytes are: 1, 0: they are none, -1: they may
 * become one. */
static int read_call(tern_answer_reader *r, size_t bytes, int *result) {
  grammar_compiler c = {0};
  c.arena.limit = CALL_MEMORY;
  int outcome = try_call(r, &c, bytes, result);
  grammar_arena_free(&c.arena);
  return outcome;
}

/* The text up to here is content after all. */
static int give_up(tern_answer_reader *r, size_t bytes) {
  r->mode = AT_CONTENT;
  return tell(r, bytes, bytes);
}

static int at_call(tern_answer_reader *r, int *result) {
  const char *close = calls_marks_of(r->form).close;
  int is_whole;
  size_t at = *close ? find(r, close, r->looked, &is_whole) : r->bytes;
  if (!*close || !is_whole) {
    r->looked = at;
    if (r->bytes > MOST_BYTES)
      *result = give_up(r, r->bytes);
    return STEP_WAIT;
  }
  size_t end = at + strlen(close);
  int is = read_call(r, at, result);
  if (is < 0) {
    /* The mark is in a string, perhaps. */
    r->looked = at + 1;
    return STEP_MORE;
  }
  if (is == 0) {
    *result = give_up(r, end);
  } else {
    drop(r, end);
    r->mode = AT_CONTENT;
    r->has_said = 0;
  }
  return STEP_MORE;
}

static int go_on(tern_answer_reader *r, tern_answer_fn take, void *data) {
  int result = 0, more = STEP_MORE;
  r->take = take;
  r->data = data;
  while (more == STEP_MORE && r->bytes && result == 0)
    switch (r->mode) {
    case AT_BEGIN:
      more = at_begin(r);
      break;
    case AT_CONTENT:
      more = at_content(r, &result);
      break;
    case AT_THOUGHT:
      more = at_thought(r, &result);
      break;
    case AT_CALL:
      more = at_call(r, &result);
      break;
    }
  return result;
}

int tern_answer_reader_push(tern_answer_reader *r, const char *text,
                            size_t bytes, tern_answer_fn take, void *data) {
  if (r->room - r->bytes < bytes) {
    size_t room = 2 * (r->bytes + bytes);
    char *grown = realloc(r->held, room);
    if (!grown)
      return -1;
    r->held = grown;
    r->room = room;
  }
  if (bytes)
    memcpy(r->held + r->bytes, text, bytes);
  r->bytes += bytes;
  return go_on(r, take, data);
}

int tern_answer_reader_flush(tern_answer_reader *r, tern_answer_fn take,
                             void *data) {
  int result = go_on(r, take, data);
  if (result)
    return result;
  if (r->mode == AT_CALL) {
    const char *close = calls_marks_of(r->form).close;
    if (!*close && read_call(r, r->bytes, &result) == 1) {
      drop(r, r->bytes);
      r->mode = AT_CONTENT;
      return result;
    }
    return give_up(r, r->bytes);
  }
  /* Blanks at the end belong to the calls before them. */
  size_t told = r->calls || r->mode == AT_THOUGHT || r->had_thought
                    ? without_blanks(r, r->bytes)
                    : r->bytes;
  return tell(r, told, r->bytes);
}
