/*===- matcher.c - an answer as it comes ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES ((uint64_t)64 << 20)

static int fail(tern_error *error, const char *sentence) {
  if (error)
    snprintf(error->text, sizeof(error->text), "%s", sentence);
  return -1;
}

/*--- Constraints -----------------------------------------------------------*/

/* Nodes of copies behind which there are at least as many others as a token
 * has bytes. */
static void find_twins(tern_constraint *c) {
  const tern_grammar *g = c->grammar;
  uint32_t longest = c->vocabulary->longest;
  for (uint32_t i = 0; i < g->node_count; ++i)
    c->twins[i] = i;
  for (uint32_t i = 0; i < g->copies_count; ++i) {
    const grammar_copies *copies = &g->copies[i];
    for (uint32_t block = 0;
         block < copies->count && copies->count - block >= longest; ++block)
      for (uint32_t at = 0; at < copies->size; ++at)
        c->twins[copies->first + block * copies->size + at] =
            copies->first + at;
  }
  for (uint32_t i = 0; i < g->node_count; ++i)
    c->twins[i] = c->twins[c->twins[i]];
}

static int open_memory(tern_constraint *c) {
  size_t nodes = c->grammar->node_count;
  c->twins = calloc(nodes, sizeof(*c->twins));
  c->known = calloc(nodes, sizeof(*c->known));
  c->stack_of = calloc(nodes, sizeof(*c->stack_of));
  c->is_queued = calloc(nodes, 1);
  c->queue = calloc(nodes, sizeof(*c->queue));
  c->touched = calloc(nodes, sizeof(*c->touched));
  c->path = calloc((size_t)c->vocabulary->longest + 2, sizeof(*c->path));
  c->bits = calloc((size_t)c->vocabulary->word_count + 1, sizeof(*c->bits));
  if (!c->twins || !c->known || !c->stack_of || !c->is_queued || !c->queue ||
      !c->touched || !c->path || !c->bits)
    return -1;
  find_twins(c);
  return grammar_pool_open(c);
}

void tern_constraint_close(tern_constraint *c) {
  if (!c)
    return;
  if (c->known && c->pool.states)
    grammar_masks_forget(c);
  grammar_pool_close(&c->pool);
  pthread_mutex_destroy(&c->lock);
  tern_grammar_release(c->grammar);
  free(c->twins);
  free(c->known);
  free(c->stack_of);
  free(c->is_queued);
  free(c->queue);
  free(c->touched);
  free(c->merged);
  free(c->path);
  free(c->bits);
  free(c);
}

tern_constraint *tern_constraint_open(tern_grammar *grammar,
                                      const tern_vocabulary *vocabulary,
                                      uint64_t cache_bytes, tern_error *error) {
  tern_constraint *c = calloc(1, sizeof(*c));
  if (!c || pthread_mutex_init(&c->lock, NULL) != 0) {
    free(c);
    fail(error, "out of memory");
    return NULL;
  }
  c->grammar = tern_grammar_retain(grammar);
  c->vocabulary = vocabulary;
  c->limit = cache_bytes ? cache_bytes : CACHE_BYTES;
  if (open_memory(c) == 0)
    return c;
  tern_constraint_close(c);
  fail(error, "there is no memory for the states of a grammar");
  return NULL;
}

uint64_t tern_constraint_bytes(tern_constraint *c) {
  size_t nodes = c->grammar->node_count;
  size_t of_node = sizeof(*c->twins) + sizeof(*c->known) +
                   sizeof(*c->stack_of) + sizeof(*c->is_queued) +
                   sizeof(*c->queue) + sizeof(*c->touched);
  pthread_mutex_lock(&c->lock);
  uint64_t bytes =
      c->grammar->arena.bytes + nodes * of_node + c->pool.bytes + c->mask_bytes;
  pthread_mutex_unlock(&c->lock);
  return bytes;
}

void tern_constraint_forget(tern_constraint *c) {
  pthread_mutex_lock(&c->lock);
  c->has_failed = 0;
  c->work = MOST_WORK;
  grammar_pool_forget(c);
  pthread_mutex_unlock(&c->lock);
}

/*--- Matchers --------------------------------------------------------------*/

static void link_matcher(tern_constraint *c, tern_matcher *m) {
  m->constraint = c;
  m->next = c->matchers;
  m->link = &c->matchers;
  if (m->next)
    m->next->link = &m->next;
  c->matchers = m;
}

static void unlink_matcher(tern_matcher *m) {
  *m->link = m->next;
  if (m->next)
    m->next->link = m->link;
}

static uint32_t first_state(tern_constraint *c) {
  stack_entry none = {RETURN_NONE, 0};
  if (grammar_begin(c) != 0)
    return 0;
  return grammar_state_at(c, c->grammar->starts[0],
                          grammar_stack_make(c, &none, 1));
}

