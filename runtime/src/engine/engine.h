/*===- engine.h - shared by the parts of the engine ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Locks: `driving` is held by who runs a step or works on sequences, and by the
 * same thread again in a callback; `queue` for moments, by all, and inside of
 * `driving`; `chatting` by who renders,
 * `constraining` by who makes or frees requests with a grammar.
 */
#ifndef TERN_SRC_ENGINE_ENGINE_H
#define TERN_SRC_ENGINE_ENGINE_H

#include "../host/conversation.h"
#include "../host/stops.h"
#include "tern/engine.h"
#include "tern/grammar.h"
#include "turns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

typedef struct engine_part engine_part; /* share.c */

/* Text is the tokens up to `count`; the state is of the first ones, as many as
 * its session's position says. The rest is what the next steps read. */
struct tern_sequence {
  tern_engine *engine;
  tern_sequence *next; /* of all */
  host_session session;
  int32_t *held;    /* room for one token more than the context */
  uint32_t count;   /* tokens */
  uint32_t written; /* positions of the state that ever were: its memory */
  /* The state's pages up to shared_end, of its session's memory, are those of a
   * part and the parts before it, or were written over since. */
  engine_part *part;
  uint64_t shared_end;
  int is_owned;    /* by the caller; others go when memory is short */
  int is_private;  /* never taken for another request */
  int is_snapshot; /* of a text that goes on: copied, never taken itself */
  uint64_t random; /* behind the numbers of its last answer ... */
  int has_random;  /* ... if there was one */
  struct engine_request *request; /* that uses it, or NULL */
  uint64_t used;                  /* the step of its last use */
};

typedef struct engine_constraint engine_constraint;

typedef struct engine_request {
  tern_engine *engine;
  struct engine_request *next; /* behind it, where it waits */
  uint64_t id;
  atomic_int is_cancelled;
  host_program program; /* the engine's, with options of the request */
  host_generator generator;
  host_stops stops;
  char *strings;           /* that stop it */
  tern_sequence *sequence; /* NULL until it begins, unless one was given */
  int has_begun, is_counted, picks_best, may_choose;
  int32_t *prompt;
  uint32_t prompt_count;
  uint32_t flags, top;
  uint32_t text_count;     /* tokens before the answer */
  uint32_t first_position; /* of its sequence when it began */
  uint32_t reused;         /* of them, found in a state */
  /* Places of the prompt, rising, where a recurrent state is copied; 0: none.
   */
  uint32_t snapshots[2];
  uint32_t answered;       /* tokens */
  uint32_t share;          /* tokens in the step that is planned */
  int64_t limit;           /* of `answered`; -1: none */
  uint64_t reserved_bytes; /* that its state may grow to */
  uint32_t reserved_tokens;
  int shows_tags;
  int is_not_finite;  /* its prompt, which is read to its end */
  int32_t best;       /* token of the step, if the model finds it */
  tern_choice choice; /* of candidates for it */
  host_copy opening;  /* of the answer */
  host_copy out;      /* for the next event */
  float *hidden;      /* [layer][token][value], or NULL; see hidden_tokens */
  uint32_t hidden_tokens;  /* of a step; one more has room behind them */
  const float *end_logits; /* that an end token was picked by, or NULL */
  int has_picked;          /* its next token is in ... */
  tern_event picked;       /* ... here, or -1 if there is none */
  tern_logprob likeliest[TERN_MAX_TOP]; /* of it */
  engine_constraint *constraint;
  tern_matcher *matcher; /* NULL: any text */
  /* In the clock of host_now: when it came, got a place, had a token. */
  int64_t came, began, first;
  tern_event_fn on_event;
  void *data;
} engine_request;

/* A request that is to have a token, and the logits for it. */
typedef struct engine_picked {
  engine_request *request;
  float *logits;
} engine_picked;

/* The file that weights are mapped from, as it was; -1: none is known. */
typedef struct engine_watched {
  int file;
  struct stat status;
} engine_watched;

struct tern_engine {
  host_program program; /* does not change once it is open */
  int is_lent;          /* it is a command line's: see over.h */
  tern_engine_options options;
  void *library;                /* of dlopen, or NULL ... */
  int (*unload)(void *library); /* ... dlclose, which a linked model has not */
  int code; /* the file it was made of, or -1; see program.c */
  const tern_model *only[2];
  /* As given; where the code is, which a compiler may have made. */
  char *path, *file;
  char *weights, *template_file, *name, *compiler; /* of the options */
  int is_given_up;                                 /* by on_progress */
  void *scratch;
  size_t scratch_bytes;
  float *logits; /* a row for each request that runs */
  size_t logits_bytes;
  /* By row: 0 if it surely holds finite numbers. Where a model finds the best
   * token without its logits, these stay, and must not look like a failure. */
  uint8_t *is_dirty;
  float *rows; /* row_count of them, for prompts that are scored */
  size_t rows_bytes;
  uint32_t row_count;
  engine_watched watched;
  int parts; /* the file of what states share, or -1: they are copied */
  uint64_t parts_end, page;
  struct engine_lane *lanes; /* of threads that pick */
  uint32_t lane_count;
  engine_picked *picks; /* of a step, max_sequences of them */
  float *sparse;        /* of host_choose, for models on a GPU */
  uint32_t context, calls_form;

