/*===- tern/grammar.h - answers of a form ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A grammar says which texts an answer may be: rules, a JSON schema, any JSON
 * object, or calls of tools. A matcher follows an answer token by token and
 * says which tokens may come next. docs/structured-output.md has the language
 * of rules, the keywords of schemas and the limits.
 *
 * Functions that return a pointer return NULL where they fail, with one
 * sentence in *error. Grammars do not change and may be used by any thread;
 * matchers of one constraint may be, each by one thread at a time.
 */
#ifndef TERN_GRAMMAR_H
#define TERN_GRAMMAR_H

#include "tern/host.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tern_grammar tern_grammar;

/* Thoughts (<think>...</think>) before the text that the grammar is of. */
enum tern_thought {
  TERN_THOUGHT_NONE = 0,    /* the answer is that text alone */
  TERN_THOUGHT_ALLOWED = 1, /* it may begin with one */
  TERN_THOUGHT_OPENED = 2   /* the template has opened it already */
};

typedef struct tern_grammar_options {
  uint32_t size;
  uint32_t thought;   /* tern_thought */
  uint64_t max_bytes; /* of memory while it is compiled, and of its form */
  uint32_t max_nodes; /* of its automaton */
  uint32_t max_depth; /* rules that are open inside each other in an answer */
} tern_grammar_options;

/* Sets the defaults; wherever options are taken, NULL stands for them. */
void tern_grammar_options_init(tern_grammar_options *options);

/* Rules, of which `root` is the answer. */
tern_grammar *tern_grammar_from_rules(const char *text, size_t bytes,
                                      const tern_grammar_options *options,
                                      tern_error *error);

/* JSON that is valid by this schema. A keyword that is not supported is refused
 * with its place, never left out. */
tern_grammar *tern_grammar_from_schema(const char *json, size_t bytes,
                                       const tern_grammar_options *options,
                                       tern_error *error);

/* Any JSON object. */
tern_grammar *tern_grammar_any_object(const tern_grammar_options *options,
                                      tern_error *error);

/* Calls of tools, as the family of models writes them (`form`, TERN_CALLS_...
 * of tern/tools.h). `tools` is a JSON list as in OpenAI's requests; `name` is
 * the one to be called, or NULL. One call, or with `is_parallel` one or more.
 */
tern_grammar *tern_grammar_from_tools(uint32_t form, const char *tools,
                                      size_t bytes, const char *name,
                                      int is_parallel,
                                      const tern_grammar_options *options,
                                      tern_error *error);

/* Grammars are counted: who keeps one retains it, and releases it at the end.
 * NULL is nothing. */
tern_grammar *tern_grammar_retain(tern_grammar *grammar);
void tern_grammar_release(tern_grammar *grammar);

/* True if both were made in the same way, of the same text. */
int tern_grammar_is_same(const tern_grammar *a, const tern_grammar *b);

typedef struct tern_grammar_info {
  uint32_t size;
  uint32_t rules, nodes, byte_classes;
  uint64_t bytes;
} tern_grammar_info;

/* Fills info->size bytes. */
void tern_grammar_describe(const tern_grammar *grammar,
                           tern_grammar_info *info);

/*--- Tokens ----------------------------------------------------------------*/

/* The bytes of all tokens as a trie. */
typedef struct tern_vocabulary tern_vocabulary;

/* `vocab_size` is the model's. Control tokens are never part of a text, but for
 * the marks of thoughts and calls. `ends` end an answer. */
tern_vocabulary *tern_vocabulary_open(const tern_tokenizer *tokenizer,
                                      uint32_t vocab_size, const int32_t *ends,
                                      size_t end_count, tern_error *error);

/* The same of tokens by themselves; those without bytes are never allowed. */
tern_vocabulary *tern_vocabulary_of(const char *const *tokens,
                                    const uint32_t *bytes, uint32_t vocab_size,
                                    const int32_t *ends, size_t end_count,
                                    tern_error *error);

void tern_vocabulary_close(tern_vocabulary *vocabulary);

/* A grammar over a vocabulary, and the masks that are known already. */
typedef struct tern_constraint tern_constraint;

/* `cache_bytes`: of memory for states and masks, 0: 64 MiB; the vocabulary must
 * outlive it. */
tern_constraint *tern_constraint_open(tern_grammar *grammar,
                                      const tern_vocabulary *vocabulary,
                                      uint64_t cache_bytes, tern_error *error);
/* Memory of the grammar, its states and its masks. */
uint64_t tern_constraint_bytes(tern_constraint *constraint);
/* Forgets all masks, and all states but those of matchers. */
void tern_constraint_forget(tern_constraint *constraint);
/* After its matchers. NULL is nothing. */
void tern_constraint_close(tern_constraint *constraint);

/* One answer. */
typedef struct tern_matcher tern_matcher;

tern_matcher *tern_matcher_open(tern_constraint *constraint, tern_error *error);
tern_matcher *tern_matcher_copy(const tern_matcher *matcher, tern_error *error);
void tern_matcher_close(tern_matcher *matcher);

/* One bit for each token, bit i % 32 of word i / 32: 1 where it may come next.
 * End tokens may where the text is complete. 0, or -1: the readings of the text
 * that a grammar allows at once are more than the cache has room for, or than
 * part of a second is enough for. */
int tern_matcher_mask(tern_matcher *matcher, uint32_t *words,
                      tern_error *error);

/* The text goes on with this token, or with bytes. 0, or -1 where the grammar
 * does not allow it: the matcher is then as before. End tokens change nothing.
 */
int tern_matcher_accept(tern_matcher *matcher, int32_t token,
                        tern_error *error);
int tern_matcher_accept_bytes(tern_matcher *matcher, const void *bytes,
                              size_t count, tern_error *error);

/* 1 if the text may end here; 2 if it can do nothing else; 0. */
int tern_matcher_may_end(const tern_matcher *matcher);

#ifdef __cplusplus
}
#endif
#endif /* TERN_GRAMMAR_H */
