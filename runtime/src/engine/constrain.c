/*===- constrain.c - answers of a form --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"
#include "grammar_weak.h"

#include <stdlib.h>
#include <string.h>

/* Grammars whose masks are kept when no request has them any more. */
#define MOST_KEPT 16u

struct engine_constraint {
  engine_constraint *next;
  tern_grammar *grammar;
  tern_constraint *made;
  uint32_t users;
  uint64_t used;  /* by the engine's count of uses */
  uint64_t bytes; /* as of its last use */
};

/*--- Under `constraining` --------------------------------------------------*/

static int open_vocabulary(tern_engine *engine) {
  const host_program *program = &engine->program;
  const tern_generation *g = &program->artifact.generation;
  uint32_t vocab_size = program->model->vocab_size;
  tern_error error;
  if (engine->vocabulary)
    return 0;
  if (!tern_grammars)
    return engine_fail(TERN_ENGINE_INVALID,
                       "this program was linked without grammars; link it with "
                       "-Wl,-u,tern_grammars");
  if (!program->has_tokenizer)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the model was compiled without a tokenizer, so its "
                       "answers have no grammar");
  engine->allowed = calloc((size_t)vocab_size / 32 + 1, sizeof(uint32_t));
  engine->vocabulary =
      engine->allowed ? tern_vocabulary_open(&program->tokenizer, vocab_size,
                                             g->eos_ids, g->eos_count, &error)
                      : NULL;
  if (engine->vocabulary)
    return 0;
  free(engine->allowed);
  engine->allowed = NULL;
  return engine_fail(TERN_ENGINE_FAILED, "out of memory");
}

static void measure(tern_engine *engine, engine_constraint *c) {
  uint64_t bytes = tern_constraint_bytes(c->made);
  engine->grammar_bytes += bytes - c->bytes;
  c->bytes = bytes;
}

static void drop(tern_engine *engine, engine_constraint **link) {
  engine_constraint *gone = *link;
  *link = gone->next;
  engine->grammar_bytes -= gone->bytes;
  tern_constraint_close(gone->made);
  tern_grammar_release(gone->grammar);
  free(gone);
}

/* The one without users that was not used for longest; or NULL. */
static engine_constraint **find_oldest(tern_engine *engine, uint32_t *count) {
  engine_constraint **oldest = NULL;
  *count = 0;
  for (engine_constraint **i = &engine->constraints; *i; i = &(*i)->next) {
    ++*count;
    if ((*i)->users == 0 && (!oldest || (*i)->used < (*oldest)->used))
      oldest = i;
  }
  return oldest;
}

/* Less than grammar_bytes, if that can be. */
static void make_room(tern_engine *engine) {
  uint64_t limit = engine->options.grammar_bytes;
  uint32_t count;
  engine_constraint **oldest = find_oldest(engine, &count);
  for (; oldest && (count > MOST_KEPT || engine->grammar_bytes > limit);
       oldest = find_oldest(engine, &count))
    drop(engine, oldest);
  for (engine_constraint *c = engine->constraints;
       c && engine->grammar_bytes > limit; c = c->next) {
    tern_constraint_forget(c->made);
    measure(engine, c);
  }
}

/* For now; for good if it has no room alone. */
static int refuse_grammar(const tern_engine *engine,
                          const engine_constraint *c) {
  unsigned long long limit = engine->options.grammar_bytes;
  if (c->bytes > limit)
    return engine_fail(TERN_ENGINE_INVALID,
                       "the grammar takes %llu bytes, more than grammar_bytes, "
                       "%llu",
                       (unsigned long long)c->bytes, limit);
  return engine_fail(TERN_ENGINE_BUSY,
                     "the grammars of all requests, this one included, take "
                     "%llu bytes, more than grammar_bytes, %llu",
                     (unsigned long long)engine->grammar_bytes, limit);
}

