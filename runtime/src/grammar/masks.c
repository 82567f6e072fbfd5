/*===- masks.c - which tokens may come next ---------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

/* Trie nodes that a state is looked at by itself for, before those of its nodes
 * are asked. */
#define FEW_STEPS 12000u
/* Items of a state that are asked one by one. */
#define FEW_ITEMS 8u

/*--- Sets ------------------------------------------------------------------*/

static void set_bit(uint32_t *bits, uint32_t token) {
  bits[token / 32] |= 1u << token % 32;
}

static uint32_t count_bits(const uint32_t *bits, uint32_t words) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < words; ++i)
    for (uint32_t rest = bits[i]; rest; rest &= rest - 1)
      ++count;
  return count;
}

/* c->bits as a set of its own, in the shorter form. */
static int keep_bits(tern_constraint *c, token_set *set) {
  uint32_t words = c->vocabulary->word_count;
  uint32_t count = count_bits(c->bits, words);
  set->is_bits = count > words;
  set->count = set->is_bits ? words : count;
  set->at = malloc(((size_t)set->count + 1) * sizeof(*set->at));
  if (!set->at) {
    c->has_failed = 1;
    return -1;
  }
  c->mask_bytes += set->count * sizeof(*set->at) + sizeof(*set);
  if (set->is_bits) {
    memcpy(set->at, c->bits, words * sizeof(*c->bits));
    return 0;
  }
  uint32_t at = 0;
  for (uint32_t i = 0; i < words; ++i)
    for (uint32_t bit = 0; c->bits[i] && bit < 32; ++bit)
      if (c->bits[i] >> bit & 1)
        set->at[at++] = i * 32 + bit;
  return 0;
}

static void add_set(uint32_t *bits, const token_set *set) {
  for (uint32_t i = 0; i < set->count; ++i)
    if (set->is_bits)
      bits[i] |= set->at[i];
    else
      set_bit(bits, set->at[i]);
}

void grammar_masks_forget(tern_constraint *c) {
  for (uint32_t i = 0; i < c->pool.state_count; ++i) {
    token_set *mask = c->pool.states[i].mask;
    if (mask)
      free(mask->at);
    free(mask);
    c->pool.states[i].mask = NULL;
  }
  for (uint32_t i = 0; i < c->grammar->node_count; ++i) {
    free(c->known[i].allowed.at);
    free(c->known[i].leaving);
    memset(&c->known[i], 0, sizeof(c->known[i]));
  }
  c->mask_bytes = 0;
}

/*--- Walks -----------------------------------------------------------------*/

/* Trie nodes from `at` to `end`, whose parents' states c->path has. Bits of
 * tokens that are read to their ends are set. `leaving` is NULL or gets trie
 * nodes behind which the rule may be over. Returns where `steps` ended. */
static uint32_t walk(tern_constraint *c, uint32_t at, uint32_t end,
                     uint32_t steps, node_tokens *leaving) {
  const tern_vocabulary *v = c->vocabulary;
  const uint8_t *class_of = c->grammar->class_of;
  uint32_t classes = c->grammar->class_count, left = 0;
  for (; at < end && steps; --steps) {
    const trie_node *node = &v->nodes[at];
    uint32_t byte_class = class_of[node->byte], state = c->path[node->depth];
    uint32_t next = c->pool.rows[(size_t)state * classes + byte_class];
    if (next == STATE_UNKNOWN &&
        !(next = grammar_state_compute(c, state, byte_class)))
      return end;
    if (next == STATE_DEAD) {
      at = node->skip;
      continue;
    }
    c->path[node->depth + 1] = next;
    if (leaving && (c->pool.states[next].flags & STATE_IS_LEFT) && at >= left) {
      leaving->leaving[leaving->leaving_count++] = at;
      left = node->skip;
    }
    for (uint32_t i = node->first; i < node[1].first; ++i)
      set_bit(c->bits, v->order[i]);
    ++at;
  }
  return at;
}

