/*===- stacks.c - returns that are open -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more; the pool's limit is the constraint's. */
static int reserve(tern_constraint *c, void *array, uint32_t count,
                   uint32_t *room, size_t size) {
  void **at = array;
  if (count < *room)
    return 0;
  uint64_t more = *room ? 2 * (uint64_t)*room : 64;
  uint64_t added = (more - *room) * size;
  void *grown = c->pool.bytes + added > c->limit || more > UINT32_MAX / 2
                    ? NULL
                    : realloc(*at, more * size);
  if (!grown) {
    c->has_failed = 1;
    return -1;
  }
  *at = grown;
  *room = (uint32_t)more;
  c->pool.bytes += added;
  return 0;
}

/* A table of twice the size; chains are made anew. */
static void rehash(tern_constraint *c) {
  state_pool *pool = &c->pool;
  uint64_t size = 2 * ((uint64_t)pool->stack_mask + 1);
  if (pool->stack_count < size)
    return;
  uint32_t *heads = calloc(size, sizeof(*heads));
  if (!heads)
    return; /* longer chains do no harm */
  for (uint32_t i = 1; i < pool->stack_count; ++i) {
    const grammar_stack *s = &pool->stacks[i];
    uint32_t hash =
        grammar_hash(&pool->entries[s->first], s->count * sizeof(stack_entry)) &
        (uint32_t)(size - 1);
    pool->stacks[i].next = heads[hash];
    heads[hash] = i;
  }
  free(pool->stack_heads);
  pool->stack_heads = heads;
  pool->stack_mask = (uint32_t)(size - 1);
  pool->bytes += size / 2 * sizeof(*heads);
}

uint32_t grammar_hash(const void *words, size_t bytes) {
  const uint32_t *at = words;
  uint32_t hash = 0x9E3779B9u;
  for (size_t i = 0; i < bytes / 4; ++i) {
    hash = (hash ^ at[i]) * 0x85EBCA6Bu;
    hash ^= hash >> 13;
  }
  return hash;
}

static uint32_t depth_of(const state_pool *pool, const stack_entry *entries,
                         uint32_t count) {
  uint32_t depth = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t below = entries[i].node >= RETURN_UNKNOWN
                         ? 0
                         : pool->stacks[entries[i].below].depth + 1;
    depth = below > depth ? below : depth;
  }
  return depth;
}

uint32_t grammar_stack_make(tern_constraint *c, const stack_entry *entries,
                            uint32_t count) {
  state_pool *pool = &c->pool;
  size_t bytes = count * sizeof(*entries);
  uint32_t *head =
      &pool->stack_heads[grammar_hash(entries, bytes) & pool->stack_mask];
  for (uint32_t i = *head; i; i = pool->stacks[i].next)
    if (pool->stacks[i].count == count &&
        memcmp(&pool->entries[pool->stacks[i].first], entries, bytes) == 0)
      return i;
  if (reserve(c, &pool->stacks, pool->stack_count, &pool->stack_room,
              sizeof(grammar_stack)) != 0)
    return 0;
  uint32_t first = pool->entry_count;
  for (uint32_t i = 0; i < count; ++i) {
    if (reserve(c, &pool->entries, pool->entry_count, &pool->entry_room,
                sizeof(stack_entry)) != 0)
      return 0;
    pool->entries[pool->entry_count++] = entries[i];
  }
  uint32_t made = pool->stack_count++;
  pool->stacks[made] =
      (grammar_stack){first, count, depth_of(pool, entries, count), *head};
  *head = made;
  rehash(c);
  return made;
}

/*--- Unions ----------------------------------------------------------------*/

static int put(tern_constraint *c, uint32_t *at, stack_entry entry) {
  if (*at == c->merged_room) {
    uint32_t more = c->merged_room ? 2 * c->merged_room : 256;
    stack_entry *grown = realloc(c->merged, more * sizeof(*grown));
    if (!grown) {
      c->has_failed = 1;
      return -1;
    }
    c->merged = grown;
    c->merged_room = more;
  }
  c->merged[(*at)++] = entry;
  return 0;
}

