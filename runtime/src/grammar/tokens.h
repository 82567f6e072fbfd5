/*===- tokens.h - from an automaton to masks of tokens ---------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * After each byte of an answer a grammar has a state: nodes that its readings
 * have come to, and for each the returns that are open, all of its readings
 * together as one stack. States and stacks that are equal have one number, so
 * that what follows a byte is computed once: an automaton that grows where
 * answers go. The mask of a state is found by a walk over the trie of all
 * tokens, and kept.
 *
 * Most tokens stay inside of a rule, or leave the grammar there. These are
 * found by a walk from a node alone, whose stack is not known, and kept by
 * node: a string is a string wherever it stands. The few that leave the rule
 * are looked at in the state itself.
 */
#ifndef TERN_SRC_GRAMMAR_TOKENS_H
#define TERN_SRC_GRAMMAR_TOKENS_H

#include "grammar.h"

#include <pthread.h>

/*--- Vocabulary ------------------------------------------------------------*/

typedef struct trie_node {
  uint32_t skip;  /* the node behind all that begins with this one's bytes */
  uint32_t first; /* of `order`: its tokens, up to the next node's first */
  uint16_t depth; /* bytes before this one */
  uint8_t byte;
} trie_node;

struct tern_vocabulary {
  uint32_t vocab_size, word_count;
  uint32_t node_count, order_count;
  uint32_t longest;     /* token, in bytes */
  trie_node *nodes;     /* and one behind the last */
  uint32_t *order;      /* tokens as the trie has them */
  const uint8_t **text; /* by token; NULL: never allowed */
  uint32_t *bytes;      /* by token */
  uint8_t *owned;       /* memory of the texts, or NULL */
  int32_t *ends;
  uint32_t end_count;
};

/* Tokens, few as numbers or many as bits. */
typedef struct token_set {
  uint32_t *at;
  uint32_t count; /* of numbers, or of words where it is_bits */
  uint32_t is_bits;
} token_set;

/*--- Stacks and states -----------------------------------------------------*/

/* Where a rule that ends goes on, if not at a node of its caller. */
#define RETURN_NONE 0xFFFFFFFFu    /* the answer may end */
#define RETURN_UNKNOWN 0xFFFFFFFEu /* only a node is looked at, not a state */

typedef struct stack_entry {
  uint32_t node;  /* behind the call, or RETURN_... */
  uint32_t below; /* a stack */
} stack_entry;

/* The entries of all stacks lie one behind the other; by rising node. */
typedef struct grammar_stack {
  uint32_t first, count, depth, next; /* `next` of the same hash */
} grammar_stack;

typedef struct state_item {
  uint32_t node, stack;
} state_item;

enum {
  STATE_MAY_END = 1,
  STATE_IS_LEFT = 2 /* for a return that is unknown */
};

typedef struct grammar_state {
  uint32_t first, count, flags, next;
  token_set *mask; /* NULL: not known */
} grammar_state;

#define STATE_UNKNOWN 0u
#define STATE_DEAD 1u

/* Arrays that grow; `room` in elements. */
typedef struct state_pool {
  stack_entry *entries;
  grammar_stack *stacks;
  state_item *items;
  grammar_state *states;
  uint32_t *rows; /* [state][class]: the next state */
  uint32_t *stack_heads, *state_heads;
  uint32_t entry_count, entry_room, stack_count, stack_room;
  uint32_t item_count, item_room, state_count, state_room;
  uint32_t stack_mask, state_mask; /* sizes of the tables of heads, less 1 */
  uint64_t bytes;
} state_pool;

/* Of a node alone. */
typedef struct node_tokens {
  token_set allowed; /* whatever is around the rule */
  uint32_t *leaving; /* trie nodes: behind them it depends */
  uint32_t leaving_count;
  uint8_t is_known, is_useless; /* all of them depend */
} node_tokens;

struct tern_constraint {
  tern_grammar *grammar;
  const tern_vocabulary *vocabulary;
  pthread_mutex_t lock;
  tern_matcher *matchers;
  uint64_t limit;      /* of pool.bytes and mask_bytes each */
  uint64_t mask_bytes; /* of states and nodes */
  state_pool pool;
  int has_failed;     /* memory is short, or the work; the walk ends there */
  uint32_t work;      /* what is left of it */
  uint32_t *twins;    /* by node: the first that no token tells apart */
  node_tokens *known; /* by node */
  /* While a state is built. */
  uint32_t *stack_of; /* by node, 0: none */
  uint8_t *is_queued; /* by node */
  uint32_t *queue, *touched;
  uint32_t queue_first, queue_count, touched_count, flags;
  stack_entry *merged; /* one list for each level of a union */
  uint32_t merged_room;
  struct {
    uint32_t a, b, result;
  } unions[256];
  uint32_t *path; /* states by depth of the walk */
  uint32_t *bits; /* word_count */
};

struct tern_matcher {
  tern_constraint *constraint;
  tern_matcher *next, **link;
  uint32_t state, moved;
};

/* Edges and stacks that one mask, or 256 bytes of a text, may have looked at
 * for states that are not known: about a fifth of a second. */
#define MOST_WORK 20000000u

/* Some of it is done; fails where none is left. */
static inline void grammar_spend(tern_constraint *c, uint32_t work) {
  c->work = work < c->work ? c->work - work : 0;
  c->has_failed |= c->work == 0;
}

/*--- states.c, stacks.c ----------------------------------------------------*/

uint32_t grammar_hash(const void *words, size_t bytes);
/* Room for one more state of so many items. */
int grammar_reserve_states(tern_constraint *c, uint32_t items);
int grammar_pool_open(tern_constraint *c);
void grammar_pool_close(state_pool *pool);
/* 0: memory is short. */
uint32_t grammar_stack_make(tern_constraint *c, const stack_entry *entries,
                            uint32_t count);
uint32_t grammar_stack_union(tern_constraint *c, uint32_t a, uint32_t b);
/* The state that begins at one node. */
uint32_t grammar_state_at(tern_constraint *c, uint32_t node, uint32_t stack);
uint32_t grammar_state_compute(tern_constraint *c, uint32_t state,
                               uint32_t byte_class);
/* Begins a piece of work: makes room, if there is little, by forgetting all
 * states but those of matchers. */
int grammar_begin(tern_constraint *c);
int grammar_pool_forget(tern_constraint *c);

/* The state behind a byte of this class. */
static inline uint32_t grammar_state_next(tern_constraint *c, uint32_t state,
                                          uint32_t byte_class) {
  uint32_t next =
      c->pool.rows[(size_t)state * c->grammar->class_count + byte_class];
  return next != STATE_UNKNOWN ? next
                               : grammar_state_compute(c, state, byte_class);
}

/*--- masks.c ---------------------------------------------------------------*/

/* The tokens of a state; NULL: memory is short. */
const token_set *grammar_mask_of(tern_constraint *c, uint32_t state);
void grammar_masks_forget(tern_constraint *c);

#endif /* TERN_SRC_GRAMMAR_TOKENS_H */
