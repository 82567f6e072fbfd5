/*===- states.c - all that the readings of a text have come to --------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

/*--- Nodes that are reached without a byte ---------------------------------*/

/* This node with this stack, too; looked at again if that is more. */
static void add(tern_constraint *c, uint32_t node, uint32_t stack) {
  uint32_t *known = &c->stack_of[node];
  if (c->has_failed)
    return;
  if (*known == 0)
    c->touched[c->touched_count++] = node;
  grammar_spend(c, 1);
  uint32_t all = grammar_stack_union(c, *known, stack);
  if (all == *known || c->has_failed)
    return;
  *known = all;
  if (c->is_queued[node])
    return;
  c->is_queued[node] = 1;
  c->queue[(c->queue_first + c->queue_count++) % c->grammar->node_count] = node;
}

static void call(tern_constraint *c, const grammar_edge *edge, uint32_t stack) {
  uint32_t start = c->grammar->starts[edge->rule];
  stack_entry entry = {edge->target, stack};
  if (edge->is_last) {
    add(c, start, stack);
    return;
  }
  /* Too deep: as if the rule were not there. */
  if (c->pool.stacks[stack].depth >= c->grammar->max_depth)
    return;
  uint32_t deeper = grammar_stack_make(c, &entry, 1);
  if (deeper)
    add(c, start, deeper);
}

static void leave(tern_constraint *c, uint32_t stack) {
  grammar_stack s = c->pool.stacks[stack];
  for (uint32_t i = 0; i < s.count; ++i) {
    stack_entry entry = c->pool.entries[s.first + i];
    if (entry.node == RETURN_NONE)
      c->flags |= STATE_MAY_END;
    else if (entry.node == RETURN_UNKNOWN)
      c->flags |= STATE_IS_LEFT;
    else
      add(c, entry.node, entry.below);
  }
}

static void visit(tern_constraint *c, uint32_t node) {
  const tern_grammar *g = c->grammar;
  uint32_t stack = c->stack_of[node];
  grammar_spend(c, g->edge_first[node + 1] - g->edge_first[node]);
  for (uint32_t i = g->edge_first[node]; i < g->edge_first[node + 1]; ++i) {
    if (g->edges[i].kind == EDGE_EMPTY)
      add(c, g->edges[i].target, stack);
    else if (g->edges[i].kind == EDGE_CALL)
      call(c, &g->edges[i], stack);
  }
  if (g->is_end[node])
    leave(c, stack);
}

static void close_over(tern_constraint *c) {
  while (c->queue_count && !c->has_failed) {
    uint32_t node = c->queue[c->queue_first];
    c->queue_first = (c->queue_first + 1) % c->grammar->node_count;
    --c->queue_count;
    c->is_queued[node] = 0;
    visit(c, node);
  }
}

/*--- The state of these nodes ----------------------------------------------*/

static int reads_bytes(const tern_grammar *g, uint32_t node) {
  for (uint32_t i = g->edge_first[node]; i < g->edge_first[node + 1]; ++i)
    if (g->edges[i].kind == EDGE_BYTES)
      return 1;
  return 0;
}