  pid_t process; /* that opened it */
  engine_turns driving;
  pthread_mutex_t queue, chatting, constraining;
  pthread_cond_t arrived, idle; /* there is work; there is none any more */
  int is_stepping;
  /* Under `queue`: a thread of the engine's own. */
  pthread_t driver;
  int has_driver, quits, is_draining;
  tern_sequence *sequences;
  /* running_count of max_sequences, oldest first; written under both locks. */
  engine_request **running;
  uint32_t running_count;
  tern_session **sessions; /* of the step that is planned */
  tern_segment *segments;

  engine_request *waiting, **waiting_end; /* under `queue` */
  uint32_t waiting_count;
  uint64_t last_id, refused;
  uint64_t rounds;              /* of counting */
  tern_engine_counts counts;    /* under `driving`; after a step ... */
  tern_engine_counts published; /* ... here, under `queue` */

  /* Under `constraining`, once there was a request with a grammar. */
  tern_vocabulary *vocabulary;
  engine_constraint *constraints;
  uint64_t constraint_uses, grammar_bytes; /* what they take */
  uint32_t *allowed; /* tokens of the pick; of the thread that steps */

  /* Under `chatting`: the template and a program for its sentences. */
  host_program chatter;
  host_conversation conversation;
  int has_conversation;
};

/* Sets the thread's sentence and returns `result`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int engine_fail(int result, const char *format, ...);
/* With the sentence of what it called: TERN_ENGINE_FAILED if memory was short,
 * and else TERN_ENGINE_INVALID. */
int engine_pass_on(const tern_error *error);

/*--- open.c ----------------------------------------------------------------*/

/* Fills a struct of a program that knows `size` bytes of it, which it then
 * says. */
void engine_set_defaults(void *to, size_t size, const void *defaults,
                         size_t whole);

/* A program that is open, `models`, or those that `find` finds at `path`. */
typedef struct engine_source {
  const host_program *program;
  const char *path;
  int (*find)(tern_engine *engine, const tern_model *const **models,
              unsigned *count);
  const tern_model *const *models;
  unsigned count;
} engine_source;
tern_engine *engine_open(const engine_source *source,
                         const tern_engine_options *options);
/* Anything but 0: the caller gives up. */
int engine_progress(tern_engine *engine, uint32_t stage, const char *text,
                    uint64_t done, uint64_t total);

/* Takes what is in the caller's struct of `size` bytes; -1 and a sentence if
 * that is no size of it. */
int engine_take(void *to, size_t whole, const void *from, uint32_t size,
                const char *name);
/* The other way. */
void engine_give(void *to, uint32_t size, const void *from, size_t whole);
/* 0, or a failure in a child of fork: it has none of the engine's threads, and
 * the pages that states share are not its own. */
int engine_check_process(const tern_engine *engine);

/*--- code.c, program.c, compile.c ------------------------------------------*/

/* Loads the code of the program engine->file. */
int engine_open_program(tern_engine *engine);
/* Puts the program of the checkpoint engine->file in its place. */
int engine_compile(tern_engine *engine);

/*--- text.c ----------------------------------------------------------------*/

/* *tokens is to be freed; `opening` is NULL or gets the text that an answer
 * begins with. */
int engine_encode_chat(tern_engine *engine, const tern_chat *chat,
                       host_copy *opening, int32_t **tokens, size_t *count);
/* The same for a text. */
int engine_encode(tern_engine *engine, const char *text, size_t bytes,
                  uint32_t flags, int32_t **tokens, size_t *count);
int engine_is_utf8(const char *text, size_t bytes);

/*--- sequence.c, prefix.c: under `driving` ---------------------------------*/

tern_sequence *engine_sequence_open(tern_engine *engine);
/* Takes it out of the engine's list. */
void engine_sequence_close(tern_sequence *sequence);
uint64_t engine_state_bytes(const tern_engine *engine, uint32_t tokens);
/* Makes `to`, which is empty, hold the first `count` tokens of `from` and their
 * state. 0, or a failure of the device that has them. */
int engine_sequence_copy(tern_sequence *to, tern_sequence *from,
                         uint32_t count);
/* Finds a sequence for the request and the longest beginning of its prompt that
 * has a state. 0; 1 if another request computes more of it now, so that it pays
 * to wait for the next step; or a failure. */
int engine_begin(engine_request *request);
/* Keeps a copy of the request's state, if this is a place of its prompt where
 * one is wanted. */
