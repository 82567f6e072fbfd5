/*===- sizes.c - how long the texts of rules are ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

/* Rules of at most so many bytes and nodes are written out where they are
 * called, as a token is often longer than what they match. */
#define SHORT_BYTES 16u
#define SHORT_NODES 64u
/* Rules inside each other of which that is known. */
#define SHORT_DEPTH 32u

static uint32_t capped(uint64_t value) {
  return value > 100000 ? 100000 : (uint32_t)value;
}

static void measure_rule(grammar_sizes *s, uint32_t rule);

/* The most bytes that it matches, and about its nodes; 100000: unlimited. */
static void measure(grammar_sizes *s, const grammar_expression *e,
                    uint32_t *bytes, uint32_t *nodes) {
  uint64_t sum = 0, most = 0, all = 0;
  switch (e->kind) {
  case EXPRESSION_BYTES:
    *bytes = *nodes = capped(e->count);
    return;
  case EXPRESSION_CLASS:
    *bytes = e->count && e->ranges[e->count - 1].high >= 0x80 ? 4 : 1;
    *nodes = *bytes == 1 ? 1 : capped(8 + (uint64_t)e->count);
    return;
  case EXPRESSION_RULE:
    measure_rule(s, e->rule);
    *bytes = s->rules[e->rule].bytes;
    *nodes = s->rules[e->rule].nodes;
    return;
  default:
    break;
  }
  for (uint32_t i = 0; i < e->count; ++i) {
    uint32_t part_bytes, part_nodes;
    measure(s, e->parts[i], &part_bytes, &part_nodes);
    sum += part_bytes;
    all += part_nodes + 1;
    if (part_bytes > most)
      most = part_bytes;
  }
  if (e->kind == EXPRESSION_REPEAT) {
    uint32_t times = e->most == GRAMMAR_UNBOUNDED ? 100000 : e->most;
    *bytes = capped(most * times);
    *nodes = capped(all *
                    (e->most == GRAMMAR_UNBOUNDED ? e->least + 1ull : e->most));
    return;
  }
  *bytes = capped(e->kind == EXPRESSION_CHOICE ? most : sum);
  *nodes = capped(all);
}

static void measure_rule(grammar_sizes *s, uint32_t rule) {
  grammar_size *form = &s->rules[rule];
  uint32_t bytes, nodes;
  if (form->is_measured)
    return;
  /* As it is seen from inside, or too deep. */
  form->is_measured = 1;
  form->bytes = form->nodes = 100000;
  if (s->depth == SHORT_DEPTH)
    return;
  ++s->depth;
  measure(s, s->c->rules[rule].body, &bytes, &nodes);
  --s->depth;
  form->bytes = bytes;
  form->nodes = nodes;
}

int grammar_is_short(grammar_sizes *s, uint32_t rule) {
  measure_rule(s, rule);
  return s->rules[rule].bytes <= SHORT_BYTES &&
         s->rules[rule].nodes <= SHORT_NODES;
}
