/*===- texts.c - texts that meet several conditions -------------------------
 * ===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "text_machine.h"

#include <stdlib.h>
#include <string.h>

/*--- Characters ------------------------------------------------------------*/

static void put_bound(text_machine *m, uint32_t bound) {
  m->bounds = grammar_grow(m->s->c, m->bounds, m->class_count, &m->bound_room,
                           sizeof(*m->bounds));
  m->bounds[m->class_count++] = bound;
}

static int by_value(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

/* Characters that no condition tells apart are one class. */
static void find_classes(text_machine *m) {
  uint32_t kept = 0;
  put_bound(m, 0);
  for (uint32_t i = 0; i < m->part_count; ++i) {
    text_part *p = &m->parts[i];
    for (uint32_t e = 0; e < p->edge_count; ++e)
      if (p->edges[e].low <= p->edges[e].high) {
        put_bound(m, p->edges[e].low);
        put_bound(m, p->edges[e].high + 1);
      }
    for (uint32_t c = '-';
         c <= '9' + 1 && p->condition->kind == TEXT_IS_MULTIPLE; ++c)
      put_bound(m, c);
  }
  qsort(m->bounds, m->class_count, sizeof(*m->bounds), by_value);
  for (uint32_t i = 0; i < m->class_count; ++i)
    if ((kept == 0 || m->bounds[i] != m->bounds[kept - 1]) &&
        m->bounds[i] <= 0x10FFFF)
      m->bounds[kept++] = m->bounds[i];
  m->class_count = kept;
}

static uint32_t class_of(const text_machine *m, uint32_t character) {
  uint32_t low = 0, high = m->class_count;
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    if (m->bounds[middle] <= character)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/*--- States of one condition -----------------------------------------------*/

/* The set of m->list[0..count) and all that is reached from it without a
 * character. */
static uint32_t close_set(text_machine *m, text_part *p, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    for (uint32_t e = p->first[m->list[i]]; e < p->first[m->list[i] + 1]; ++e) {
      text_spend(m, 1);
      if (p->edges[e].low <= p->edges[e].high || m->is_marked[p->edges[e].to])
        continue;
      m->is_marked[p->edges[e].to] = 1;
      m->list[count++] = p->edges[e].to;
    }
  for (uint32_t i = 0; i < count; ++i)
    m->is_marked[m->list[i]] = 0;
  qsort(m->list, count, sizeof(*m->list), by_value);
  return text_run(m, &p->sets, m->list, count);
}

static uint32_t next_set(text_machine *m, text_part *p, uint32_t set,
                         uint32_t class) {
  uint64_t row = (uint64_t)set * m->class_count + class;
  while (row >= p->row_room) {
    uint32_t room = p->row_room;
    p->rows =
        grammar_grow(m->s->c, p->rows, room, &p->row_room, sizeof(*p->rows));
  }
  if (p->rows[row])
    return p->rows[row] - 1;
  uint32_t character = m->bounds[class], count = 0;
  for (uint32_t i = p->sets.first[set]; i < p->sets.first[set + 1]; ++i) {
    uint32_t node = p->sets.words[i];
    for (uint32_t e = p->first[node]; e < p->first[node + 1]; ++e) {
      text_spend(m, 1);
      if (p->edges[e].low > character || character > p->edges[e].high ||
          m->is_marked[p->edges[e].to])
        continue;
      m->is_marked[p->edges[e].to] = 1;
      m->list[count++] = p->edges[e].to;
    }
  }
  uint32_t next = close_set(m, p, count);
  p->rows[row] = next + 1;
  return next;
}

/* 1 + the remainder + the divisor times: 0 before the point, 1 and the digits
 * behind it that count. */
static uint32_t next_multiple(const text_condition *c, uint32_t state,
                              uint32_t character) {
  uint32_t rest = (state - 1) % c->divisor, phase = (state - 1) / c->divisor;
  if (character == '-')
    return state;
  if (character == '.')
    return phase ? TEXT_DEAD : state + c->divisor;
  if (character < '0' || character > '9')
    return TEXT_DEAD;
  if (phase == c->digits + 1)
    return character == '0' ? state : TEXT_DEAD;
  rest = (uint32_t)((rest * 10ull + (character - '0')) % c->divisor);
  return 1 + rest + c->divisor * (phase ? phase + 1 : 0);
}

uint32_t text_next(text_machine *m, text_part *p, uint32_t state,
                   uint32_t class) {
  const text_condition *c = p->condition;
  if (state == TEXT_DEAD)
    return TEXT_DEAD;
  switch (c->kind) {
  case TEXT_MATCHES:
    return next_set(m, p, state, class);
  case TEXT_HAS_LENGTH:
    if (c->most == GRAMMAR_UNBOUNDED)
      return state <= c->least ? state + 1 : state;
    return state <= c->most ? state + 1 : TEXT_DEAD;
  case TEXT_IS_MULTIPLE:
    return next_multiple(c, state, m->bounds[class]);
  }
  return TEXT_DEAD;
}

int text_is_met(const text_part *p, uint32_t state) {
  const text_condition *c = p->condition;
  int met = 0;
  if (state == TEXT_DEAD) {
    met = 0;
  } else if (c->kind == TEXT_HAS_LENGTH) {
    met = state - 1 >= c->least;
  } else if (c->kind == TEXT_IS_MULTIPLE) {
    uint64_t rest = (state - 1) % c->divisor;
    uint32_t phase = (state - 1) / c->divisor;
    for (uint32_t i = phase ? phase - 1 : 0; i < c->digits; ++i)
      rest = rest * 10 % c->divisor;
    met = rest == 0;
  } else {
    /* Node 1 is the end of the expression. */
    for (uint32_t i = p->sets.first[state]; i < p->sets.first[state + 1]; ++i)
      met |= p->sets.words[i] == 1;
  }
  return met != p->condition->is_excluded;
}

uint32_t text_first(text_machine *m, text_part *p) {
  if (p->condition->kind != TEXT_MATCHES)
    return 1;
  m->list[0] = 0;
  m->is_marked[0] = 1;
  return close_set(m, p, 1);
}

/*--- All together ----------------------------------------------------------*/

void texts_add(schema_compiler *s, text_conditions *list,
               text_condition condition) {
  list->at =
      grammar_grow(s->c, list->at, list->count, &list->room, sizeof(*list->at));
  list->at[list->count++] = condition;
}

text_machine *texts_open(schema_compiler *s, json at,
                         const text_conditions *list) {
  grammar_compiler *c = s->c;
  text_machine *m = grammar_allocate(c, 1, sizeof(*m));
  uint32_t most = 2;
  m->s = s;
  m->at = at;
  m->part_count = list->count;
  m->parts = grammar_allocate(c, list->count + 1ull, sizeof(*m->parts));
  for (uint32_t i = 0; i < list->count; ++i) {
    text_part *p = &m->parts[i];
    p->condition = &list->at[i];
    if (p->condition->kind != TEXT_MATCHES)
      continue;
    text_part_open(m, p);
    most = p->node_count > most ? p->node_count : most;
  }
  m->is_marked = grammar_allocate(c, most, 1);
  m->list = grammar_allocate(c, most, sizeof(*m->list));
  find_classes(m);
  return m;
}

int texts_meet(text_machine *m, const char *text, size_t bytes) {
  for (uint32_t i = 0; i < m->part_count; ++i) {
    uint32_t state = text_first(m, &m->parts[i]), character = 0;
    for (size_t at = 0; at < bytes;) {
      at += grammar_decode(text + at, bytes - at, &character);
      state = text_next(m, &m->parts[i], state, class_of(m, character));
    }
    if (!text_is_met(&m->parts[i], state))
      return 0;
  }
  return 1;
}
