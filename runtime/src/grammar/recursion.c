/*===- recursion.c - rules that begin with themselves -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

/* Expressions looked at while it is found which rules may be empty. */
#define MOST_VISITS 100000000u

int grammar_is_nullable(const grammar_compiler *c,
                        const grammar_expression *e) {
  switch (e->kind) {
  case EXPRESSION_BYTES:
    return e->count == 0;
  case EXPRESSION_CLASS:
    return 0;
  case EXPRESSION_RULE:
    return c->rules[e->rule].is_nullable;
  case EXPRESSION_SEQUENCE:
    for (uint32_t i = 0; i < e->count; ++i)
      if (!grammar_is_nullable(c, e->parts[i]))
        return 0;
    return 1;
  case EXPRESSION_CHOICE:
    for (uint32_t i = 0; i < e->count; ++i)
      if (grammar_is_nullable(c, e->parts[i]))
        return 1;
    return 0;
  case EXPRESSION_REPEAT:
    return e->least == 0 || grammar_is_nullable(c, e->parts[0]);
  }
  return 0;
}

static uint32_t size_of(const grammar_expression *e) {
  uint32_t size = 1;
  if (e->kind != EXPRESSION_BYTES && e->kind != EXPRESSION_CLASS)
    for (uint32_t i = 0; i < e->count; ++i)
      size += size_of(e->parts[i]);
  return size;
}

/* Up and down the rules until nothing changes. */
static void find_nullable(grammar_compiler *c) {
  uint64_t pass = 0, visits = 0;
  uint32_t count = c->rule_count;
  for (uint32_t i = 0; i < count; ++i)
    pass += size_of(c->rules[i].body);
  for (int changes = 1, up = 0; changes; up = !up) {
    changes = 0;
    if ((visits += pass) > MOST_VISITS)
      grammar_fail(c, "too many rules that may be empty depend on each other");
    for (uint32_t i = 0; i < count; ++i) {
      grammar_rule *rule = &c->rules[up ? count - 1 - i : i];
      if (rule->is_nullable || !grammar_is_nullable(c, rule->body))
        continue;
      rule->is_nullable = 1;
      changes = 1;
    }
  }
}

/*--- Calls before anything is read -----------------------------------------*/

typedef struct graph {
  grammar_compiler *c;
  uint32_t *calls, count, room;
} graph;

/* True if what follows the expression may be at the beginning, too. */
static int add_first(graph *g, const grammar_expression *e) {
  int is_nullable = 0;
  switch (e->kind) {
  case EXPRESSION_RULE:
    g->calls =
        grammar_grow(g->c, g->calls, g->count, &g->room, sizeof(*g->calls));
    g->calls[g->count++] = e->rule;
    break;
  case EXPRESSION_SEQUENCE:
    for (uint32_t i = 0; i < e->count; ++i)
      if (!add_first(g, e->parts[i]))
        return 0;
    return 1;
  case EXPRESSION_CHOICE:
    for (uint32_t i = 0; i < e->count; ++i)
      is_nullable |= add_first(g, e->parts[i]);
    return is_nullable;
  case EXPRESSION_REPEAT:
    return (e->most && add_first(g, e->parts[0])) || e->least == 0;
  default:
    break;
  }
  return grammar_is_nullable(g->c, e);
}

static void refuse(grammar_compiler *c, const grammar_rule *rule,
                   const grammar_rule *caller) {
  int bytes = rule->name_bytes > 100 ? 100 : (int)rule->name_bytes;
  int others = caller->name_bytes > 100 ? 100 : (int)caller->name_bytes;
  if (c->is_schema)
    grammar_fail(c, "%.*s: the schema is its own, with nothing in between",
                 bytes, rule->name);
  if (rule == caller)
    grammar_fail(c,
                 "line %u: rule %.*s begins with itself; left recursion is "
                 "not supported, so write it as a repetition",
                 rule->line, bytes, rule->name);
  grammar_fail(c,
               "line %u: rule %.*s begins with itself, through %.*s in line "
               "%u; left recursion is not supported, so write it as a "
               "repetition",
               rule->line, bytes, rule->name, others, caller->name,
               caller->line);
}

/* Depth first, with the rules that are open as a list. */
static void walk(graph *g, const uint32_t *first, uint32_t rule, uint8_t *state,
                 uint32_t *open, uint32_t *next) {
  uint32_t depth = 0;
  open[0] = rule;
  next[0] = first[rule];
  state[rule] = 1;
  for (;;) {
    uint32_t at = open[depth];
    if (next[depth] == first[at + 1]) {
      state[at] = 2;
      if (depth-- == 0)
        return;
      continue;
    }
    uint32_t called = g->calls[next[depth]++];
    if (state[called] == 1)
      refuse(g->c, &g->c->rules[called], &g->c->rules[at]);
    if (state[called] == 2)
      continue;
    state[called] = 1;
    open[++depth] = called;
    next[depth] = first[called];
  }
}

void grammar_check_recursion(grammar_compiler *c) {
  graph g = {c, NULL, 0, 0};
  uint32_t count = c->rule_count;
  find_nullable(c);
  uint32_t *first = grammar_allocate(c, (uint64_t)count + 1, sizeof(*first));
  uint32_t *open = grammar_allocate(c, count, sizeof(*open));
  uint32_t *next = grammar_allocate(c, count, sizeof(*next));
  uint8_t *state = grammar_allocate(c, count, 1);
  for (uint32_t i = 0; i < count; ++i) {
    first[i] = g.count;
    add_first(&g, c->rules[i].body);
  }
  first[count] = g.count;
  for (uint32_t i = 0; i < count; ++i)
    if (state[i] == 0)
      walk(&g, first, i, state, open, next);
}
