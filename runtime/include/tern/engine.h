/*===- tern/engine.h - answers for many at once ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A model, its tokenizer and its template behind one handle: requests go in,
 * text comes out, token by token, and all that run share each step. An answer
 * is the same to the bit as if its request were alone. Either the caller steps
 * (tern_engine_step) or a thread of the engine's own does (tern_engine_start).
 * docs/engine.md has a whole program.
 *
 * Structs that are handed in begin with their size, which the functions named
 * .._init set together with all defaults; fields may be added at their ends. In
 * C and C++ these are macros that give the size that a program was compiled
 * with, so that a newer library writes no more, and an older one refuses what
 * it does not know. The functions of that name write the library's own size.
 * Text is UTF-8 with a length in bytes and needs no terminator. Nothing that is
 * handed in is kept but callbacks and their data.
 *
 * Results: 0, or one of tern_engine_result and a sentence in
 * tern_engine_error(). A function that fills an array writes at most `room`
 * elements, and their true number to *count; more than `room` is no failure.
 *
 * Threads: submit, cancel, wait, count and all about text may be called by any
 * thread at any time. Steps and functions on sequences exclude each other: a
 * second thread waits until the first is done.
 */
#ifndef TERN_ENGINE_H
#define TERN_ENGINE_H

#include "tern/abi.h"
#include "tern/logit_bias.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tern_engine tern_engine;
typedef struct tern_sequence tern_sequence;

enum tern_engine_result {
  TERN_ENGINE_INVALID = -1, /* it can never be: an argument, a length */
  TERN_ENGINE_BUSY = -2,    /* a limit is reached: it may be later */
  TERN_ENGINE_FAILED = -3   /* memory, threads, a file, the model's numbers */
};

/* Of this library: "0.1.0". */
const char *tern_version(void);

/* Why the last call of the calling thread that failed did: one sentence,
 * without a newline, never NULL, valid until the thread's next call. */
const char *tern_engine_error(void);

/*--- Opening ---------------------------------------------------------------*/

enum tern_stage {
  TERN_STAGE_COMPILE = 1, /* a checkpoint, by the compiler */
  TERN_STAGE_LOAD         /* weights into memory */
};

typedef struct tern_progress {
  uint32_t size;
  uint32_t stage;       /* TERN_STAGE_... */
  const char *text;     /* of it, in a few words, as long as the call */
  uint64_t done, total; /* bytes; total is 0 where nobody knows */
} tern_progress;

/* Called by the thread that opens. Anything but 0 gives up: opening fails. */
typedef int (*tern_progress_fn)(void *data, const tern_progress *progress);

typedef struct tern_engine_options {
  uint32_t size;
  uint32_t threads; /* that compute, the stepping one included; 0: all CPUs */
  uint32_t max_sequences; /* requests that run at once, at most 1024 */
  uint32_t max_waiting;   /* requests behind them */
  uint32_t context;       /* tokens of a sequence at most; 0: the model's */
  /* Of one step at most, prompts and answers together, so that none waits for
   * another's long prompt; at least twice max_sequences are used. */
  uint32_t step_tokens;
  /* Memory of the states that running requests may grow to; 0: no limit. */
  uint64_t state_bytes;
  /* Memory of the states that are kept for requests that begin alike, the least
   * recently used go first; 0: none is kept. */
  uint64_t kept_bytes;
  /* Files, or NULL: the weights beside a library (bard.weights of bard.so), a
   * template (Jinja) in the place of the model's. */
  const char *weights, *chat_template;
  /* The name the model was compiled as; NULL: that of the file, or the only one
   * in it. */
  const char *model_name;
  /* For checkpoints: the compiler; NULL: bin/tern of the place that this
   * library is installed in, or one in PATH. Its flags, as of tern compile. */
  const char *compiler;
  const char *const *compile_flags;
  size_t compile_flag_count;
  tern_progress_fn on_progress; /* NULL: nobody is told */
  void *progress_data;
  uint64_t state_tokens; /* that running requests may grow to; 0: no limit */
  /* Memory of all grammars together, with what is known of their masks. That of
   * those that no request has goes first; a request whose grammar has no room
   * then is refused with TERN_ENGINE_BUSY, with TERN_ENGINE_INVALID if it would
   * have none alone. */
  uint64_t grammar_bytes;
  /* NULL, or a number that anybody may set, a signal handler too, and that
   * stays where it is: while it is not 0, requests end as cancelled, and a step
   * is left within a moment, with all sequences as they were before it. */
  const int *interrupt;
} tern_engine_options;