static uint32_t unite(tern_constraint *c, uint32_t a, uint32_t b,
                      uint32_t base);

/* The entries of both from merged[base] on, in order; returns their end, or 0
 * after a failure. */
static uint32_t merge(tern_constraint *c, uint32_t a, uint32_t b,
                      uint32_t base) {
  const state_pool *pool = &c->pool;
  grammar_stack x = pool->stacks[a], y = pool->stacks[b];
  uint32_t end = base, i = 0, j = 0;
  grammar_spend(c, x.count + y.count);
  while (i < x.count || j < y.count) {
    stack_entry entry;
    stack_entry left = {0, 0}, right = {0, 0};
    if (i < x.count)
      left = pool->entries[x.first + i];
    if (j < y.count)
      right = pool->entries[y.first + j];
    if (j == y.count || (i < x.count && left.node < right.node)) {
      entry = left;
      ++i;
    } else if (i == x.count || right.node < left.node) {
      entry = right;
      ++j;
    } else {
      entry = left;
      if (left.below != right.below)
        entry.below = unite(c, left.below, right.below, end);
      ++i;
      ++j;
    }
    if (c->has_failed || put(c, &end, entry) != 0)
      return 0;
  }
  return end;
}

static uint32_t unite(tern_constraint *c, uint32_t a, uint32_t b,
                      uint32_t base) {
  if (a > b) {
    uint32_t other = a;
    a = b;
    b = other;
  }
  if (a == b || a == 0)
    return b;
  uint32_t slot = (a * 31 + b) % 256;
  if (c->unions[slot].a == a && c->unions[slot].b == b)
    return c->unions[slot].result;
  uint32_t end = merge(c, a, b, base);
  if (c->has_failed)
    return 0;
  uint32_t made = grammar_stack_make(c, c->merged + base, end - base);
  if (made) {
    c->unions[slot].a = a;
    c->unions[slot].b = b;
    c->unions[slot].result = made;
  }
  return made;
}

uint32_t grammar_stack_union(tern_constraint *c, uint32_t a, uint32_t b) {
  return unite(c, a, b, 0);
}

/*--- The pool --------------------------------------------------------------*/

int grammar_reserve_states(tern_constraint *c, uint32_t items) {
  state_pool *pool = &c->pool;
  uint32_t classes = c->grammar->class_count, rooms = pool->state_room;
  while (pool->item_room - pool->item_count < items)
    if (reserve(c, &pool->items, pool->item_room, &pool->item_room,
                sizeof(state_item)) != 0)
      return -1;
  if (reserve(c, &pool->rows, pool->state_count, &rooms,
              classes * sizeof(uint32_t)) != 0)
    return -1;
  return reserve(c, &pool->states, pool->state_count, &pool->state_room,
                 sizeof(grammar_state));
}

int grammar_pool_open(tern_constraint *c) {
  state_pool *pool = &c->pool;
  memset(pool, 0, sizeof(*pool));
  memset(c->unions, 0, sizeof(c->unions));
  pool->stack_mask = 255;
  pool->state_mask = 4095;
  pool->stack_heads = calloc(256, sizeof(uint32_t));
  pool->state_heads = calloc(4096, sizeof(uint32_t));
  pool->stack_count = 1; /* 0 is none */
  pool->state_count = 2; /* unknown and dead */
  if (!pool->stack_heads || !pool->state_heads ||
      grammar_reserve_states(c, 1) != 0 ||
      reserve(c, &pool->stacks, 1, &pool->stack_room, sizeof(grammar_stack)) !=
          0)
    return -1;
  memset(pool->stacks, 0, sizeof(*pool->stacks));
  memset(pool->states, 0, 2 * sizeof(*pool->states));
  /* Nothing follows a dead one. */
  for (uint32_t i = 0; i < 2 * c->grammar->class_count; ++i)
    pool->rows[i] = STATE_DEAD;
  return 0;
}

void grammar_pool_close(state_pool *pool) {
  free(pool->entries);
  free(pool->stacks);
  free(pool->items);
  free(pool->states);
  free(pool->rows);
  free(pool->stack_heads);
  free(pool->state_heads);
  memset(pool, 0, sizeof(*pool));
}
