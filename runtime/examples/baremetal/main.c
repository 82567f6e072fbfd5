/*===- main.c - a model that continues a text, token by token ------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * All memory is one array, sized by the constants of model.h; the weights stay
 * where they are linked. No call allocates, and each answers with a status.
 */
#include "board.h"
#include "model.h"
#include "tern/tokenizer.h"

#ifndef PROMPT
#define PROMPT "ROMEO:"
#endif
#ifndef TOKENS
#define TOKENS 60
#endif

static _Alignas(64) unsigned char memory[TERN_MODEL_SESSION_BYTES(1)];
static tern_tokenizer tokenizer;

static void say(const char *text) {
  size_t length = 0;
  while (text[length])
    ++length;
  board_write(text, length);
}

/* The index of the greatest logit, the first one of several. */
static int32_t likeliest(const float *logits) {
  int32_t best = 0;
  for (int32_t i = 1; i < (int32_t)TERN_MODEL_VOCAB_SIZE; ++i)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

/* The tokens of the text; the session's memory is not in use yet. */
static tern_status encode(int32_t *tokens, size_t room, size_t *count) {
  static const char prompt[] = PROMPT;
  tern_status status = tern_tokenizer_load(&tokenizer, tern_tokenizer_model,
                                           TERN_MODEL_TOKENIZER_BYTES);
  if (status != TERN_OK)
    return status;
  return tern_tokenizer_encode(&tokenizer, prompt, sizeof(prompt) - 1, 0,
                               memory, sizeof(memory), tokens, room, count);
}

#ifdef COUNT
static uint64_t least = UINT64_MAX, most;

static void say_number(uint64_t number) {
  char digits[20];
  size_t at = sizeof(digits);
  uint32_t rest = (uint32_t)number; /* a device has no token of more */
  do
    digits[--at] = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  board_write(digits + at, sizeof(digits) - at);
}
#endif

static tern_status go_on(tern_session *session, int32_t token, float **logits) {
#ifdef COUNT
  uint64_t before = board_instructions();
#endif
  tern_status status = tern_session_eval(session, &token, 1, logits);
#ifdef COUNT
  uint64_t count = board_instructions() - before;
  least = count < least ? count : least;
  most = count > most ? count : most;
#endif
  return status;
}

static tern_status generate(void) {
  tern_session_config config = {0};
  tern_session *session;
  int32_t tokens[64];
  size_t count = 0;
  float *logits;
  config.size = sizeof(config);
  config.model = &tern_model_model;
  config.weights = tern_weights_model;
  config.weights_bytes = TERN_MODEL_WEIGHTS_BYTES;
  tern_status status = encode(tokens, 64, &count);
  if (status == TERN_OK)
    status = tern_session_init(memory, sizeof(memory), &config, &session);
  if (status == TERN_OK)
    status = tern_session_eval(session, tokens, (uint32_t)count, &logits);
  for (int i = 0; i < TOKENS && status == TERN_OK; ++i) {
    int32_t token = likeliest(logits);
    size_t bytes;
    const char *piece = tern_tokenizer_token(&tokenizer, token, &bytes, NULL);
    board_write(piece, bytes);
    status = go_on(session, token, &logits);
  }
  return status;
}

int main(void) {
  tern_status status = generate();
  say("\n");
#ifdef COUNT
  say_number(least);
  say(" to ");
  say_number(most);
  say(" instructions for a token\n");
#endif
  if (status != TERN_OK) {
    say(tern_status_text(status));
    say("\n");
  }
  return status;
}