/* The node's own tokens. */
static node_tokens *known_of(tern_constraint *c, uint32_t node) {
  const tern_vocabulary *v = c->vocabulary;
  node = c->twins[node];
  node_tokens *known = &c->known[node];
  if (known->is_known)
    return known;
  stack_entry unknown = {RETURN_UNKNOWN, 0};
  uint32_t stack = grammar_stack_make(c, &unknown, 1);
  uint32_t state = grammar_state_at(c, node, stack);
  if (!state)
    return NULL;
  uint32_t *others = c->bits;
  c->bits = calloc((size_t)v->word_count + 1, sizeof(*c->bits));
  known->leaving = malloc(((size_t)v->node_count + 1) * sizeof(uint32_t));
  if (!c->bits || !known->leaving) {
    c->has_failed = 1;
  } else if (c->pool.states[state].flags & STATE_IS_LEFT) {
    known->is_useless = 1;
  } else {
    c->path[0] = state;
    walk(c, 0, v->node_count, UINT32_MAX, known);
    if (!c->has_failed)
      keep_bits(c, &known->allowed);
  }
  free(c->bits);
  c->bits = others;
  if (c->has_failed) {
    free(known->leaving);
    memset(known, 0, sizeof(*known));
    return NULL;
  }
  size_t bytes = known->leaving_count * sizeof(uint32_t);
  uint32_t *shorter = realloc(known->leaving, bytes + 1);
  known->leaving = shorter ? shorter : known->leaving;
  known->is_known = 1;
  c->mask_bytes += bytes;
  return known;
}

/* Tokens that begin like those behind this trie node, in the state itself. */
static void walk_from(tern_constraint *c, uint32_t at) {
  const tern_vocabulary *v = c->vocabulary;
  const trie_node *node = &v->nodes[at];
  const uint8_t *text = v->text[v->order[node->first]];
  for (uint32_t i = 0; i < node->depth && !c->has_failed; ++i) {
    c->path[i + 1] =
        grammar_state_next(c, c->path[i], c->grammar->class_of[text[i]]);
    if (c->path[i + 1] == STATE_DEAD)
      return;
  }
  if (!c->has_failed)
    walk(c, at, node->skip, UINT32_MAX, NULL);
}

/* All tokens of the state, by those of its nodes. 0 if that is of no use. */
static int ask_nodes(tern_constraint *c, uint32_t state) {
  grammar_state s = c->pool.states[state];
  const node_tokens *known[FEW_ITEMS];
  if (s.count > FEW_ITEMS)
    return 0;
  for (uint32_t i = 0; i < s.count; ++i) {
    known[i] = known_of(c, c->pool.items[s.first + i].node);
    if (!known[i] || known[i]->is_useless)
      return 0;
  }
  for (uint32_t i = 0; i < s.count; ++i) {
    add_set(c->bits, &known[i]->allowed);
    c->path[0] = state;
    for (uint32_t j = 0; j < known[i]->leaving_count && !c->has_failed; ++j)
      walk_from(c, known[i]->leaving[j]);
  }
  return 1;
}

const token_set *grammar_mask_of(tern_constraint *c, uint32_t state) {
  const tern_vocabulary *v = c->vocabulary;
  if (c->pool.states[state].mask)
    return c->pool.states[state].mask;
  if (c->mask_bytes > c->limit)
    grammar_masks_forget(c);
  memset(c->bits, 0, v->word_count * sizeof(*c->bits));
  c->path[0] = state;
  uint32_t few = v->node_count / 8 < FEW_STEPS ? v->node_count / 8 : FEW_STEPS;
  uint32_t at = walk(c, 0, v->node_count, few, NULL);
  if (at < v->node_count && !c->has_failed && !ask_nodes(c, state) &&
      !c->has_failed) {
    c->path[0] = state;
    walk(c, 0, v->node_count, UINT32_MAX, NULL);
  }
  token_set *mask = c->has_failed ? NULL : calloc(1, sizeof(*mask));
  if (!mask || keep_bits(c, mask) != 0) {
    free(mask);
    return NULL;
  }
  c->pool.states[state].mask = mask;
  return mask;
}