static int by_value(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static void clear(tern_constraint *c) {
  for (uint32_t i = 0; i < c->touched_count; ++i) {
    c->stack_of[c->touched[i]] = 0;
    c->is_queued[c->touched[i]] = 0;
  }
  c->touched_count = c->queue_count = c->queue_first = c->flags = 0;
}

static void rehash(state_pool *pool) {
  uint64_t size = 2 * ((uint64_t)pool->state_mask + 1);
  uint32_t *heads =
      pool->state_count < size ? NULL : calloc(size, sizeof(*heads));
  if (!heads)
    return;
  for (uint32_t i = 2; i < pool->state_count; ++i) {
    grammar_state *s = &pool->states[i];
    uint32_t hash =
        (grammar_hash(&pool->items[s->first], s->count * sizeof(state_item)) ^
         s->flags) &
        (uint32_t)(size - 1);
    s->next = heads[hash];
    heads[hash] = i;
  }
  free(pool->state_heads);
  pool->state_heads = heads;
  pool->state_mask = (uint32_t)(size - 1);
  pool->bytes += size / 2 * sizeof(*heads);
}

/* The number of the state whose items lie behind those of all others. */
static uint32_t number(tern_constraint *c, uint32_t count) {
  state_pool *pool = &c->pool;
  const state_item *items = &pool->items[pool->item_count];
  uint32_t classes = c->grammar->class_count;
  uint32_t hash = (grammar_hash(items, count * sizeof(*items)) ^ c->flags) &
                  pool->state_mask;
  for (uint32_t i = pool->state_heads[hash]; i; i = pool->states[i].next) {
    const grammar_state *s = &pool->states[i];
    if (s->count == count && s->flags == c->flags &&
        memcmp(&pool->items[s->first], items, count * sizeof(*items)) == 0)
      return i;
  }
  uint32_t made = pool->state_count++;
  pool->states[made] = (grammar_state){pool->item_count, count, c->flags,
                                       pool->state_heads[hash], NULL};
  pool->state_heads[hash] = made;
  pool->item_count += count;
  memset(&pool->rows[(size_t)made * classes], 0, classes * sizeof(uint32_t));
  rehash(pool);
  return made;
}

/* From what was added; 0: memory is short. */
static uint32_t finish(tern_constraint *c) {
  uint32_t count = 0, result = 0;
  close_over(c);
  if (!c->has_failed && grammar_reserve_states(c, c->touched_count) == 0) {
    state_item *items = c->pool.items + c->pool.item_count;
    qsort(c->touched, c->touched_count, sizeof(*c->touched), by_value);
    for (uint32_t i = 0; i < c->touched_count; ++i)
      if (reads_bytes(c->grammar, c->touched[i]))
        items[count++] =
            (state_item){c->touched[i], c->stack_of[c->touched[i]]};
    result = count || c->flags ? number(c, count) : STATE_DEAD;
  }
  clear(c);
  return result;
}

uint32_t grammar_state_at(tern_constraint *c, uint32_t node, uint32_t stack) {
  if (stack)
    add(c, node, stack);
  return stack ? finish(c) : 0;
}

uint32_t grammar_state_compute(tern_constraint *c, uint32_t state,
                               uint32_t byte_class) {
  const tern_grammar *g = c->grammar;
  uint8_t byte = g->class_byte[byte_class];
  grammar_state s = c->pool.states[state];
  for (uint32_t i = 0; i < s.count; ++i) {
    state_item item = c->pool.items[s.first + i];
    uint32_t end = g->edge_first[item.node + 1];
    grammar_spend(c, end - g->edge_first[item.node]);
    for (uint32_t e = g->edge_first[item.node]; e < end; ++e)
      if (g->edges[e].kind == EDGE_BYTES && g->edges[e].low <= byte &&
          byte <= g->edges[e].high)
        add(c, g->edges[e].target, item.stack);
  }
  uint32_t next = finish(c);
  if (next)
    c->pool.rows[(size_t)state * g->class_count + byte_class] = next;
  return next;
}

/*--- Memory ----------------------------------------------------------------*/

/* The same stack in the pool that is now the constraint's. */
static uint32_t copy_stack(tern_constraint *c, const state_pool *old,
                           uint32_t stack, uint32_t *copies) {
  grammar_stack s = old->stacks[stack];
  if (stack == 0 || copies[stack])
    return copies[stack];
  stack_entry *entries = malloc(s.count * sizeof(*entries) + 1);
  if (!entries)
    return 0;
  for (uint32_t i = 0; i < s.count; ++i) {
    entries[i] = old->entries[s.first + i];
    if (entries[i].below)
      entries[i].below = copy_stack(c, old, entries[i].below, copies);
  }
  copies[stack] = grammar_stack_make(c, entries, s.count);
  free(entries);
  return copies[stack];
}

static uint32_t copy_state(tern_constraint *c, const state_pool *old,
                           uint32_t state, uint32_t *copies) {
  grammar_state s = old->states[state];
  if (grammar_reserve_states(c, s.count) != 0)
    return 0;
  for (uint32_t i = 0; i < s.count; ++i) {
    state_item item = old->items[s.first + i];
    item.stack = copy_stack(c, old, item.stack, copies);
    c->pool.items[c->pool.item_count + i] = item;
  }
  c->flags = s.flags;
  uint32_t result = c->has_failed ? 0 : number(c, s.count);
  c->flags = 0;
  return result;
}

int grammar_begin(tern_constraint *c) {
  c->has_failed = 0;
  c->work = MOST_WORK;
  return c->pool.bytes <= c->limit / 2 ? 0 : grammar_pool_forget(c);
}

int grammar_pool_forget(tern_constraint *c) {
  grammar_masks_forget(c);
  state_pool old = c->pool;
  uint32_t *copies = calloc(old.stack_count, sizeof(*copies));
  int result = copies ? grammar_pool_open(c) : -1;
  for (tern_matcher *m = c->matchers; m && result == 0; m = m->next) {
    m->moved = m->state < 2 ? m->state : copy_state(c, &old, m->state, copies);
    result = m->moved ? 0 : -1;
  }
  for (tern_matcher *m = c->matchers; m && result == 0; m = m->next)
    m->state = m->moved;
  if (result == 0) {
    grammar_pool_close(&old);
  } else if (copies) {
    grammar_pool_close(&c->pool);
    c->pool = old;
    memset(c->unions, 0, sizeof(c->unions));
  }
  free(copies);
  c->has_failed = 0;
  return result;
}
