/*===- text_nodes.c - expressions as nodes, and runs of numbers --------------
 * ===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "text_machine.h"

#include <string.h>

#define MOST_STATES 65536u
#define MOST_NODES 100000u
void text_spend(text_machine *m, uint64_t steps) {
  m->s->steps += steps;
  if (m->s->steps > TEXT_MOST_STEPS)
    schema_fail(m->s, m->at, "the automaton of its texts is too large");
}

/*--- Runs ------------------------------------------------------------------*/

void text_pool_open(text_machine *m, run_pool *pool) {
  pool->mask = 8191;
  pool->heads = grammar_allocate(m->s->c, 8192, sizeof(*pool->heads));
  pool->first = grammar_allocate(m->s->c, 64, sizeof(*pool->first));
  pool->first_room = 64;
}

uint32_t text_run(text_machine *m, run_pool *pool, const uint32_t *words,
                  uint32_t count) {
  grammar_compiler *c = m->s->c;
  uint32_t hash = count;
  for (uint32_t i = 0; i < count; ++i)
    hash = (hash ^ words[i]) * 0x85EBCA6Bu ^ hash >> 15;
  hash = (hash ^ hash >> 13) & pool->mask;
  text_spend(m, count + 1ull);
  for (uint32_t i = pool->heads[hash]; i; i = pool->next[i - 1]) {
    text_spend(m, 1);
    if (pool->first[i] - pool->first[i - 1] == count &&
        memcmp(pool->words + pool->first[i - 1], words,
               count * sizeof(*words)) == 0)
      return i - 1;
  }
  if (pool->count == MOST_STATES)
    text_spend(m, TEXT_MOST_STEPS);
  for (uint32_t i = 0; i < count; ++i) {
    pool->words = grammar_grow(c, pool->words, pool->word_count,
                               &pool->word_room, sizeof(*words));
    pool->words[pool->word_count++] = words[i];
  }
  pool->next = grammar_grow(c, pool->next, pool->count, &pool->next_room,
                            sizeof(*pool->next));
  pool->first = grammar_grow(c, pool->first, pool->count + 1, &pool->first_room,
                             sizeof(*pool->first));
  pool->next[pool->count] = pool->heads[hash];
  pool->first[++pool->count] = pool->word_count;
  pool->heads[hash] = pool->count;
  return pool->count - 1;
}

/*--- Nodes of an expression ------------------------------------------------*/

static uint32_t new_node(text_machine *m, text_part *p) {
  if (p->node_count == MOST_NODES)
    text_spend(m, TEXT_MOST_STEPS);
  return p->node_count++;
}

static void put_edge(text_machine *m, text_part *p, text_edge edge) {
  text_spend(m, 1);
  p->edges = grammar_grow(m->s->c, p->edges, p->edge_count, &p->edge_room,
                          sizeof(*p->edges));
  p->edges[p->edge_count++] = edge;
}

static void put_empty(text_machine *m, text_part *p, uint32_t from,
                      uint32_t to) {
  put_edge(m, p, (text_edge){from, to, 1, 0});
}

static void put_texts(text_machine *m, text_part *p, expression e,
                      uint32_t from, uint32_t to);

static void put_bytes(text_machine *m, text_part *p, expression e,
                      uint32_t from, uint32_t to) {
  for (uint32_t at = 0; at < e->count;) {
    uint32_t character = 0, next = new_node(m, p);
    at += (uint32_t)grammar_decode(e->bytes + at, e->count - at, &character);
    put_edge(m, p, (text_edge){from, next, character, character});
    from = next;
  }
  put_empty(m, p, from, to);
}

static void put_repeat(text_machine *m, text_part *p, expression e,
                       uint32_t from, uint32_t to) {
  uint32_t copies = e->most == GRAMMAR_UNBOUNDED ? e->least : e->most;
  for (uint32_t i = 0; i < copies; ++i) {
    uint32_t next = new_node(m, p);
    if (i >= e->least)
      put_empty(m, p, from, to);
    put_texts(m, p, e->parts[0], from, next);
    from = next;
  }
  if (e->most == GRAMMAR_UNBOUNDED) {
    uint32_t loop = new_node(m, p);
    put_empty(m, p, from, loop);
    put_texts(m, p, e->parts[0], loop, loop);
    from = loop;
  }
  put_empty(m, p, from, to);
}

static void put_texts(text_machine *m, text_part *p, expression e,
                      uint32_t from, uint32_t to) {
  switch (e->kind) {
  case EXPRESSION_BYTES:
    put_bytes(m, p, e, from, to);
    break;
  case EXPRESSION_CLASS:
    for (uint32_t i = 0; i < e->count; ++i)
      put_edge(m, p,
               (text_edge){from, to, e->ranges[i].low, e->ranges[i].high});
    break;
  case EXPRESSION_SEQUENCE:
    for (uint32_t i = 0; i < e->count; ++i) {
      uint32_t next = i + 1 == e->count ? to : new_node(m, p);
      put_texts(m, p, e->parts[i], from, next);
      from = next;
    }
    break;
  case EXPRESSION_CHOICE:
    for (uint32_t i = 0; i < e->count; ++i)
      put_texts(m, p, e->parts[i], from, to);
    break;
  case EXPRESSION_REPEAT:
    put_repeat(m, p, e, from, to);
    break;
  case EXPRESSION_RULE:
    break;
  }
}

/* Edges in the order of their nodes. */
static void sort_edges(text_machine *m, text_part *p) {
  grammar_compiler *c = m->s->c;
  uint32_t *first = grammar_allocate(c, p->node_count + 2ull, sizeof(*first));
  text_edge *edges = grammar_allocate(c, p->edge_count + 1ull, sizeof(*edges));
  for (uint32_t i = 0; i < p->edge_count; ++i)
    ++first[p->edges[i].from + 2];
  for (uint32_t i = 0; i < p->node_count; ++i)
    first[i + 1] += first[i];
  for (uint32_t i = 0; i < p->edge_count; ++i)
    edges[first[p->edges[i].from + 1]++] = p->edges[i];
  p->edges = edges;
  p->first = first;
}

void text_part_open(text_machine *m, text_part *p) {
  p->node_count = 2;
  put_texts(m, p, p->condition->texts, 0, 1);
  sort_edges(m, p);
  text_pool_open(m, &p->sets);
  text_run(m, &p->sets, NULL, 0); /* TEXT_DEAD */
}