void tern_engine_options_init(tern_engine_options *options);
void tern_engine_options_init_sized(tern_engine_options *options, size_t size);
#define tern_engine_options_init(options)                                      \
  tern_engine_options_init_sized(options, sizeof(tern_engine_options))

/* Opens a model: a library that `tern compile MODEL -o bard.so` made, or its
 * weights, a program, or a checkpoint (a folder or a GGUF file), which the
 * compiler tern makes a program of in its cache, once. The code is then part of
 * this process: only of a file that is trusted. `options` may be NULL. NULL:
 * see tern_engine_error. */
tern_engine *tern_engine_open(const char *path,
                              const tern_engine_options *options);

/* The same for a model that is linked in: `models` are versions of it for
 * different CPUs, better ones later. Without options->weights they are those
 * that this program's own file carries. */
tern_engine *tern_engine_open_linked(const tern_model *const *models,
                                     unsigned count,
                                     const tern_engine_options *options);

/* Ends all requests (TERN_FINISH_CANCELLED) and frees everything, sequences
 * included. Not from a callback. NULL is nothing, and so is an engine in a
 * child of fork, which can use it for nothing else either. */
void tern_engine_close(tern_engine *engine);

typedef struct tern_engine_info {
  uint32_t size;
  uint32_t vocab_size, hidden_size, layer_count;
  uint32_t context; /* tokens of a sequence at most */
  uint32_t block;   /* tokens: prefixes that are shorter are not shared */
  uint32_t has_tokenizer, has_template; /* 1 or 0 */
  const char *name, *target;            /* as long as the engine is open */
  uint32_t calls_form; /* TERN_CALLS_... of tern/tools.h, by the template */
} tern_engine_info;

/* Fills info->size bytes. */
int tern_engine_describe(const tern_engine *engine, tern_engine_info *info);

/*--- Text ------------------------------------------------------------------*/

/* `flags`: TERN_ENCODE_... of tern/tokenizer.h; 0: with the tokens that the
 * model wants around a text (bos). */
int tern_engine_tokenize(tern_engine *engine, const char *text, size_t bytes,
                         uint32_t flags, int32_t *tokens, size_t room,
                         size_t *count);

/* Control tokens are no text; bytes that are no UTF-8 become U+FFFD. */
int tern_engine_detokenize(tern_engine *engine, const int32_t *tokens,
                           size_t count, char *text, size_t room,
                           size_t *bytes);

/* The bytes of one token, control tokens too; possibly a part of a character.
 * INVALID where there is none of that number. */
int tern_engine_token_bytes(tern_engine *engine, int32_t token, char *bytes,
                            size_t room, size_t *count);

typedef struct tern_message {
  const char *role; /* "system", "user", "assistant", "tool": with a NUL */
  const char *content;
  size_t content_bytes;
  /* NULL, or for each byte TERN_MARK_WRITTEN or TERN_MARK_TOKEN, as events have
   * them: for answers, whose added tokens then become those tokens again. */
  const uint8_t *marks;
} tern_message;

