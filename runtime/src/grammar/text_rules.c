/*===- text_rules.c - all texts that meet conditions, as rules ---------------
 * ===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "text_machine.h"

#include <string.h>

/* States by number, and where each class leads from them + 1. */
typedef struct text_states {
  run_pool runs;
  uint32_t *next, next_room;
  uint8_t *lives; /* an end can be reached */
} text_states;

/* 0 where a condition cannot be met any more. */
static uint32_t follow(text_machine *m, text_states *states, uint32_t state,
                       uint32_t class, uint32_t *words) {
  for (uint32_t i = 0; i < m->part_count; ++i) {
    uint32_t old = states->runs.words[state * m->part_count + i];
    words[i] = text_next(m, &m->parts[i], old, class);
    if (words[i] == TEXT_DEAD && !m->parts[i].condition->is_excluded)
      return 0;
  }
  return 1 + text_run(m, &states->runs, words, m->part_count);
}

static int is_end(const text_machine *m, const text_states *states,
                  uint32_t state) {
  for (uint32_t i = 0; i < m->part_count; ++i)
    if (!text_is_met(&m->parts[i],
                     states->runs.words[state * m->part_count + i]))
      return 0;
  return 1;
}

static void find_states(text_machine *m, text_states *states) {
  uint32_t *words =
      grammar_allocate(m->s->c, m->part_count + 1ull, sizeof(*words));
  text_pool_open(m, &states->runs);
  for (uint32_t i = 0; i < m->part_count; ++i)
    words[i] = text_first(m, &m->parts[i]);
  text_run(m, &states->runs, words, m->part_count);
  for (uint32_t i = 0, at = 0; i < states->runs.count; ++i)
    for (uint32_t k = 0; k < m->class_count; ++k, ++at) {
      text_spend(m, m->part_count);
      states->next = grammar_grow(m->s->c, states->next, at, &states->next_room,
                                  sizeof(uint32_t));
      states->next[at] = follow(m, states, i, k, words);
    }
}

static void find_living(text_machine *m, text_states *states) {
  uint32_t count = states->runs.count;
  states->lives = grammar_allocate(m->s->c, count + 1ull, 1);
  for (uint32_t i = 0; i < count; ++i)
    states->lives[i] = (uint8_t)is_end(m, states, i);
  for (int changes = 1; changes;) {
    changes = 0;
    text_spend(m, (uint64_t)count * m->class_count);
    for (uint32_t i = count; i-- > 0;)
      for (uint32_t k = 0; k < m->class_count && !states->lives[i]; ++k) {
        uint32_t next = states->next[i * m->class_count + k];
        if (next && states->lives[next - 1])
          changes = states->lives[i] = 1;
      }
  }
}

/* One more round of telling states apart: by the kinds of what follows them.
 * Returns how many kinds there are. */
static uint32_t tell_apart(text_machine *m, const text_states *states,
                           run_pool *pool, uint32_t *kinds, uint32_t *words) {
  uint32_t count = states->runs.count, classes = m->class_count;
  uint32_t *old = words + classes + 1;
  memcpy(old, kinds, count * sizeof(*kinds));
  memset(pool->heads, 0, (pool->mask + 1ull) * sizeof(*pool->heads));
  pool->count = pool->word_count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    words[0] = old[i];
    for (uint32_t k = 0; k < classes; ++k) {
      uint32_t next = states->next[i * classes + k];
      words[k + 1] = next ? old[next - 1] : 0;
    }
    kinds[i] = old[i] ? 1 + text_run(m, pool, words, classes + 1) : 0;
  }
  return pool->count;
}

/* Leaves one of all states behind which the same texts follow. States are left
 * as they are if that would take too long. */
static void join_equal(text_machine *m, text_states *states) {
  uint32_t count = states->runs.count, before = 0, now = 0, seen = 0;
  uint64_t round = (uint64_t)count * (m->class_count + 3);
  uint32_t *kinds = grammar_allocate(m->s->c, count, sizeof(*kinds));
  uint32_t *words = grammar_allocate(
      m->s->c, count + (uint64_t)m->class_count + 1, sizeof(*words));
  uint32_t *first = grammar_allocate(m->s->c, count + 1ull, sizeof(*first));
  run_pool pool = {0};
  text_pool_open(m, &pool);
  for (uint32_t i = 0; i < count; ++i) {
    kinds[i] = states->lives[i] ? 1u + (uint32_t)is_end(m, states, i) : 0;
    now += kinds[i] && !(seen >> kinds[i] & 1);
    seen |= 1u << kinds[i];
  }
  for (; now != before; now = tell_apart(m, states, &pool, kinds, words)) {
    if (m->s->steps + 2 * round > TEXT_MOST_STEPS / 2)
      return;
    before = now;
  }
  for (uint32_t i = count; i-- > 0;)
    first[kinds[i]] = i + 1;
  for (uint32_t i = 0; i < count; ++i)
    states->lives[i] = kinds[i] && first[kinds[i]] == i + 1;
  for (uint64_t i = 0; i < (uint64_t)count * m->class_count; ++i)
    if (states->next[i])
      states->next[i] = first[kinds[states->next[i] - 1]];
}

/* The characters that lead to where class k leads; their classes are taken. */
static expression characters_like(text_machine *m, uint32_t *next, uint32_t k,
                                  int is_spelled) {
  grammar_range *ranges =
      grammar_allocate(m->s->c, m->class_count, sizeof(*ranges));
  uint32_t count = 0, target = next[k];
  for (; k < m->class_count; ++k) {
    if (next[k] != target)
      continue;
    next[k] = 0;
    ranges[count++] = (grammar_range){m->bounds[k], k + 1 == m->class_count
                                                        ? 0x10FFFF
                                                        : m->bounds[k + 1] - 1};
  }
  return is_spelled ? schema_characters(m->s, ranges, count, 0)
                    : grammar_class(m->s->c, ranges, count, 0);
}

expression texts_all(text_machine *m, int is_spelled) {
  static const char name[] = "texts that meet conditions";
  grammar_compiler *c = m->s->c;
  text_states states = {{0}, NULL, 0, NULL};
  find_states(m, &states);
  find_living(m, &states);
  if (!states.lives[0])
    return NULL;
  join_equal(m, &states);
  uint32_t count = states.runs.count;
  uint32_t *rules = grammar_allocate(c, count, sizeof(*rules));
  for (uint32_t i = 0; i < count; ++i)
    if (states.lives[i])
      rules[i] = grammar_new_rule(c, name, sizeof(name) - 1, 0);
  for (uint32_t i = 0; i < count; ++i) {
    grammar_list ways = {NULL, 0, 0};
    uint32_t *next = states.next + (size_t)i * m->class_count;
    if (!states.lives[i])
      continue;
    if (is_end(m, &states, i))
      grammar_add(c, &ways, grammar_bytes(c, "", 0));
    for (uint32_t k = 0; k < m->class_count; ++k) {
      uint32_t target = next[k];
      if (!target || !states.lives[target - 1])
        continue;
      expression one = characters_like(m, next, k, is_spelled);
      grammar_add(c, &ways,
                  grammar_pair(c, one, grammar_call(c, rules[target - 1])));
    }
    c->rules[rules[i]].body = grammar_choice(c, &ways);
  }
  return grammar_call(c, rules[0]);
}
