/*===- fake_program.c - the fake model as the compiler's table has it ------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * As on a slow machine, if the environment says so: a step waits while the
 * file FAKE_SLOW exists, up to 10 s, in portions of 5 ms or with FAKE_WHOLE in
 *one.
 */
#include "fake_model.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

extern const tern_model *const tern_models[];
extern const unsigned tern_model_count;

static void wait_a_portion(void *argument, uint32_t i) {
  const struct timespec portion = {0, 5000000};
  (void)argument;
  (void)i;
  nanosleep(&portion, NULL);
}

static void slow_embed(const tern_env *env, const void *weights, void *scratch,
                       const tern_rows *rows, size_t layer) {
  const char *from = getenv("FAKE_SLOW_FROM");
  const char *file = getenv("FAKE_SLOW");
  if (from && rows->positions[0] < atoi(from))
    file = NULL;
  for (int i = 0; i < 2000 && file && access(file, F_OK) == 0; ++i)
    if (getenv("FAKE_WHOLE") || !env->parallel)
      wait_a_portion(NULL, 0);
    else
      env->parallel(env->host, wait_a_portion, NULL, 1);
  tern_model_fake.embed[rows->count == 1                 ? TERN_ONE
                        : rows->count <= TERN_FEW_TOKENS ? TERN_FEW
                                                         : TERN_MANY](
      env, weights, scratch, rows, layer);
}

static tern_model model;

__attribute__((constructor)) static void make_model(void) {
  model = tern_model_fake;
  for (int i = 0; i < TERN_CLASS_COUNT; ++i)
    model.embed[i] = slow_embed;
}

const tern_model *const tern_models[] = {&model};
const unsigned tern_model_count = 1;
