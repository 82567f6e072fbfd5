/*===- grammar.h - from a description to an automaton ----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * All readers (rules, schemas, calls) build expressions, one for each rule; the
 * automaton of a rule has edges of bytes and edges that call another rule.
 * Whatever fails leaves by grammar_fail, so nothing in between has to look: all
 * memory is the arena's.
 */
#ifndef TERN_SRC_GRAMMAR_GRAMMAR_H
#define TERN_SRC_GRAMMAR_GRAMMAR_H

#include "../core/utf8.h"
#include "tern/grammar.h"

#include <setjmp.h>
#include <stdatomic.h>

#define GRAMMAR_UNBOUNDED 0xFFFFFFFFu
#define GRAMMAR_NONE 0xFFFFFFFFu
/* Levels of groups, of values in JSON, of patterns. */
#define GRAMMAR_NESTING 128u

/*--- Memory ----------------------------------------------------------------*/

typedef struct grammar_block grammar_block;

typedef struct grammar_arena {
  grammar_block *blocks;
  size_t at, room; /* of the first block */
  uint64_t bytes, limit;
} grammar_arena;

void grammar_arena_free(grammar_arena *arena);

/*--- The automaton ---------------------------------------------------------*/

enum { EDGE_BYTES, EDGE_EMPTY, EDGE_CALL };

typedef struct grammar_edge {
  uint32_t target; /* of a call: the node behind it */
  uint32_t rule;   /* that is called */
  uint8_t kind, low, high;
  uint8_t is_last; /* nothing follows the call, so it needs no return */
} grammar_edge;

typedef struct grammar_placed_edge {
  uint32_t from;
  grammar_edge edge;
} grammar_placed_edge;

/* Copies of the same nodes: block i begins at first + i * size. Behind each of
 * the last ones there are fewer others, `count` is that of blocks. */
typedef struct grammar_copies {
  uint32_t first, size, count;
} grammar_copies;

struct tern_grammar {
  atomic_uint references;
  grammar_arena arena; /* of all that follows */
  char *source;        /* the kind and the text it was made of */
  size_t source_bytes;
  uint32_t rule_count, node_count, edge_count, copies_count, max_depth;
  const uint32_t *starts;     /* node by rule; the first is the answer */
  const uint32_t *edge_first; /* [node_count + 1] */
  const grammar_edge *edges;  /* by node */
  const uint8_t *is_end;      /* by node: the end of its rule */
  const grammar_copies *copies;
  uint32_t class_count;
  uint8_t class_of[256];   /* bytes that no edge tells apart are one class */
  uint8_t class_byte[256]; /* one byte of each */
};

/*--- Expressions -----------------------------------------------------------*/

typedef enum grammar_kind {
  EXPRESSION_BYTES, /* none: the empty text */
  EXPRESSION_CLASS, /* one character; without ranges: nothing matches */
  EXPRESSION_RULE,
  EXPRESSION_SEQUENCE,
  EXPRESSION_CHOICE,
  EXPRESSION_REPEAT
} grammar_kind;

typedef struct grammar_range {
  uint32_t low, high; /* code points */
} grammar_range;

typedef struct grammar_expression grammar_expression;
struct grammar_expression {
  grammar_kind kind;
  uint32_t rule, least, most; /* most: or GRAMMAR_UNBOUNDED */
  uint32_t count;             /* of what is there: */
  const char *bytes;
  const grammar_range *ranges; /* rising, apart */
  const grammar_expression **parts;
};

typedef struct grammar_rule {
  const char *name;
  size_t name_bytes;
  uint32_t line;                  /* of its definition, or its first use; 0 */
  const grammar_expression *body; /* NULL: not yet */
  uint8_t is_nullable;            /* known once all rules are there */
} grammar_rule;

typedef struct grammar_compiler {
  grammar_arena arena, spent;
  tern_grammar_options options;
  tern_error *error;
  jmp_buf *failed;
  grammar_rule *rules;
  uint32_t rule_count, rule_room;
  int is_cut;    /* JSON failed at its end: more of it might be right */
  int is_schema; /* sentences are about places in JSON, not lines */
} grammar_compiler;

/* Writes the sentence and leaves. */
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 2, 3)))
#endif
void grammar_fail(grammar_compiler *c, const char *format, ...);

void *grammar_allocate(grammar_compiler *c, uint64_t count, size_t bytes);
/* Room for one more in an array of `count`, whose room doubles. */
void *grammar_grow(grammar_compiler *c, void *array, uint32_t count,
                   uint32_t *room, size_t bytes);

