/*===- host.h - shared by the parts of the host half -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_HOST_H
#define TERN_SRC_HOST_HOST_H

#include "interrupt.h"
#include "options.h"
#include "tern/host.h"

#include <setjmp.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* Writes the sentence and returns -1. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int host_fail(tern_error *error, const char *format, ...);
/* The sentence that an engine knows to be no fault of a request. */
#define HOST_NO_MEMORY "out of memory"

/* The program while it runs. */
typedef struct host_program {
  const char *name; /* argv[0] without its folder */
  const tern_model *model;
  tern_artifact artifact;
  const tern_model *const *versions; /* that it was picked from */
  unsigned version_count;
  tern_tokenizer tokenizer;
  int has_tokenizer;
  tern_pool *pool;
  tern_env env;
  uint64_t *counters; /* 2 * projection_count, as in tern_env */
  void *scratch;      /* that all sessions share; NULL: each has its own */
  jmp_buf left;       /* where a step that is left goes on; see evaluate.c */
  const atomic_int *interrupt; /* not 0: it is left; NULL: it never is */
  tern_gpu *gpu;               /* NULL: the model runs on the CPU */
  tern_placement placement;    /* of the weights */
  int64_t opened;              /* when that began */
  int progress_shown;
  host_options options;
  tern_error error;
} host_program;

/* The running program's file. */
const char *host_self_path(void);

/* A session and the memory it lies in. */
typedef struct host_session {
  tern_session *session;
  tern_gpu *gpu; /* that holds the state, or NULL */
  void *state;
  void *memory;
  size_t bytes;
} host_session;

/* All of these: 0, or -1 with the sentence in program->error. */
int host_program_open(host_program *program, const tern_model *const *models,
                      unsigned count);
/* Compares the program and its weights with their checksums. */
int host_verify(host_program *program);
/* After this, a mapped file that became shorter ends the process with a
 * sentence and status 1, not with SIGBUS. */
void host_catch_lost_file(const host_program *program);
/* Which code, threads and pages of memory are used, on standard error. */
void host_say_program(const host_program *program);
/* -v, in the end: how tokens were chosen, where there is something to say. */
void host_say_choices(const host_program *program);
/* "853.2 of 870.1 MB in pages of 2 MiB": the weights in memory. */
void host_describe_pages(const host_program *program, char *text, size_t room);
int host_program_threads(host_program *program, unsigned threads);
void host_program_close(host_program *program);
int host_session_open(host_program *program, uint32_t context,
                      host_session *session);
void host_session_close(host_session *session);
/* *tokens is to be freed. */
int host_encode(host_program *program, const char *text,
                const tern_marking *marking, size_t bytes, uint32_t flags,
                int32_t **tokens, size_t *count);
/* A text to continue, with the begin token unless --no-bos says otherwise: one,
 * even where the text brings its own. */
int host_encode_prompt(host_program *program, const char *text, size_t bytes,
                       int32_t **tokens, size_t *count);
int host_parse_ids(host_program *program, const char *text, int32_t **tokens,
                   size_t *count);
int host_read_file(host_program *program, const char *path, char **text,
                   size_t *bytes);
/* program->model: the best of versions that this CPU can run, or that of
 * --code, which it must be able to run. */
int host_pick_version(host_program *program, const tern_model *const *models,
                      unsigned count);
/* Their names: "cortex-a53, cortex-a76". */
void host_list_versions(const tern_model *const *models, unsigned count,
                        char *text, size_t room);
int host_status(host_program *program, tern_status status, const char *doing);
/* malloc of a * b * c bytes, checked. */
void *host_allocate(host_program *program, uint64_t a, uint64_t b, uint64_t c);

/* Bytes that grow; all fields 0 is empty, free(at) ends it. */
typedef struct host_text {
  char *at;
  size_t bytes, room;
} host_text;
int host_text_append(host_program *program, host_text *text, const char *from,
                     size_t bytes);

/* A file that appears whole, or not at all: written beside its place and
 * renamed. One at a time. */
typedef struct host_output {
  FILE *stream; /* a failure to write is found by host_output_commit */
  const char *path;
  char *target, *temporary;
} host_output;
/* An error if `path` is something else than a regular file, or read as well. */
int host_output_check(host_program *program, const char *path);
int host_output_open(host_program *program, const char *path, host_output *out);
int host_output_commit(host_program *program, host_output *out);
/* Instead of commit: `path` stays as it was. */
void host_output_drop(host_output *out);

/* Writes f32 values of `rank` dimensions as NumPy does; `path` is whole or as
 * it was. */
int host_write_npy(host_program *program, const char *path, const float *values,
                   const uint64_t *shape, unsigned rank);

/* 1 if pages that are mapped lie in huge ones, 0 if some do not, -1 if that is
 * not known; `pagemap` is /proc/self/pagemap, open. */
int host_is_huge(int pagemap, const void *at, size_t bytes);

/* The CPU's name, without what would have to be quoted. */
void host_cpu_name(char *name, size_t room);
/* Bytes of the largest cache of a CPU; 0 if the system does not say. */
uint64_t host_cache_bytes(void);

int64_t host_now(void); /* nanoseconds, monotonic */

/* Sets program->env for the program's pool. */
void host_evaluate_with(host_program *program);
/* The core's calls, for bench; `doing` begins the sentence. Once the program is
 * interrupted they return -1 within a moment, without a sentence and with all
 * sessions where they were. */
int host_eval(host_program *program, tern_session *session,
              const int32_t *tokens, uint32_t n, float **logits,
              const char *doing);
int host_best(host_program *program, tern_session *session,
              const int32_t *tokens, uint32_t n, int32_t *token,
              const char *doing);
int host_eval_batch(host_program *program, tern_session *const *sessions,
                    tern_segment *segments, uint32_t count, const char *doing);

/* A line on standard error that the next one replaces; on a terminal only, and
 * not with -q. */
int host_shows_progress(const host_program *program);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void host_progress(host_program *program, const char *format, ...);
/* Removes the line, if there is one. */
void host_progress_end(host_program *program);

/* Text that was generated, and for each of its bytes TERN_MARK_TOKEN where it
 * came out as an added token, TERN_MARK_WRITTEN elsewhere. */
typedef struct host_copy {
  host_text text, marks;
} host_copy;

/* An answer: how its tokens are picked, and the text that they make. */
typedef struct host_generator {
  host_program *program;
  tern_session *session;
  tern_sampler sampler;
  tern_candidate *candidates;
  float *sparse; /* -infinity for each token, for host_choose, or NULL */
  tern_rules rules;
  void *rules_memory;
  tern_logit_bias *biases; /* of tokens that there are */
  size_t bias_count;
  struct host_stops *stops;
  tern_utf8 utf8;
  char mark;       /* of what comes next */
  host_copy ready; /* surely no part of a stop string */
  int32_t *held;   /* the session's tokens */
  /* One bit for each token that a grammar allows next; NULL: there is none. */
  const uint32_t *allowed;
} host_generator;

/* The command bench: an exit status. The others are in command/client.h. */
int host_bench(host_program *program);

#endif /* TERN_SRC_HOST_HOST_H */
