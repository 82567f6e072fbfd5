/*===- text_rules.c - all texts that meet conditions, as rules ---------------
 * ===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "text_machine.h"

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
