/*===- evaluate.c - steps that can be left ---------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * On a slow machine one step takes longer than a person waits who has pressed
 * Ctrl-C. A step hands out its work in hundreds of small portions, and between
 * two of them it can be left: docs/abi.md says why that does no harm.
 */
#include "gpu_weak.h"
#include "host.h"

#include <string.h>

#define PORTIONS 4u

typedef struct portion {
  const host_program *program;
  tern_task_fn fn;
  void *arg;
} portion;

static int is_interrupted(const host_program *program) {
  return program->interrupt && atomic_load(program->interrupt);
}

static void run_unless_interrupted(void *argument, uint32_t i) {
  const portion *p = argument;
  if (!is_interrupted(p->program))
    p->fn(p->arg, i);
}

/* A tern_parallel_fn; `host` is the program. */
static void run_portion(void *host, tern_task_fn fn, void *arg,
                        uint32_t count) {
  host_program *program = host;
  portion p = {program, fn, arg};
  tern_pool_run(program->pool, run_unless_interrupted, &p, count);
  /* No task runs now. Nothing after this reads what those left out would have
   * written. */
  if (is_interrupted(program))
    longjmp(program->left, 1);
}

void host_evaluate_with(host_program *program) {
  unsigned threads = tern_pool_threads(program->pool);
  memset(&program->env, 0, sizeof(program->env));
  program->env.size = sizeof(program->env);
  /* For one worker a model would not ask its host between portions; of several
   * portions a thread that is slow leaves some to others. */
  program->env.worker_count = threads > 1 ? PORTIONS * threads : 2;
  program->env.thread_count = threads;
  program->env.parallel = run_portion;
  program->env.host = program;
  program->env.counters = program->counters;
  if (program->gpu)
    program->env.device = tern_gpu_device(program->gpu);
}

int host_eval(host_program *program, tern_session *session,
              const int32_t *tokens, uint32_t n, float **logits,
              const char *doing) {
  if (setjmp(program->left) || is_interrupted(program))
    return -1;
  return host_status(program, tern_session_eval(session, tokens, n, logits),
                     doing);
}

int host_best(host_program *program, tern_session *session,
              const int32_t *tokens, uint32_t n, int32_t *token,
              const char *doing) {
  if (setjmp(program->left) || is_interrupted(program))
    return -1;
  return host_status(program, tern_session_best(session, tokens, n, token),
                     doing);
}

int host_eval_batch(host_program *program, tern_session *const *sessions,
                    tern_segment *segments, uint32_t count, const char *doing) {
  if (setjmp(program->left) || is_interrupted(program))
    return -1;
  return host_status(program, tern_batch_eval(sessions, segments, count),
                     doing);
}
