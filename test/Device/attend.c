/*===- attend.c - attention of a CPU and of a GPU --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * attend CPU.so CPU.weights GPU.so GPU.weights FIRST COUNT STEP: a CPU takes
 * FIRST tokens, and its state goes to the GPU; both take COUNT more, STEP at a
 * time. Then the GPU's state goes to the CPU, and both take a batch of this
 * sequence and of new ones.
 */
#include "tern/host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, CPU = 0, GPU = 1 };

static const uint32_t lengths[BATCH] = {1, 5, 2};

static tern_error error;

/* A machine, its model and a few sequences. */
typedef struct {
  const tern_model *model;
  tern_artifact artifact;
  tern_gpu *gpu;
  tern_env env;
  tern_session *sessions[BATCH];
} machine;

static int fail(const char *what) {
  printf("%s: %s\n", what, error.text);
  return 1;
}

static tern_session *open_session(machine *m, uint32_t context) {
  tern_session_config config = {.size = sizeof(config),
                                .context = context,
                                .model = m->model,
                                .env = &m->env,
                                .weights = m->artifact.weights,
                                .weights_bytes = m->artifact.weights_bytes};
  /* Bytes that no token has are saved as they were: the same on both. They are
   * NaN if they are taken for floats. */
  uint64_t state = tern_model_state_bytes(m->model, context);
  if (m->gpu) {
    const tern_device *device = tern_gpu_device(m->gpu);
    void *filler = malloc(state);
    memset(filler, 0xFF, state);
    config.state = tern_gpu_allocate(m->gpu, state, &error);
    if (!config.state ||
        device->copy_in(device->host, config.state, filler, state) != TERN_OK)
      return NULL;
    free(filler);
  }
  size_t bytes = tern_session_bytes(&config);
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  tern_session *session = NULL;
  memset(memory, 0xFF, bytes);
  return bytes && tern_session_init(memory, bytes, &config, &session) == TERN_OK
             ? session
             : NULL;
}

static int open_machine(machine *m, const char *library, const char *weights,
                        const char *symbol, uint32_t context) {
  void *handle = dlopen(library, RTLD_NOW);
  m->model = handle ? dlsym(handle, symbol) : NULL;
  if (!m->model || tern_artifact_open(&m->artifact, weights, &error) != 0)
    return fail(library);
  m->env.size = sizeof(m->env);
  m->env.worker_count = 1;
  if (m->model->device) {
    m->gpu =
        tern_gpu_open(m->model, m->artifact.weights, 0, NULL, NULL, &error);
    if (!m->gpu)
      return fail("the GPU");
    m->env.device = tern_gpu_device(m->gpu);
  }
  for (int i = 0; i < BATCH; ++i)
    if (!(m->sessions[i] = open_session(m, context)))
      return fail("a session");
  return 0;
}

/* Logits of all tokens; NULL if it fails. */
static float *run(machine *m, const int32_t *tokens, uint32_t count,
                  uint32_t step) {
  size_t vocab = m->model->vocab_size;
  float *logits = malloc((count + 1) * vocab * sizeof(float));
  for (uint32_t at = 0; at < count; at += step) {
    tern_segment segment = {.tokens = tokens + at,
                            .n = count - at < step ? count - at : step,
                            .logits = logits + at * vocab};
    segment.logits_count = segment.n;
    if (tern_batch_eval(m->sessions, &segment, 1) != TERN_OK)
      return NULL;
  }
  return logits;
}

static float *run_batch(machine *m, const int32_t *tokens, size_t *rows) {
  tern_segment segments[BATCH];
  size_t vocab = m->model->vocab_size;
  memset(segments, 0, sizeof(segments));
  *rows = 0;
  for (int i = 0; i < BATCH; ++i)
    *rows += lengths[i];
  float *logits = malloc(*rows * vocab * sizeof(float)), *next = logits;
  for (int i = 0; i < BATCH; ++i) {
    segments[i].tokens = tokens + 2 * i;
    segments[i].n = segments[i].logits_count = lengths[i];
    segments[i].logits = next;
    next += lengths[i] * vocab;
  }
  return tern_batch_eval(m->sessions, segments, BATCH) == TERN_OK ? logits
                                                                  : NULL;
}

static void *save(machine *m, size_t *bytes) {
  *bytes = tern_session_save_bytes(m->sessions[0]);
  void *saved = malloc(*bytes);
  return tern_session_save(m->sessions[0], saved, *bytes) == TERN_OK ? saved
                                                                     : NULL;
}

static int compare(const char *name, const void *a, const void *b,
                   size_t bytes) {
  int isEqual = a && b && memcmp(a, b, bytes) == 0;
  printf("%s %s\n", name, isEqual ? "equal" : "different");
  return !isEqual;
}

int main(int argc, char **argv) {
  static machine machines[2];
  if (argc != 8)
    return fail("expected seven arguments");
  uint32_t first = atoi(argv[5]), count = atoi(argv[6]), step = atoi(argv[7]);
  uint32_t context = first + count + 8;
  if (open_machine(&machines[CPU], argv[1], argv[2], "tern_model_cpu",
                   context) ||
      open_machine(&machines[GPU], argv[3], argv[4], "tern_model_gpu", context))
    return 1;
  size_t vocab = machines[CPU].model->vocab_size, bytes, rows;
  int32_t *tokens = malloc((context + 8) * sizeof(int32_t));
  for (uint32_t i = 0; i < context + 8; ++i)
    tokens[i] = (int32_t)((3 + 7 * i + i / 11) % vocab);
  if (!run(&machines[CPU], tokens, first, 64))
    return fail("the beginning");
  void *saved = save(&machines[CPU], &bytes);
  if (!saved ||
      tern_session_restore(machines[GPU].sessions[0], saved, bytes) != TERN_OK)
    return fail("the state");
  float *logits[2];
  void *states[2];
  for (int i = 0; i < 2; ++i) {
    logits[i] = run(&machines[i], tokens + first, count, step);
    states[i] = save(&machines[i], &bytes);
  }
  int result = compare("logits", logits[CPU], logits[GPU],
                       count * vocab * sizeof(float));
  result |= compare("states", states[CPU], states[GPU], bytes);
  for (int i = 0; i < 2; ++i) {
    if (tern_session_restore(machines[i].sessions[0], states[1 - i], bytes) !=
        TERN_OK)
      return fail("the other's state");
    logits[i] = run_batch(&machines[i], tokens, &rows);
  }
  result |= compare("batches", logits[CPU], logits[GPU],
                    rows * vocab * sizeof(float));
  tern_gpu_close(machines[GPU].gpu);
  return result;
}
