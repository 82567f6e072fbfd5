/*===- automaton.c - from expressions to nodes and edges --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "grammar.h"

#include <string.h>

/* Copies of a part that are worth to be known as such. */
#define MANY_COPIES 24u

typedef struct rule_form {
  uint32_t start, end; /* nodes */
  uint8_t is_queued;
} rule_form;

typedef struct builder {
  grammar_compiler *c;
  rule_form *forms;
  grammar_sizes sizes;
  uint32_t *queue, queue_count;
  grammar_placed_edge *edges;
  uint32_t edge_count, edge_room, node_count;
  grammar_copies *copies;
  uint32_t copies_count, copies_room;
  uint32_t end;      /* of the rule that is built */
  uint32_t tails[4]; /* nodes before so many bytes of a character's rest */
} builder;

/*--- Nodes and edges -------------------------------------------------------*/

static uint32_t new_node(builder *b) {
  grammar_compiler *c = b->c;
  if (b->node_count >= c->options.max_nodes)
    grammar_fail(c,
                 "the grammar needs more than the %u nodes that max_nodes "
                 "allows",
                 c->options.max_nodes);
  return b->node_count++;
}

static void add_edge(builder *b, uint32_t from, grammar_edge edge) {
  if (b->edge_count >= 8 * b->c->options.max_nodes)
    grammar_fail(b->c,
                 "the grammar needs more edges than its max_nodes of %u "
                 "allows",
                 b->c->options.max_nodes);
  b->edges = grammar_grow(b->c, b->edges, b->edge_count, &b->edge_room,
                          sizeof(*b->edges));
  b->edges[b->edge_count++] = (grammar_placed_edge){from, edge};
}

static void add_bytes(builder *b, uint32_t from, uint32_t low, uint32_t high,
                      uint32_t to) {
  add_edge(b, from,
           (grammar_edge){to, 0, EDGE_BYTES, (uint8_t)low, (uint8_t)high, 0});
}

static void add_empty(builder *b, uint32_t from, uint32_t to) {
  add_edge(b, from, (grammar_edge){to, 0, EDGE_EMPTY, 0, 0, 0});
}

/* The node before `count` bytes that end any character and lead to `to`. */
static uint32_t tail_of(builder *b, uint32_t count, uint32_t to) {
  if (count == 0)
    return to;
  if (b->tails[count] == GRAMMAR_NONE) {
    uint32_t next = tail_of(b, count - 1, to);
    b->tails[count] = new_node(b);
    add_bytes(b, b->tails[count], 0x80, 0xBF, next);
  }
  return b->tails[count];
}

static int is_all(const uint8_t *bytes, uint32_t count, uint8_t value) {
  for (uint32_t i = 0; i < count; ++i)
    if (bytes[i] != value)
      return 0;
  return 1;
}

/* Characters between two that have the same number of bytes. */
static void emit_between(builder *b, uint32_t from, const uint8_t *low,
                         const uint8_t *high, uint32_t count, uint32_t to) {
  static const uint8_t least[3] = {0x80, 0x80, 0x80};
  static const uint8_t most[3] = {0xBF, 0xBF, 0xBF};
  uint32_t first = low[0], last = high[0], rest = count - 1;
  if (rest == 0) {
    add_bytes(b, from, first, last, to);
    return;
  }
  if (first == last) {
    if (is_all(low + 1, rest, 0x80) && is_all(high + 1, rest, 0xBF)) {
      add_bytes(b, from, first, first, tail_of(b, rest, to));
      return;
    }
    uint32_t node = new_node(b);
    add_bytes(b, from, first, first, node);
    emit_between(b, node, low + 1, high + 1, rest, to);
    return;
  }
  if (!is_all(low + 1, rest, 0x80)) {
    uint32_t node = new_node(b);
    add_bytes(b, from, first, first, node);
    emit_between(b, node, low + 1, most, rest, to);
    ++first;
  }
  if (!is_all(high + 1, rest, 0xBF)) {
    uint32_t node = new_node(b);
    add_bytes(b, from, last, last, node);
    emit_between(b, node, least, high + 1, rest, to);
    --last;
  }
  if (first <= last)
    add_bytes(b, from, first, last, tail_of(b, rest, to));
}

