/*===- carry_state.c - a sequence goes on at another place -----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * carry_state CPU.so CPU.weights GPU.so GPU.weights: the same tokens on both,
 * their caches compared, exchanged, and gone on with; then batches of
 * sequences, that begin and that go on, and best tokens, also of a caller who
 * does not go on with them.
 */
#include "tern/host.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { COUNT = 20, FIRST = 11, CONTEXT = 64, BATCH = 3, STEPS = 3 };
static tern_error error;
static tern_gpu *gpu;
static tern_session *open_session(const tern_model *model,
                                  const tern_artifact *artifact,
                                  tern_env *env) {
  tern_session_config config = {
      .size = sizeof(config), .context = CONTEXT, .model = model, .env = env};
  config.weights = artifact->weights;
  config.weights_bytes = artifact->weights_bytes;
  /* Bytes that no token has are saved as they were: the same on both. */
  uint64_t state = tern_model_state_bytes(model, CONTEXT);
  if (model->device) {
    const tern_device *device = tern_gpu_device(gpu);
    void *filler = malloc(state);
    memset(filler, 0xFF, state);
    config.state = tern_gpu_allocate(gpu, state, &error);
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
/* A batch for each row: tokens of each sequence. Logits are wanted of all. */
static const uint32_t lengths[STEPS][BATCH] = {{7, 1, 4}, {1, 1, 1}, {2, 9, 1}};
/* The logits of all steps, in order; NULL if one failed. */
static float *run_batches(const tern_model *model,
                          const tern_artifact *artifact, tern_env *env,
                          const int32_t *tokens, size_t *bytes) {
  size_t row = model->vocab_size, rows = 0, done = 0;
  for (int s = 0; s < STEPS * BATCH; ++s)
    rows += lengths[s / BATCH][s % BATCH];
  *bytes = rows * row * sizeof(float);
  float *logits = malloc(*bytes);
  tern_session *sessions[BATCH];
  for (int b = 0; b < BATCH; ++b)
    if (!(sessions[b] = open_session(model, artifact, env)))
      return NULL;
  for (int s = 0; s < STEPS; ++s) {
    tern_segment segments[BATCH];
    memset(segments, 0, sizeof(segments));
    for (int b = 0; b < BATCH; ++b) {
      segments[b].tokens = tokens + b + s;
      segments[b].n = segments[b].logits_count = lengths[s][b];
      segments[b].logits = logits + done * row;
      done += lengths[s][b];
    }
    if (tern_batch_eval(sessions, segments, BATCH) != TERN_OK)
      return NULL;
  }
  return logits;
}
enum { GREEDY = 18 };
/* Best tokens of a sequence and, in the end, of a batch; 0 if all went well. */
static int run_greedy(const tern_model *model, const tern_artifact *artifact,
                      tern_env *env, const int32_t *tokens, int32_t *best) {
  tern_session *one = open_session(model, artifact, env),
               *other = open_session(model, artifact, env);
  float *logits = malloc(2 * model->vocab_size * sizeof(float));
  if (!one || !other || !logits ||
      tern_session_eval(one, tokens, 3, NULL) != TERN_OK)
    return 1;
  int32_t token = tokens[3];
  for (int i = 0; i < GREEDY; ++i) {
    if (tern_session_best(one, &token, 1, &best[i]) != TERN_OK)
      return 1;
    token = best[i];
    if (i == 5) { /* back by two */
      if (tern_session_rewind(one, tern_session_position(one) - 2) != TERN_OK)
        return 1;
      token = best[3];
    }
    if (i == 8) /* another token */
      token = tokens[4];
    if (i == 11 && tern_session_eval(other, tokens, 1, NULL) != TERN_OK)
      return 1;
    if (i == 14) { /* what was ahead is of another state then */
      size_t bytes = tern_session_save_bytes(one);
      void *saved = malloc(bytes);
      if (tern_session_save(one, saved, bytes) != TERN_OK ||
          tern_session_restore(one, saved, bytes) != TERN_OK)
        return 1;
      free(saved);
    }
  }
  tern_session *both[] = {one, other};
  tern_segment segments[2];
  memset(segments, 0, sizeof(segments));
  for (int b = 0; b < 2; ++b) {
    segments[b].tokens = tokens + b;
    segments[b].n = 1 + 2 * b;
    segments[b].logits_count = 1;
    segments[b].logits = logits + b * model->vocab_size;
    segments[b].best = best + GREEDY + b;
  }
  int result = tern_batch_eval(both, segments, 2) != TERN_OK;
  free(logits);
  return result;
}
int main(int argc, char **argv) {
  (void)argc;
  const tern_model *models[2];
  tern_artifact artifacts[2];
  tern_env envs[2];
  tern_session *sessions[2];
  memset(envs, 0, sizeof(envs));
  for (int i = 0; i < 2; ++i) {
    void *library = dlopen(argv[2 * i + 1], RTLD_NOW);
    models[i] = library
                    ? dlsym(library, i ? "tern_model_gpu" : "tern_model_cpu")
                    : NULL;
    if (!models[i] ||
        tern_artifact_open(&artifacts[i], argv[2 * i + 2], &error) != 0)
      return printf("%d: %s\n", i, error.text), 1;
    envs[i].size = sizeof(tern_env);
    envs[i].worker_count = 1;
    if (models[i]->device) {
      gpu =
          tern_gpu_open(models[i], artifacts[i].weights, 0, NULL, NULL, &error);
      if (!gpu)
        return puts(error.text), 1;
      envs[i].device = tern_gpu_device(gpu);
    }
    sessions[i] = open_session(models[i], &artifacts[i], &envs[i]);
    if (!sessions[i])
      return printf("no session %d: %s\n", i, error.text), 1;
  }
  if (models[0]->state_id != models[1]->state_id)
    return puts("other layouts"), 1;
  int32_t tokens[COUNT];
  for (int i = 0; i < COUNT; ++i)
    tokens[i] = 3 + 7 * i;
  unsigned vocab = models[0]->vocab_size;
  float *logits[2];
  char *saved[2];
  size_t bytes = 0;
  for (int i = 0; i < 2; ++i) {
    if (tern_session_eval(sessions[i], tokens, FIRST, NULL) != TERN_OK)
      return puts("no beginning"), 1;
    bytes = tern_session_save_bytes(sessions[i]);
    saved[i] = malloc(bytes);
    if (tern_session_save(sessions[i], saved[i], bytes) != TERN_OK)
      return puts("not saved"), 1;
  }
  printf("saved %s\n",
         memcmp(saved[0], saved[1], bytes) == 0 ? "equal" : "different");
  for (int i = 0; i < 2; ++i) { /* each goes on where the other was */
    logits[i] = malloc(vocab * sizeof(float));
    float *last;
    if (tern_session_rewind(sessions[i], 0) != TERN_OK ||
        tern_session_restore(sessions[i], saved[1 - i], bytes) != TERN_OK ||
        tern_session_eval(sessions[i], tokens + FIRST, COUNT - FIRST, &last) !=
            TERN_OK)
      return puts("not restored"), 1;
    memcpy(logits[i], last, vocab * sizeof(float));
  }
  printf("logits %s\n", memcmp(logits[0], logits[1], vocab * sizeof(float)) == 0
                            ? "equal"
                            : "different");
  for (int i = 0; i < 2; ++i)
    if (!(logits[i] =
              run_batches(models[i], &artifacts[i], &envs[i], tokens, &bytes)))
      return puts("no batches"), 1;
  printf("batches %s\n",
         memcmp(logits[0], logits[1], bytes) == 0 ? "equal" : "different");
  int32_t best[2][GREEDY + 2];
  for (int i = 0; i < 2; ++i)
    if (run_greedy(models[i], &artifacts[i], &envs[i], tokens, best[i]) != 0)
      return puts("no best tokens"), 1;
  printf("greedy %s\n", memcmp(best[0], best[1], sizeof(best[0])) == 0
                            ? "equal"
                            : "different");
  tern_gpu_close(gpu);
  return 0;
}