typedef struct tern_chat {
  uint32_t size;
  int32_t thinking; /* -1: as the template has it, 0: off, 1: on */
  const tern_message *messages;
  size_t message_count;
  const char *tools; /* NULL, or JSON: a list of objects */
  size_t tools_bytes;
  /* NULL, or the messages as JSON, a list of objects with all that the template
   * reads of them, such as calls of tools; then there are no others. */
  const char *json;
  size_t json_bytes;
} tern_chat;

void tern_chat_init(tern_chat *chat);
void tern_chat_init_sized(tern_chat *chat, size_t size);
#define tern_chat_init(chat) tern_chat_init_sized(chat, sizeof(tern_chat))

/* The text that the model's template makes of the messages, with the opening of
 * an answer at its end, and its tokens. Control tokens come from the template
 * alone, never from a message. */
int tern_engine_render(tern_engine *engine, const tern_chat *chat, char *text,
                       size_t room, size_t *bytes);
int tern_engine_tokenize_chat(tern_engine *engine, const tern_chat *chat,
                              int32_t *tokens, size_t room, size_t *count);

/*--- Requests --------------------------------------------------------------*/

typedef struct tern_logprob {
  int32_t token;
  uint32_t reserved; /* 0 */
  double logprob;    /* natural logarithm of its probability */
} tern_logprob;

/* Log-probabilities of other tokens at most. */
#define TERN_MAX_TOP 20u

typedef enum tern_finish {
  TERN_FINISH_NONE,    /* goes on */
  TERN_FINISH_STOP,    /* an end token or a stop string */
  TERN_FINISH_LENGTH,  /* max_tokens, or what the model allows */
  TERN_FINISH_CONTEXT, /* the sequence is full */
  TERN_FINISH_CANCELLED,
  TERN_FINISH_FAILED /* event->error says why */
} tern_finish;

enum tern_event_kind {
  TERN_EVENT_OPENING, /* text that the template has begun the answer with */
  TERN_EVENT_TOKEN,
  TERN_EVENT_END, /* the last one, with the text that was held back */
  /* A token of the prompt, in order, before all others; without text. */
  TERN_EVENT_PROMPT,
  /* Another one, where TERN_REQUEST_PROMPT_HIDDEN asks for it: that token was
   * read. */
  TERN_EVENT_HIDDEN
};

/* Valid during the call that gets it. */
typedef struct tern_event {
  uint32_t size;
  uint32_t kind;
  uint64_t request;
  /* Whole characters that are surely no part of a stop string; often none, or
   * those of earlier tokens. A TERN_MARK_... for each byte. */
  const char *text;
  const uint8_t *marks;
  size_t text_bytes;
  int32_t token;      /* -1 where the event is of no token */
  uint32_t top_count; /* of `top` */
  /* Of the model itself: before temperature, penalties and rules. Only where
   * they are asked for; `top` are the likeliest, lower ids first where equal.
   * Of a prompt's first token nothing is known: 0 and none. */
  double logprob;
  const tern_logprob *top;
  /* At the end, where asked for: hidden_size values, the residual stream of the
   * prompt's last token after the last layer, before the norm. With
   * TERN_EVENT_HIDDEN layer_count times as many, that of `token` after each
   * layer. */
  const float *hidden;
  uint32_t finish; /* tern_finish, at the end */
  /* Tokens up to now: of the text before the answer, those of them whose state
   * was there already, and of the answer. */
  uint32_t prompt_tokens, reused_tokens, answer_tokens;
  uint32_t reserved;
  const char *error; /* "" but for TERN_FINISH_FAILED */
  /* Where asked for: vocab_size values, those that `token` was picked or judged
   * by, as the model made them. At the end those behind the prompt, if
   * max_tokens is 0, those that an end token was picked by, or those that are
   * not finite. NULL: there are none. */
  const float *logits;
  /* Since it was submitted: until it began to be read, until its first token,
   * until now. 0 before that. */
  uint64_t queued_ns, first_token_ns, total_ns;
} tern_event;

/* Called by the stepping thread. May submit and cancel, not step or close.
 * Anything but 0 cancels the request. */