static void emit_class(builder *b, const grammar_expression *e, uint32_t from,
                       uint32_t to) {
  /* Where the number of bytes changes, and around surrogates. */
  static const uint32_t ends[] = {0x7F, 0x7FF, 0xD7FF, 0xFFFF, 0x10FFFF};
  static const uint32_t begins[] = {0, 0x80, 0x800, 0xE000, 0x10000};
  memset(b->tails, 0xFF, sizeof(b->tails));
  for (uint32_t i = 0; i < e->count; ++i)
    for (size_t part = 0; part < 5; ++part) {
      uint32_t low = e->ranges[i].low, high = e->ranges[i].high;
      char first[4], last[4];
      low = low > begins[part] ? low : begins[part];
      high = high < ends[part] ? high : ends[part];
      if (low > high)
        continue;
      size_t count = grammar_encode(low, first);
      grammar_encode(high, last);
      emit_between(b, from, (const uint8_t *)first, (const uint8_t *)last,
                   (uint32_t)count, to);
    }
}

/*--- Expressions -----------------------------------------------------------*/

/* No edge leads into `from` or out of `to` that is not there for this
 * expression; both may be the same node. */
static void emit(builder *b, const grammar_expression *e, uint32_t from,
                 uint32_t to);

static void emit_bytes(builder *b, const grammar_expression *e, uint32_t from,
                       uint32_t to) {
  if (e->count == 0)
    add_empty(b, from, to);
  for (uint32_t i = 0; i < e->count; ++i) {
    uint32_t next = i + 1 == e->count ? to : new_node(b);
    uint8_t byte = (uint8_t)e->bytes[i];
    add_bytes(b, from, byte, byte, next);
    from = next;
  }
}

static void emit_rule(builder *b, uint32_t rule, uint32_t from, uint32_t to) {
  rule_form *form = &b->forms[rule];
  if (grammar_is_short(&b->sizes, rule)) {
    emit(b, b->c->rules[rule].body, from, to);
    return;
  }
  if (!form->is_queued)
    b->queue[b->queue_count++] = rule;
  form->is_queued = 1;
  add_edge(b, from, (grammar_edge){to, rule, EDGE_CALL, 0, 0, to == b->end});
}

/* `count` copies from node to node; with `leaves` each but the last may be left
 * for `to`. */
static void emit_copies(builder *b, const grammar_expression *part,
                        uint32_t count, uint32_t from, uint32_t to,
                        int leaves) {
  uint32_t first = b->node_count, size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (leaves)
      add_empty(b, from, to);
    uint32_t before = b->node_count;
    uint32_t next = i + 1 == count ? to : new_node(b);
    emit(b, part, from, next);
    if (i == 0)
      size = b->node_count - before;
    from = next;
  }
  if (count < MANY_COPIES || grammar_is_nullable(b->c, part))
    return;
  b->copies = grammar_grow(b->c, b->copies, b->copies_count, &b->copies_room,
                           sizeof(*b->copies));
  b->copies[b->copies_count++] = (grammar_copies){first, size, count - 1};
}

static void emit_repeat(builder *b, const grammar_expression *e, uint32_t from,
                        uint32_t to) {
  const grammar_expression *part = e->parts[0];
  if (e->most == 0) {
    add_empty(b, from, to);
    return;
  }
  int is_bounded = e->most != GRAMMAR_UNBOUNDED;
  if (e->least) {
    int is_all_of_it = is_bounded && e->most == e->least;
    uint32_t next = is_all_of_it ? to : new_node(b);
    emit_copies(b, part, e->least, from, next, 0);
    if (is_all_of_it)
      return;
    from = next;
  }
  if (is_bounded) {
    emit_copies(b, part, e->most - e->least, from, to, 1);
    return;
  }
  uint32_t loop = new_node(b);
  add_empty(b, from, loop);
  emit(b, part, loop, loop);
  add_empty(b, loop, to);
}

static void emit(builder *b, const grammar_expression *e, uint32_t from,
                 uint32_t to) {
  switch (e->kind) {
  case EXPRESSION_BYTES:
    emit_bytes(b, e, from, to);
    break;
  case EXPRESSION_CLASS:
    emit_class(b, e, from, to);
    break;
  case EXPRESSION_RULE:
    emit_rule(b, e->rule, from, to);
    break;
  case EXPRESSION_SEQUENCE:
    for (uint32_t i = 0; i < e->count; ++i) {
      uint32_t next = i + 1 == e->count ? to : new_node(b);
      emit(b, e->parts[i], from, next);
      from = next;
    }
    break;
  case EXPRESSION_CHOICE:
    for (uint32_t i = 0; i < e->count; ++i)
      emit(b, e->parts[i], from, to);
    break;
  case EXPRESSION_REPEAT:
    emit_repeat(b, e, from, to);
    break;
  }
}

