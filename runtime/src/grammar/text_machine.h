/*===- text_machine.h - the inside of texts.h ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_GRAMMAR_TEXT_MACHINE_H
#define TERN_SRC_GRAMMAR_TEXT_MACHINE_H

#include "texts.h"

/* Of every condition: no text that begins so meets it. */
#define TEXT_DEAD 0u

/* Of one schema: part of a second. */
#define TEXT_MOST_STEPS 30000000u

/* Runs of words by number, each there once. */
typedef struct run_pool {
  uint32_t *words, *first, *next, *heads; /* first[count] is the end */
  uint32_t word_count, word_room, count, first_room, next_room, mask;
} run_pool;

typedef struct text_edge {
  uint32_t from, to, low, high; /* low > high: without a character */
} text_edge;

/* One condition while it is looked at. Only what matches an expression has
 * nodes: its states are sets of them. */
typedef struct text_part {
  const text_condition *condition;
  text_edge *edges;
  uint32_t edge_count, edge_room, node_count;
  uint32_t *first; /* of edges, by node */
  run_pool sets;
  uint32_t *rows; /* [set][class]: the next one + 1; 0: not known */
  uint32_t row_room;
} text_part;

struct text_machine {
  schema_compiler *s;
  json at;
  text_part *parts;
  uint32_t part_count;
  uint32_t *bounds; /* where classes of characters begin */
  uint32_t class_count, bound_room;
  uint8_t *is_marked; /* by node of the largest part */
  uint32_t *list;
};

/* Fails if all of one schema's are more than part of a second's. */
void text_spend(text_machine *m, uint64_t steps);
void text_pool_open(text_machine *m, run_pool *pool);
uint32_t text_run(text_machine *m, run_pool *pool, const uint32_t *words,
                  uint32_t count);
/* The nodes of an expression, of which 0 is the beginning and 1 the end. */
void text_part_open(text_machine *m, text_part *part);
/* The state at the beginning, and behind a character of this class. */
uint32_t text_first(text_machine *m, text_part *part);
uint32_t text_next(text_machine *m, text_part *part, uint32_t state,
                   uint32_t class);
int text_is_met(const text_part *part, uint32_t state);

#endif /* TERN_SRC_GRAMMAR_TEXT_MACHINE_H */
