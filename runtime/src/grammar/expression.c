/*===- expression.c - expressions, and what they are made of ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

#include <stdlib.h>
#include <string.h>

#define LAST_CHARACTER 0x10FFFFu

static grammar_expression *make(grammar_compiler *c, grammar_kind kind) {
  grammar_expression *e = grammar_allocate(c, 1, sizeof(*e));
  e->kind = kind;
  return e;
}

const grammar_expression *grammar_bytes(grammar_compiler *c, const char *text,
                                        size_t bytes) {
  grammar_expression *e = make(c, EXPRESSION_BYTES);
  if (bytes > c->options.max_nodes)
    grammar_fail(c,
                 "a text of %zu bytes is more than the %u nodes that "
                 "max_nodes allows",
                 bytes, c->options.max_nodes);
  char *copy = grammar_allocate(c, bytes + 1, 1);
  if (bytes)
    memcpy(copy, text, bytes);
  e->bytes = copy;
  e->count = (uint32_t)bytes;
  return e;
}

const grammar_expression *grammar_literal(grammar_compiler *c,
                                          const char *text) {
  return grammar_bytes(c, text, strlen(text));
}

/*--- Classes of characters -------------------------------------------------*/

static int by_low(const void *a, const void *b) {
  const grammar_range *x = a, *y = b;
  return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorted and joined, in place. */
static uint32_t join(grammar_range *ranges, uint32_t count) {
  uint32_t kept = 0;
  if (count)
    qsort(ranges, count, sizeof(*ranges), by_low);
  for (uint32_t i = 0; i < count; ++i) {
    if (kept && ranges[i].low <= ranges[kept - 1].high + 1) {
      if (ranges[i].high > ranges[kept - 1].high)
        ranges[kept - 1].high = ranges[i].high;
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  return kept;
}

static uint32_t invert(const grammar_range *ranges, uint32_t count,
                       grammar_range *others) {
  uint32_t next = 0, kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (ranges[i].low > next)
      others[kept++] = (grammar_range){next, ranges[i].low - 1};
    next = ranges[i].high + 1;
  }
  if (next <= LAST_CHARACTER)
    others[kept++] = (grammar_range){next, LAST_CHARACTER};
  return kept;
}

const grammar_expression *grammar_class(grammar_compiler *c,
                                        const grammar_range *ranges,
                                        uint32_t count, int inverted) {
  grammar_expression *e = make(c, EXPRESSION_CLASS);
  grammar_range *own = grammar_allocate(c, (uint64_t)count + 1, sizeof(*own));
  if (count)
    memcpy(own, ranges, count * sizeof(*own));
  uint32_t kept = join(own, count);
  e->ranges = own;
  e->count = kept;
  if (inverted) {
    grammar_range *others =
        grammar_allocate(c, (uint64_t)kept + 1, sizeof(*others));
    e->count = invert(own, kept, others);
    e->ranges = others;
  }
  return e;
}

/*--- The others ------------------------------------------------------------*/

const grammar_expression *grammar_call(grammar_compiler *c, uint32_t rule) {
  grammar_expression *e = make(c, EXPRESSION_RULE);
  e->rule = rule;
  return e;
}

const grammar_expression *grammar_repeat(grammar_compiler *c,
                                         const grammar_expression *part,
                                         uint32_t least, uint32_t most) {
  if (least == 1 && most == 1)
    return part;
  grammar_expression *e = make(c, EXPRESSION_REPEAT);
  e->parts = grammar_allocate(c, 1, sizeof(*e->parts));
  e->parts[0] = part;
  e->count = 1;
  e->least = least;
  e->most = most;
  return e;
}

void grammar_add(grammar_compiler *c, grammar_list *list,
                 const grammar_expression *part) {
  list->parts = grammar_grow(c, list->parts, list->count, &list->room,
                             sizeof(*list->parts));
  list->parts[list->count++] = part;
}

static const grammar_expression *
of_parts(grammar_compiler *c, grammar_kind kind, const grammar_list *list) {
  if (list->count == 1)
    return list->parts[0];
  grammar_expression *e = make(c, kind);
  e->parts = list->parts;
  e->count = list->count;
  return e;
}

const grammar_expression *grammar_sequence(grammar_compiler *c,
                                           const grammar_list *list) {
  return list->count ? of_parts(c, EXPRESSION_SEQUENCE, list)
                     : grammar_bytes(c, "", 0);
}

const grammar_expression *grammar_choice(grammar_compiler *c,
                                         const grammar_list *list) {
  return list->count ? of_parts(c, EXPRESSION_CHOICE, list)
                     : grammar_class(c, NULL, 0, 0);
}

const grammar_expression *grammar_pair(grammar_compiler *c,
                                       const grammar_expression *first,
                                       const grammar_expression *second) {
  grammar_list list = {NULL, 0, 0};
  grammar_add(c, &list, first);
  grammar_add(c, &list, second);
  return grammar_sequence(c, &list);
}

const grammar_expression *grammar_either(grammar_compiler *c,
                                         const grammar_expression *first,
                                         const grammar_expression *second) {
  grammar_list list = {NULL, 0, 0};
  grammar_add(c, &list, first);
  grammar_add(c, &list, second);
  return grammar_choice(c, &list);
}

uint32_t grammar_new_rule(grammar_compiler *c, const char *name,
                          size_t name_bytes, uint32_t line) {
  c->rules = grammar_grow(c, c->rules, c->rule_count, &c->rule_room,
                          sizeof(*c->rules));
  grammar_rule *rule = &c->rules[c->rule_count];
  rule->name = name;
  rule->name_bytes = name_bytes;
  rule->line = line;
  return c->rule_count++;
}

/*--- All up to a mark ------------------------------------------------------*/

/* How much of `end` the text ends with when `next` comes behind its first
 * `matched` characters. */
static uint32_t advance(const char *end, uint32_t matched, char next) {
  for (uint32_t length = matched + 1; length > 0; --length)
    if (end[length - 1] == next &&
        memcmp(end, end + (matched + 1 - length), length - 1) == 0)
      return length;
  return 0;
}

/* Rule i + first: i characters of the mark have come. Calls at the end of a
 * rule need no return, so these are an automaton without a stack. */
const grammar_expression *grammar_until(grammar_compiler *c, const char *end) {
  uint32_t length = (uint32_t)strlen(end), first = c->rule_count;
  for (uint32_t i = 0; i < length; ++i)
    grammar_new_rule(c, "the text before a mark", 22, 0);
  for (uint32_t i = 0; i < length; ++i) {
    grammar_list ways = {NULL, 0, 0};
    grammar_range seen[128];
    uint32_t seen_count = 0;
    for (uint8_t next = 1; next < 128; ++next) {
      uint32_t to = advance(end, i, (char)next);
      if (to == 0)
        continue;
      char text = (char)next;
      seen[seen_count++] = (grammar_range){next, next};
      const grammar_expression *one = grammar_bytes(c, &text, 1);
      grammar_add(c, &ways,
                  to == length
                      ? one
                      : grammar_pair(c, one, grammar_call(c, first + to)));
    }
    grammar_add(c, &ways,
                grammar_pair(c, grammar_class(c, seen, seen_count, 1),
                             grammar_call(c, first)));
    c->rules[first + i].body = grammar_choice(c, &ways);
  }
  return grammar_call(c, first);
}