/*--- expression.c ----------------------------------------------------------*/

const grammar_expression *grammar_bytes(grammar_compiler *c, const char *text,
                                        size_t bytes);
const grammar_expression *grammar_literal(grammar_compiler *c,
                                          const char *text);
/* Ranges in any order; they may overlap. With `inverted` all others. */
const grammar_expression *grammar_class(grammar_compiler *c,
                                        const grammar_range *ranges,
                                        uint32_t count, int inverted);
const grammar_expression *grammar_call(grammar_compiler *c, uint32_t rule);
const grammar_expression *grammar_repeat(grammar_compiler *c,
                                         const grammar_expression *part,
                                         uint32_t least, uint32_t most);

/* Parts of a sequence or choice while it is built. */
typedef struct grammar_list {
  const grammar_expression **parts;
  uint32_t count, room;
} grammar_list;

void grammar_add(grammar_compiler *c, grammar_list *list,
                 const grammar_expression *part);
const grammar_expression *grammar_sequence(grammar_compiler *c,
                                           const grammar_list *list);
const grammar_expression *grammar_choice(grammar_compiler *c,
                                         const grammar_list *list);
const grammar_expression *grammar_pair(grammar_compiler *c,
                                       const grammar_expression *first,
                                       const grammar_expression *second);
const grammar_expression *grammar_either(grammar_compiler *c,
                                         const grammar_expression *first,
                                         const grammar_expression *second);
/* The shortest texts that end with `end`, which is ASCII; the end included. */
const grammar_expression *grammar_until(grammar_compiler *c, const char *end);

/* A rule without a body; names need not differ. */
uint32_t grammar_new_rule(grammar_compiler *c, const char *name,
                          size_t name_bytes, uint32_t line);

/*--- automaton.c, recursion.c ----------------------------------------------*/

/* Rule 0 is the answer. The arena becomes the grammar's. */
tern_grammar *grammar_finish(grammar_compiler *c, tern_grammar *grammar);
/* Fails where a rule calls itself before it has read anything. */
void grammar_check_recursion(grammar_compiler *c);
/* Once that is checked: the expression matches the empty text. */
int grammar_is_nullable(const grammar_compiler *c, const grammar_expression *e);

/*--- sizes.c ---------------------------------------------------------------*/

typedef struct grammar_size {
  uint32_t bytes, nodes;
  uint8_t is_measured;
} grammar_size;

typedef struct grammar_sizes {
  grammar_compiler *c;
  grammar_size *rules; /* all 0 at first */
  uint32_t depth;
} grammar_sizes;

/* A rule that is better written out where it is called. */
int grammar_is_short(grammar_sizes *sizes, uint32_t rule);

/*--- endings.c -------------------------------------------------------------*/

/* Drops edges from which the end of their rule cannot be reached, so that no
 * answer gets lost there; returns how many are left. Fails if that is so of the
 * whole answer. */
uint32_t grammar_drop_endless(grammar_compiler *c, grammar_placed_edge *edges,
                              uint32_t count, uint32_t nodes,
                              const uint32_t *starts, const uint8_t *is_end);

/*--- compile.c -------------------------------------------------------------*/

/* Reads `input` and leaves the answer's rules in the compiler, rule 0 being
 * free for what begins it; returns the expression of the text. */
typedef const grammar_expression *(*grammar_reader)(grammar_compiler *c,
                                                    const void *input);

/* `source` is the text and all that counts beside it, of one `kind`. */
tern_grammar *grammar_compile(grammar_reader reader, const void *input,
                              char kind, const char *source,
                              size_t source_bytes,
                              const tern_grammar_options *options,
                              tern_error *error);

/*--- utf8 ------------------------------------------------------------------*/

/* Decodes one character of `bytes`; its length, or 0: not valid UTF-8. */
static inline size_t grammar_decode(const char *text, size_t bytes,
                                    uint32_t *character) {
  uint32_t length = 0;
  if (bytes == 0)
    return 0;
  *character = tern_utf8_decode((const uint8_t *)text, bytes, &length);
  return *character == UTF8_INVALID ? 0 : length;
}

static inline size_t grammar_encode(uint32_t character, char out[4]) {
  return tern_utf8_encode((uint8_t *)out, character);
}

#endif /* TERN_SRC_GRAMMAR_GRAMMAR_H */