typedef int (*tern_event_fn)(void *data, const tern_event *event);

/* Numbers that are negative: as the model asks (generation_config.json). */
typedef struct tern_request {
  uint32_t size;
  uint32_t flags; /* TERN_REQUEST_... */
  /* NULL, or a sequence that the request goes on from and that no other request
   * uses: it then holds the prompt and the answer, too. */
  tern_sequence *sequence;
  /* The prompt, one of the three; others NULL. Text is tokenized with a begin
   * token, unless it goes on from a sequence that holds some text. */
  const int32_t *tokens;
  size_t token_count;
  const char *text;
  size_t text_bytes;
  const tern_chat *chat;
  /* Sampling, as the flags of the command line have it. */
  double temperature, top_p, min_p, repeat_penalty;
  double presence_penalty; /* 0: off */
  int64_t top_k;
  int64_t repeat_last_n; /* 0: no penalty, INT64_MAX: the whole text */
  int64_t seed;          /* negative: from the clock */
  int64_t max_tokens;    /* of the answer; 0: the prompt is read, no more */
  /* Strings that end the answer and are no part of it, beside the model's own;
   * at most TERN_MAX_STOPS of 1 to TERN_MAX_STOP_BYTES bytes, with a NUL. */
  const char *const *stops;
  size_t stop_count;
  uint32_t
      top; /* where log-probabilities are: so many others, to TERN_MAX_TOP */
  uint32_t reserved;      /* 0 */
  tern_event_fn on_event; /* NULL: nobody listens */
  void *data;
  /* NULL, or the answer's form, which is retained: see tern/grammar.h. The
   * answer ends where that can do nothing else. An opening of the template's is
   * taken for its beginning, if it can be that. */
  struct tern_grammar *grammar;
  double frequency_penalty; /* 0: off */
  /* Are copied; those of one token add up. At most vocab_size. */
  const tern_logit_bias *biases;
  size_t bias_count;
} tern_request;

enum tern_request_flags {
  TERN_REQUEST_LOGPROBS = 1,
  TERN_REQUEST_HIDDEN = 2,
  TERN_REQUEST_IGNORE_END = 4, /* end tokens and the model's own stop strings */
  TERN_REQUEST_NO_BOS = 8,
  /* No state is taken from others or kept for them, so that nobody can tell
   * from times how the text begins. */
  TERN_REQUEST_PRIVATE = 16,
  /* An event for each token of the prompt, with its log-probability and `top`.
   * The whole prompt is read then, whatever others have read. */
  TERN_REQUEST_PROMPT_LOGPROBS = 32,
  TERN_REQUEST_LOGITS = 64, /* event->logits */
  /* TERN_EVENT_HIDDEN for each token of the prompt, which is read whole. */
  TERN_REQUEST_PROMPT_HIDDEN = 128,
  /* Tokens that are tags of thoughts and of calls of tools are text, as in the
   * answer to a chat: for prompts that the caller has rendered. */
  TERN_REQUEST_TAGS = 256,
  /* Not `seed`, but the random numbers that follow on those of the sequence's
   * last answer, if it has one: all answers are as of one seed. */
  TERN_REQUEST_SAME_SEED = 512
};

void tern_request_init(tern_request *request);
void tern_request_init_sized(tern_request *request, size_t size);
#define tern_request_init(request)                                             \
  tern_request_init_sized(request, sizeof(tern_request))

/* Checks a request and puts it behind those that wait; *id, which may be NULL,
 * names it. With a sequence it waits for the end of a step. */
int tern_engine_submit(tern_engine *engine, const tern_request *request,
                       uint64_t *id);

/* Ends a request at the beginning of the next step; nothing if it is over. */
void tern_engine_cancel(tern_engine *engine, uint64_t id);

/* Runs the model once, for all requests that run, and calls them back. 1: there
 * is more to do; 0: there is nothing to do. */