tern_matcher *tern_matcher_open(tern_constraint *c, tern_error *error) {
  tern_matcher *m = calloc(1, sizeof(*m));
  if (!m) {
    fail(error, "out of memory");
    return NULL;
  }
  pthread_mutex_lock(&c->lock);
  m->state = first_state(c);
  if (m->state)
    link_matcher(c, m);
  uint32_t state = m->state;
  pthread_mutex_unlock(&c->lock);
  if (state > STATE_DEAD)
    return m;
  if (state == STATE_DEAD)
    tern_matcher_close(m);
  else
    free(m);
  fail(error, state == STATE_DEAD ? "the grammar allows no text at all"
              : c->work == 0 ? "the grammar has so many readings of a text "
                               "that its beginning would take too long"
                             : "the grammar's states need more memory "
                               "than its cache has");
  return NULL;
}

tern_matcher *tern_matcher_copy(const tern_matcher *from, tern_error *error) {
  tern_matcher *m = calloc(1, sizeof(*m));
  if (!m) {
    fail(error, "out of memory");
    return NULL;
  }
  pthread_mutex_lock(&from->constraint->lock);
  m->state = from->state;
  link_matcher(from->constraint, m);
  pthread_mutex_unlock(&from->constraint->lock);
  return m;
}

void tern_matcher_close(tern_matcher *m) {
  if (!m)
    return;
  tern_constraint *c = m->constraint;
  pthread_mutex_lock(&c->lock);
  unlink_matcher(m);
  pthread_mutex_unlock(&c->lock);
  free(m);
}

static int too_many(const tern_constraint *c, tern_error *error) {
  if (c->work == 0)
    return fail(error, "the grammar has so many readings of the text that the "
                       "next token would take too long");
  return fail(error, "the text has more readings by the grammar than its cache "
                     "has room for");
}

int tern_matcher_mask(tern_matcher *m, uint32_t *words, tern_error *error) {
  tern_constraint *c = m->constraint;
  const tern_vocabulary *v = c->vocabulary;
  pthread_mutex_lock(&c->lock);
  const token_set *mask =
      grammar_begin(c) == 0 ? grammar_mask_of(c, m->state) : NULL;
  memset(words, 0, v->word_count * sizeof(*words));
  for (uint32_t i = 0; mask && !mask->is_bits && i < mask->count; ++i)
    words[mask->at[i] / 32] |= 1u << mask->at[i] % 32;
  if (mask && mask->is_bits)
    memcpy(words, mask->at, v->word_count * sizeof(*words));
  if (mask && (c->pool.states[m->state].flags & STATE_MAY_END))
    for (uint32_t i = 0; i < v->end_count; ++i)
      words[v->ends[i] / 32] |= 1u << v->ends[i] % 32;
  pthread_mutex_unlock(&c->lock);
  return mask ? 0 : too_many(c, error);
}

/* Under the lock. */
static int accept(tern_matcher *m, const uint8_t *bytes, size_t count,
                  tern_error *error) {
  tern_constraint *c = m->constraint;
  if (grammar_begin(c) != 0)
    return too_many(c, error);
  uint32_t state = m->state;
  for (size_t i = 0; i < count && state > STATE_DEAD; ++i)
    state = grammar_state_next(c, state, c->grammar->class_of[bytes[i]]);
  if (state == STATE_UNKNOWN)
    return too_many(c, error);
  if (state == STATE_DEAD)
    return fail(error, "the grammar does not allow this text here");
  m->state = state;
  return 0;
}

int tern_matcher_accept_bytes(tern_matcher *m, const void *bytes, size_t count,
                              tern_error *error) {
  tern_matcher before = {NULL, NULL, NULL, 0, 0};
  int result = 0;
  pthread_mutex_lock(&m->constraint->lock);
  before.state = m->state;
  link_matcher(m->constraint, &before);
  /* In parts, as room may be made between them. */
  const uint8_t *at = bytes;
  for (size_t n; count && result == 0; at += n, count -= n) {
    n = count < 256 ? count : 256;
    result = accept(m, at, n, error);
  }
  if (result != 0)
    m->state = before.state;
  unlink_matcher(&before);
  pthread_mutex_unlock(&m->constraint->lock);
  return result;
}

int tern_matcher_accept(tern_matcher *m, int32_t token, tern_error *error) {
  const tern_vocabulary *v = m->constraint->vocabulary;
  for (uint32_t i = 0; i < v->end_count; ++i)
    if (v->ends[i] == token)
      return 0;
  if (token < 0 || (uint32_t)token >= v->vocab_size || !v->text[token])
    return fail(error, "the grammar allows no control tokens");
  return tern_matcher_accept_bytes(m, v->text[token], v->bytes[token], error);
}

int tern_matcher_may_end(const tern_matcher *m) {
  tern_constraint *c = m->constraint;
  pthread_mutex_lock(&c->lock);
  const grammar_state *s = &c->pool.states[m->state];
  int result = !(s->flags & STATE_MAY_END) ? 0 : s->count ? 1 : 2;
  pthread_mutex_unlock(&c->lock);
  return result;
}
