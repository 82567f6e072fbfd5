/*===- compile.c - one compilation ------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)

struct grammar_block {
  grammar_block *next;
  size_t bytes;
};

void tern_grammar_options_init(tern_grammar_options *options) {
  memset(options, 0, sizeof(*options));
  options->size = sizeof(*options);
  options->max_bytes = (uint64_t)64 << 20;
  options->max_nodes = 200000;
  options->max_depth = 256;
}

/*--- Memory ----------------------------------------------------------------*/

void grammar_arena_free(grammar_arena *arena) {
  while (arena->blocks) {
    grammar_block *block = arena->blocks;
    arena->blocks = block->next;
    free(block);
  }
  memset(arena, 0, sizeof(*arena));
}

static int add_block(grammar_arena *arena, size_t least) {
  size_t bytes = least + 64 > BLOCK_BYTES ? least + 64 : BLOCK_BYTES;
  grammar_block *block =
      arena->limit - arena->bytes < bytes ? NULL : malloc(bytes);
  if (!block)
    return -1;
  block->next = arena->blocks;
  block->bytes = bytes;
  arena->blocks = block;
  arena->bytes += bytes;
  arena->at = (sizeof(*block) + 15) & ~(size_t)15;
  arena->room = bytes;
  return 0;
}

void grammar_fail(grammar_compiler *c, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (c->error)
    vsnprintf(c->error->text, sizeof(c->error->text), format, arguments);
  va_end(arguments);
  longjmp(*c->failed, 1);
}

void *grammar_allocate(grammar_compiler *c, uint64_t count, size_t bytes) {
  grammar_arena *arena = &c->arena;
  uint64_t most = arena->limit / (bytes ? bytes : 1);
  size_t need = count > most ? 0 : (size_t)(count * bytes + 15) & ~(size_t)15;
  if (count > most ||
      (arena->room - arena->at < need && add_block(arena, need)))
    grammar_fail(c,
                 "the grammar needs more than the %llu bytes that max_bytes "
                 "allows",
                 (unsigned long long)arena->limit);
  void *at = (char *)arena->blocks + arena->at;
  arena->at += need;
  return memset(at, 0, need);
}

void *grammar_grow(grammar_compiler *c, void *array, uint32_t count,
                   uint32_t *room, size_t bytes) {
  if (count < *room)
    return array;
  uint32_t more = *room ? 2 * *room : 4;
  void *grown = grammar_allocate(c, more, bytes);
  if (count)
    memcpy(grown, array, (size_t)count * bytes);
  *room = more;
  return grown;
}

/*--- From a reader to a grammar --------------------------------------------*/

/* [ \t\n\r]{0,8} */
static const grammar_expression *white_space(grammar_compiler *c) {
  static const grammar_range blanks[] = {{9, 10}, {13, 13}, {32, 32}};
  return grammar_repeat(c, grammar_class(c, blanks, 3, 0), 0, 8);
}

static const grammar_expression *with_thought(grammar_compiler *c,
                                              const grammar_expression *body) {
  uint32_t thought = c->options.thought;
  if (thought == TERN_THOUGHT_NONE)
    return body;
  const grammar_expression *rest =
      grammar_pair(c, grammar_until(c, "</think>"), white_space(c));
  if (thought == TERN_THOUGHT_OPENED)
    return grammar_pair(c, rest, body);
  const grammar_expression *all =
      grammar_pair(c, grammar_literal(c, "<think>"), rest);
  return grammar_pair(c, grammar_repeat(c, all, 0, 1), body);
}

static int check_options(const tern_grammar_options *given,
                         tern_grammar_options *options, tern_error *error) {
  tern_grammar_options_init(options);
  if (!given)
    return 0;
  const char *wrong = NULL;
  if (given->size < 2 * sizeof(uint32_t) || given->size > sizeof(*options))
    wrong = "size is not what tern_grammar_options_init sets";
  else
    memcpy(options, given, given->size);
  options->size = sizeof(*options);
  if (options->thought > TERN_THOUGHT_OPENED)
    wrong = "thought is none of tern_thought";
  if (options->max_nodes == 0 || options->max_nodes > 1u << 24)
    wrong = "max_nodes is not 1 to 16777216";
  if (options->max_depth == 0 || options->max_depth > 4096)
    wrong = "max_depth is not 1 to 4096";
  if (options->max_bytes > (uint64_t)1 << 32)
    wrong = "max_bytes is above 4294967296";
  if (wrong && error)
    snprintf(error->text, sizeof(error->text), "tern_grammar_options: %s",
             wrong);
  return wrong ? -1 : 0;
}

static void keep_source(grammar_compiler *c, tern_grammar *grammar, char kind,
                        const char *source, size_t bytes) {
  size_t ahead = sizeof(c->options) + 1;
  grammar->source = grammar_allocate(c, (uint64_t)bytes + ahead, 1);
  memcpy(grammar->source, &c->options, sizeof(c->options));
  grammar->source[ahead - 1] = kind;
  if (bytes)
    memcpy(grammar->source + ahead, source, bytes);
  grammar->source_bytes = bytes + ahead;
}

tern_grammar *grammar_compile(grammar_reader reader, const void *input,
                              char kind, const char *source,
                              size_t source_bytes,
                              const tern_grammar_options *options,
                              tern_error *error) {
  grammar_compiler *c = calloc(1, sizeof(*c));
  tern_grammar *grammar = calloc(1, sizeof(*grammar));
  jmp_buf failed;
  if (!c || !grammar) {
    if (error)
      snprintf(error->text, sizeof(error->text), "out of memory");
    free(c);
    free(grammar);
    return NULL;
  }
  tern_grammar *volatile result = NULL;
  c->error = error;
  c->failed = &failed;
  if (check_options(options, &c->options, error) == 0 && setjmp(failed) == 0) {
    c->arena.limit = c->options.max_bytes;
    keep_source(c, grammar, kind, source, source_bytes);
    grammar_new_rule(c, "the answer", 10, 0);
    /* Both may make rules, which moves them all. */
    const grammar_expression *body = with_thought(c, reader(c, input));
    c->rules[0].body = body;
    result = grammar_finish(c, grammar);
  }
  if (!result) {
    grammar_arena_free(&c->arena);
    grammar_arena_free(&c->spent);
    free(grammar);
  }
  free(c);
  return result;
}

tern_grammar *tern_grammar_retain(tern_grammar *grammar) {
  if (grammar)
    atomic_fetch_add(&grammar->references, 1);
  return grammar;
}

void tern_grammar_release(tern_grammar *grammar) {
  if (!grammar || atomic_fetch_sub(&grammar->references, 1) != 1)
    return;
  grammar_arena arena = grammar->arena;
  grammar_arena_free(&arena);
  free(grammar);
}

int tern_grammar_is_same(const tern_grammar *a, const tern_grammar *b) {
  return a == b || (a->source_bytes == b->source_bytes &&
                    memcmp(a->source, b->source, a->source_bytes) == 0);
}

void tern_grammar_describe(const tern_grammar *grammar,
                           tern_grammar_info *info) {
  tern_grammar_info all = {info->size, grammar->rule_count, grammar->node_count,
                           grammar->class_count, grammar->arena.bytes};
  memcpy(info, &all, info->size < sizeof(all) ? info->size : sizeof(all));
}