static engine_constraint *find(tern_engine *engine, tern_grammar *grammar,
                               int *result) {
  engine_constraint *c = engine->constraints;
  tern_error error = {{0}};
  while (c && !tern_grammar_is_same(c->grammar, grammar))
    c = c->next;
  if (c)
    return c;
  c = calloc(1, sizeof(*c));
  if (c)
    c->made = tern_constraint_open(grammar, engine->vocabulary, 0, &error);
  if (!c || !c->made) {
    free(c);
    *result = engine_fail(TERN_ENGINE_FAILED, "%s",
                          error.text[0] ? error.text : "out of memory");
    return NULL;
  }
  c->grammar = tern_grammar_retain(grammar);
  c->next = engine->constraints;
  c->users = 1; /* while others go */
  engine->constraints = c;
  measure(engine, c);
  make_room(engine);
  c->users = 0;
  if (engine->grammar_bytes <= engine->options.grammar_bytes)
    return c;
  *result = refuse_grammar(engine, c);
  for (engine_constraint **i = &engine->constraints; *i; i = &(*i)->next)
    if (*i == c) {
      drop(engine, i);
      break;
    }
  return NULL;
}

/*--- Requests --------------------------------------------------------------*/

/* The text that the template has begun the answer with, if the grammar knows
 * it. */
static void accept_opening(engine_request *request) {
  const host_text *opening = &request->opening.text;
  if (opening->bytes)
    tern_matcher_accept_bytes(request->matcher, opening->at, opening->bytes,
                              NULL);
}

int engine_constrain(engine_request *request, tern_grammar *grammar) {
  tern_engine *engine = request->engine;
  tern_error error;
  if (!grammar)
    return 0;
  request->picks_best = 0;
  pthread_mutex_lock(&engine->constraining);
  int result = open_vocabulary(engine);
  engine_constraint *c = result == 0 ? find(engine, grammar, &result) : NULL;
  if (c) {
    ++c->users;
    c->used = ++engine->constraint_uses;
    request->constraint = c;
  }
  pthread_mutex_unlock(&engine->constraining);
  if (!c)
    return result;
  request->matcher = tern_matcher_open(c->made, &error);
  if (!request->matcher)
    return engine_pass_on(&error);
  accept_opening(request);
  return 0;
}

void engine_constrain_free(engine_request *request) {
  if (!request->constraint)
    return;
  tern_matcher_close(request->matcher);
  pthread_mutex_lock(&request->engine->constraining);
  --request->constraint->users;
  pthread_mutex_unlock(&request->engine->constraining);
}

void engine_constraints_close(tern_engine *engine) {
  while (engine->constraints)
    drop(engine, &engine->constraints);
  if (engine->vocabulary)
    tern_vocabulary_close(engine->vocabulary);
  free(engine->allowed);
}

/*--- Tokens ----------------------------------------------------------------*/

int engine_allow(engine_request *request) {
  tern_engine *engine = request->engine;
  const tern_generation *g = &engine->program.artifact.generation;
  request->generator.allowed = NULL;
  if (!request->matcher)
    return 0;
  if (tern_matcher_mask(request->matcher, engine->allowed,
                        &request->program.error) != 0)
    return -1;
  pthread_mutex_lock(&engine->constraining);
  measure(engine, request->constraint);
  if (engine->grammar_bytes > engine->options.grammar_bytes)
    make_room(engine);
  pthread_mutex_unlock(&engine->constraining);
  /* Ends that are none do not take the place of text. */
  if (request->program.options.ignore_eos)
    for (uint32_t i = 0; i < g->eos_count; ++i)
      if ((uint32_t)g->eos_ids[i] < engine->program.model->vocab_size)
        engine->allowed[g->eos_ids[i] / 32] &= ~(1u << g->eos_ids[i] % 32);
  request->generator.allowed = engine->allowed;
  return 0;
}

int engine_accept(engine_request *request, int32_t token) {
  return request->matcher ? tern_matcher_accept(request->matcher, token,
                                                &request->program.error)
                          : 0;
}

int engine_is_complete(const engine_request *request) {
  return request->matcher && tern_matcher_may_end(request->matcher) == 2;
}

uint32_t engine_calls_form(const tern_engine *engine) {
  const tern_artifact *artifact = &engine->program.artifact;
  if (!tern_grammars)
    return TERN_CALLS_NONE;
  if (!engine->template_file)
    return tern_calls_form(artifact->chat_template,
                           artifact->generation.chat_template_bytes);
  host_program program = engine->program;
  char *text = NULL;
  size_t bytes = 0;
  uint32_t form = TERN_CALLS_NONE;
  if (host_read_file(&program, engine->template_file, &text, &bytes) == 0)
    form = tern_calls_form(text, bytes);
  free(text);
  return form;
}
