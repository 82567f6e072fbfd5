/*===- bare.c - a model on a machine with nothing on it --------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * No C library, no allocator, no files: memory is an array and weights are
 * linked in. Tokens go in and out as numbers; tern/tokenizer.h works here too.
 * Answers the sum of eight generated tokens, so that a test sees them.
 */
#include "tern/tern.h"

#ifndef TERN_EXAMPLE_MODEL
#define TERN_EXAMPLE_MODEL tern_model_bard
#define TERN_EXAMPLE_MEMORY (4u << 20)
#define TERN_EXAMPLE_CONTEXT 64u
#endif
extern const tern_model TERN_EXAMPLE_MODEL;
extern const unsigned char tern_example_weights[];

static _Alignas(4096) unsigned char memory[TERN_EXAMPLE_MEMORY];

static int generate(void) {
  static const int32_t prompt[] = {1022, 845, 25};
  const tern_model *model = &TERN_EXAMPLE_MODEL;
  tern_session_config config = {0};
  tern_sampler_options greedy = {0};
  tern_sampler sampler;
  tern_session *session;
  float *logits;
  int sum = 0;

  config.size = sizeof(config);
  config.model = model;
  config.context = TERN_EXAMPLE_CONTEXT;
  config.weights = tern_example_weights;
  config.weights_bytes = model->weights_bytes;
  greedy.size = sizeof(greedy);
  greedy.top_p = greedy.repeat_penalty = 1;
  if (tern_session_init(memory, sizeof(memory), &config, &session) != TERN_OK ||
      tern_sampler_init(&sampler, &greedy) != TERN_OK ||
      tern_session_eval(session, prompt, 3, &logits) != TERN_OK)
    return -1;
  for (int i = 0; i < 8; ++i) {
    int32_t token =
        tern_sampler_pick(&sampler, logits, model->vocab_size, NULL);
    sum += token;
    if (tern_session_eval(session, &token, 1, &logits) != TERN_OK)
      return -1;
  }
  return sum;
}

/* Called by the core and by compilers; a C library has better ones. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  unsigned char *t = to;
  const unsigned char *f = from;
  for (volatile size_t i = 0; i < bytes; ++i)
    t[i] = f[i];
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  unsigned char *t = to;
  for (volatile size_t i = 0; i < bytes; ++i)
    t[i] = (unsigned char)value;
  return to;
}

/* Where execution starts. On a board this is the reset handler; under Linux,
 * for the test, the answer becomes the exit status. */
#if defined(__x86_64__)
__attribute__((force_align_arg_pointer))
#endif
void _start(void);
void _start(void) {
  long answer = generate() & 0x7F;
#if defined(__linux__) && defined(__x86_64__)
  __asm__ volatile("syscall" : : "a"(231L), "D"(answer) : "rcx", "r11");
#elif defined(__linux__) && defined(__aarch64__)
  register long number __asm__("x8") = 94;
  register long status __asm__("x0") = answer;
  __asm__ volatile("svc 0" : : "r"(number), "r"(status));
#endif
  for (;;)
    (void)answer;
}