int tern_engine_step(tern_engine *engine);

/* Sleeps until there is something to do: 1, or 0 after so many milliseconds;
 * negative: for ever. */
int tern_engine_wait(tern_engine *engine, int64_t milliseconds);

/*--- A thread of the engine's own ------------------------------------------*/

/* Starts a thread that steps whenever there is something to do: callbacks come
 * from it, and nobody else needs to step. */
int tern_engine_start(tern_engine *engine);
/* Ends it: new requests are refused with TERN_ENGINE_BUSY, those that run and
 * wait have so many milliseconds (negative: any number) to end and are then
 * cancelled. Returns when all is over. Not from a callback. It may be started
 * again. */
int tern_engine_stop(tern_engine *engine, int64_t milliseconds);
/* New requests are refused from now on, until it is started again. */
void tern_engine_drain(tern_engine *engine);

/* 0 while the file that weights are read from is the one that was opened, or a
 * sentence: it was replaced or removed, which does no harm, or written to. If
 * it became shorter, requests fail from then on. */
int tern_engine_check(tern_engine *engine);

typedef struct tern_engine_counts {
  uint32_t size;
  uint32_t running, waiting; /* requests */
  uint32_t kept;             /* states kept for others */
  uint64_t running_bytes;    /* that the states of those that run may grow to */
  uint64_t kept_bytes;
  /* Since the engine was opened. */
  uint64_t requests, steps;
  uint64_t prompt_tokens, reused_tokens, answer_tokens;
  uint64_t finished, cancelled, failed; /* requests that are over */
  uint64_t refused;                     /* with TERN_ENGINE_BUSY */
  uint64_t evicted;                     /* states that were kept */
  uint64_t step_ns;                     /* in which the model ran */
  uint64_t running_tokens;              /* that those that run may grow to */
  uint64_t shared_bytes; /* of states, that several sequences may use, now */
} tern_engine_counts;

/* Fills counts->size bytes; as of the last step. */
int tern_engine_count(tern_engine *engine, tern_engine_counts *counts);

/* Of one projection of all layers, since the engine was opened. */
typedef struct tern_weight_count {
  const char *name;    /* as long as the engine is open */
  uint64_t held_bytes; /* of weights in the steps, which is what they would
                          read without ... */
  uint64_t read_bytes; /* ... leaving out rows that inputs of 0 do not need */
} tern_weight_count;

/* Waits for the end of a step. */
int tern_engine_count_weights(tern_engine *engine, tern_weight_count *counts,
                              size_t room, size_t *count);

/*--- Sequences -------------------------------------------------------------*/

/* An empty sequence of the caller's, to go on from in several requests. NULL:
 * see tern_engine_error. */
tern_sequence *tern_sequence_create(tern_engine *engine);
/* Another one with the same text and state. Not while a request uses it, as all
 * that follow. */
tern_sequence *tern_sequence_fork(tern_sequence *sequence);
int tern_sequence_destroy(tern_sequence *sequence);
/* Forgets all behind its first `count` tokens, so that the next request goes on
 * from there; a recurrent state is one of its whole text, so there all is
 * forgotten. *left, unless it is NULL, is how many tokens it has then. */
int tern_sequence_cut(tern_sequence *sequence, size_t count, size_t *left);
/* All of its text. */
int tern_sequence_tokens(tern_sequence *sequence, int32_t *tokens, size_t room,
                         size_t *count);

/* As bytes, from which the same model goes on in this or another process of the
 * same machine; they are checked, but not against forgery of numbers. */
size_t tern_sequence_save_bytes(tern_sequence *sequence);
int tern_sequence_save(tern_sequence *sequence, void *memory, size_t bytes);
tern_sequence *tern_sequence_restore(tern_engine *engine, const void *memory,
                                     size_t bytes);

#ifdef __cplusplus
}
#endif
#endif /* TERN_ENGINE_H */