/*--- The whole -------------------------------------------------------------*/

/* Edges in the order of their nodes. */
static void place_edges(builder *b, tern_grammar *grammar) {
  uint32_t *first =
      grammar_allocate(b->c, (uint64_t)b->node_count + 1, sizeof(*first));
  grammar_edge *edges =
      grammar_allocate(b->c, (uint64_t)b->edge_count + 1, sizeof(*edges));
  for (uint32_t i = 0; i < b->edge_count; ++i)
    ++first[b->edges[i].from + 1];
  for (uint32_t i = 0; i < b->node_count; ++i)
    first[i + 1] += first[i];
  for (uint32_t i = 0; i < b->edge_count; ++i)
    edges[first[b->edges[i].from]++] = b->edges[i].edge;
  memmove(first + 1, first, b->node_count * sizeof(*first));
  first[0] = 0;
  grammar->edge_first = first;
  grammar->edges = edges;
}

/* Bytes that begin or end no edge's range differently are one class. */
static void find_classes(tern_grammar *grammar) {
  uint8_t begins[257] = {0};
  for (uint32_t i = 0; i < grammar->edge_count; ++i)
    if (grammar->edges[i].kind == EDGE_BYTES) {
      begins[grammar->edges[i].low] = 1;
      begins[grammar->edges[i].high + 1] = 1;
    }
  begins[0] = 1;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (begins[byte])
      grammar->class_byte[grammar->class_count++] = (uint8_t)byte;
    grammar->class_of[byte] = (uint8_t)(grammar->class_count - 1);
  }
}

static void build_rules(builder *b) {
  uint32_t built = 0;
  for (uint32_t i = 0; i < b->c->rule_count; ++i) {
    b->forms[i].start = new_node(b);
    b->forms[i].end = new_node(b);
  }
  b->forms[0].is_queued = 1;
  b->queue[b->queue_count++] = 0;
  for (; built < b->queue_count; ++built) {
    rule_form *form = &b->forms[b->queue[built]];
    b->end = form->end;
    emit(b, b->c->rules[b->queue[built]].body, form->start, form->end);
  }
}

/* In memory of its own: that of the compilation goes. */
static void keep(builder *b, tern_grammar *grammar) {
  grammar_compiler *c = b->c;
  uint32_t *starts = grammar_allocate(c, c->rule_count, sizeof(*starts));
  uint8_t *is_end = grammar_allocate(c, b->node_count, 1);
  grammar_copies *copies =
      grammar_allocate(c, (uint64_t)b->copies_count + 1, sizeof(*copies));
  char *source = grammar_allocate(c, grammar->source_bytes, 1);
  for (uint32_t i = 0; i < c->rule_count; ++i) {
    starts[i] = b->forms[i].start;
    is_end[b->forms[i].end] = 1;
  }
  if (b->copies_count)
    memcpy(copies, b->copies, b->copies_count * sizeof(*copies));
  memcpy(source, grammar->source, grammar->source_bytes);
  b->edge_count = grammar_drop_endless(c, b->edges, b->edge_count,
                                       b->node_count, starts, is_end);
  grammar->rule_count = b->queue_count;
  grammar->node_count = b->node_count;
  grammar->edge_count = b->edge_count;
  grammar->copies_count = b->copies_count;
  grammar->max_depth = c->options.max_depth;
  grammar->starts = starts;
  grammar->is_end = is_end;
  grammar->copies = copies;
  grammar->source = source;
  place_edges(b, grammar);
}

tern_grammar *grammar_finish(grammar_compiler *c, tern_grammar *grammar) {
  builder b = {0};
  grammar_check_recursion(c);
  b.c = c;
  b.forms = grammar_allocate(c, c->rule_count, sizeof(*b.forms));
  b.sizes.c = c;
  b.sizes.rules = grammar_allocate(c, c->rule_count, sizeof(*b.sizes.rules));
  b.queue = grammar_allocate(c, c->rule_count, sizeof(*b.queue));
  build_rules(&b);
  c->spent = c->arena;
  memset(&c->arena, 0, sizeof(c->arena));
  c->arena.limit = c->spent.limit - c->spent.bytes;
  keep(&b, grammar);
  find_classes(grammar);
  grammar_arena_free(&c->spent);
  grammar->arena = c->arena;
  atomic_init(&grammar->references, 1);
  return grammar;
}
