/*===- hello.c - a model inside a program with an operating system ---------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 *   tern compile MODEL -o bard.o      # bard.o, bard.h, bard.weights
 *   cc -DTERN_EXAMPLE_MODEL=tern_model_bard hello.c bard.o -ltern_host
 *      -ltern_core -lm -lpthread -o hello
 *   ./hello bard.weights "ROMEO:"
 */
#include "tern/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TERN_EXAMPLE_MODEL
#define TERN_EXAMPLE_MODEL tern_model_bard
#endif
extern const tern_model TERN_EXAMPLE_MODEL;

/* The likeliest 20 tokens after `text`. */
static tern_status speak(const tern_artifact *artifact, tern_pool *pool,
                         const char *text) {
  tern_env env = {.size = sizeof(env),
                  .worker_count = tern_pool_threads(pool),
                  .thread_count = tern_pool_threads(pool),
                  .parallel = tern_pool_run,
                  .host = pool};
  tern_session_config config = {.size = sizeof(config),
                                .model = &TERN_EXAMPLE_MODEL,
                                .env = &env,
                                .weights = artifact->weights,
                                .weights_bytes = artifact->weights_bytes};
  tern_sampler_options greedy = {
      .size = sizeof(greedy), .top_p = 1, .repeat_penalty = 1};
  tern_tokenizer tokenizer;
  tern_session *session;
  tern_sampler sampler;
  tern_utf8 utf8 = {{0}, 0};
  float *logits = NULL;

  tern_status status = tern_tokenizer_load(&tokenizer, artifact->tokenizer,
                                           (size_t)artifact->tokenizer_bytes);
  if (status != TERN_OK)
    return status;
  size_t length = strlen(text), count = 0;
  size_t workspace_bytes = tern_tokenizer_encode_bytes(&tokenizer, length);
  size_t memory_bytes = tern_session_bytes(&config);
  size_t rounded = (memory_bytes + 4095) / 4096 * 4096;
  void *workspace = malloc(workspace_bytes);
  size_t room = tern_tokenizer_max_tokens(&tokenizer, length);
  int32_t *tokens = malloc(room * sizeof(*tokens));
  void *memory = aligned_alloc(4096, rounded);
  status = workspace && tokens && memory ? TERN_OK : TERN_TOO_SMALL;
  if (status == TERN_OK)
    status = tern_tokenizer_encode(&tokenizer, text, length, 0, workspace,
                                   workspace_bytes, tokens, room, &count);
  if (status == TERN_OK)
    status = tern_session_init(memory, memory_bytes, &config, &session);
  if (status == TERN_OK)
    status = tern_sampler_init(&sampler, &greedy);
  if (status == TERN_OK)
    status = tern_session_eval(session, tokens, (uint32_t)count, &logits);
  for (int i = 0; i < 20 && status == TERN_OK; ++i) {
    int32_t token = tern_sampler_pick(&sampler, logits,
                                      TERN_EXAMPLE_MODEL.vocab_size, NULL);
    size_t bytes;
    const char *piece = tern_tokenizer_token(&tokenizer, token, &bytes, NULL);
    char *out = malloc(TERN_UTF8_ROOM(bytes));
    if (out)
      fwrite(out, 1, tern_utf8_push(&utf8, piece, bytes, out), stdout);
    free(out);
    status = tern_session_eval(session, &token, 1, &logits);
  }
  putchar('\n');
  free(memory);
  free(tokens);
  free(workspace);
  return status;
}

int main(int argc, char **argv) {
  const tern_model *model = &TERN_EXAMPLE_MODEL;
  tern_artifact artifact;
  tern_error error;
  if (argc != 3) {
    fprintf(stderr, "usage: %s WEIGHTS TEXT\n", argv[0]);
    return 2;
  }
  if (!tern_cpu_pick(&model, 1, tern_cpu_features(), &error) ||
      tern_artifact_open(&artifact, argv[1], &error) != 0 ||
      tern_artifact_check(&artifact, model, argv[1], &error) != 0) {
    fprintf(stderr, "%s: %s\n", argv[0], error.text);
    return 1;
  }
  tern_pool *pool = tern_pool_create(0);
  tern_status status = pool ? speak(&artifact, pool, argv[2]) : TERN_TOO_SMALL;
  if (status != TERN_OK)
    fprintf(stderr, "%s: %s\n", argv[0], tern_status_text(status));
  tern_pool_destroy(pool);
  tern_artifact_close(&artifact);
  return status == TERN_OK ? 0 : 1;
}