void engine_snapshot(engine_request *request);
/* The request is over: its sequence is kept for others, or not. */
void engine_keep(engine_request *request);

/*--- share.c: under `driving` ----------------------------------------------*/

void engine_open_parts(tern_engine *engine);
void engine_close_parts(tern_engine *engine);
/* Makes whole pages of the first `count` tokens of `from` those of `to` as
 * well. The bytes of the state up to which it has them; 0: it has none. Those
 * before engine_shared_before are never shared. */
uint64_t engine_share(tern_sequence *to, tern_sequence *from, uint32_t count);
uint64_t engine_shared_before(const tern_sequence *sequence);
/* The sequence goes on from `count` tokens, and writes over what was behind. */
void engine_cut_shared(tern_sequence *sequence, uint32_t count);
/* It uses no part any more. */
void engine_unshare(tern_sequence *sequence);
/* Bytes that are its own, and those of its parts that this round has not
 * counted yet. */
uint64_t engine_own_bytes(const tern_sequence *sequence);
uint64_t engine_count_parts(const tern_sequence *sequence, uint64_t round);

/*--- score.c: under `driving` ----------------------------------------------*/

/* The request wants logits of its prompt, which it still reads. */
int engine_is_scored(const engine_request *request);
/* Makes room for rows of logits. */
int engine_open_rows(tern_engine *engine);
/* Those that each scored request may have in a step; 0: there is none. */
uint32_t engine_share_rows(const tern_engine *engine);
/* Events for what was read in a step. */
void engine_score(engine_request *request, const tern_segment *segment);
/* The same of hidden states, where they are wanted of each token. */
void engine_tell_hidden(engine_request *request, const tern_segment *segment);

/*--- watch.c ---------------------------------------------------------------*/

void engine_watch(tern_engine *engine);
void engine_unwatch(tern_engine *engine);
/* The file is shorter than what is mapped. */
int engine_is_cut(const tern_engine *engine);

/*--- request.c, submit.c ---------------------------------------------------*/

void engine_request_free(engine_request *request);
/* A request as it comes, checked. NULL and the thread's sentence, or *result.
 */
engine_request *engine_request_make(tern_engine *engine,
                                    const tern_request *wanted, int *result);
/* The first of those that wait, taken out; NULL if there is none, or if its
 * state may grow to more than `bytes` or `tokens`. */
engine_request *engine_next(tern_engine *engine, uint64_t bytes,
                            uint64_t tokens);
/* There is something to do. Under `queue`. */
int engine_has_work(const tern_engine *engine);
/* Under `queue`: those that run and wait end at the beginning of the next step.
 */
void engine_cancel_all(tern_engine *engine);
/* Those that wait and are cancelled, taken out, as a list. */
engine_request *engine_take_cancelled(tern_engine *engine);

/*--- constrain.c -----------------------------------------------------------*/

/* The request's answer is of the grammar; 0, or a failure and the thread's
 * sentence. */
int engine_constrain(engine_request *request, tern_grammar *grammar);
void engine_constrain_free(engine_request *request);
void engine_constraints_close(tern_engine *engine);
/* Before a pick and after it: 0, or -1 and a sentence of the request's. */
int engine_allow(engine_request *request);
int engine_accept(engine_request *request, int32_t token);
/* True where the answer's grammar allows no more. */
int engine_is_complete(const engine_request *request);
/* TERN_CALLS_... of the template. */
uint32_t engine_calls_form(const tern_engine *engine);

/*--- answer.c: under `driving` ---------------------------------------------*/

/* The next token, of these logits: an event, and the token is set behind the
 * text, or the answer ends. */
tern_finish engine_answer(engine_request *request, float *logits);
/* The last event. `error` is NULL but for TERN_FINISH_FAILED; `logits` are NULL
 * or those behind the prompt. */
void engine_end(engine_request *request, tern_finish finish, const char *error,
                const float *logits);
/* Hands over the event and the text that is ready. */
void engine_tell(engine_request *request, tern_event *event);
/* Of logits as the model made them, before a pick has changed them; `top` has
 * room for TERN_MAX_TOP. */
void engine_add_logprobs(const engine_request *request, const float *logits,
                         tern_event *event, tern_logprob *top);

/*--- pick.c: under `driving` -----------------------------------------------*/

int engine_open_lanes(tern_engine *engine);
void engine_close_lanes(tern_engine *engine);
/* After a step, those whose next token can be picked beside others. */
void engine_pick_all(tern_engine *engine);
/* Sets request->picked, unless that is done. The logits of its event stay until
 * the next pick. */
void engine_pick(engine_request *request, float *logits);
/* The `choose` of a request's tern_choice. */
int32_t engine_choose(void *data, tern_candidate *candidates, uint32_t count,
                      float bound);

#endif /* TERN_SRC_ENGINE_ENGINE_H */
