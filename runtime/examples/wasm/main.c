/*===- main.c - a model that a page calls --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * tern.js writes a text to `input`, calls begin, and then next for each token
 * of the answer, whose bytes are at piece.
 */
#include "model.h"
#include "tern/tokenizer.h"

#define EXPORT(Name) __attribute__((export_name(Name)))
#define MAX_TEXT 4096

static _Alignas(64) unsigned char memory[TERN_MODEL_SESSION_BYTES(1)];
static unsigned char workspace[64 * MAX_TEXT];
static char text[MAX_TEXT];
static int32_t tokens[MAX_TEXT];
static tern_tokenizer tokenizer;
static tern_session *session;
static float *logits;
static size_t piece_size;

EXPORT("input") char *input(void) { return text; }
EXPORT("room") size_t room(void) { return sizeof(text); }

/* Reads a text of so many bytes; a tern_status. */
EXPORT("begin") int begin(size_t bytes) {
  tern_session_config config = {0};
  size_t count = 0;
  config.size = sizeof(config);
  config.model = &tern_model_model;
  config.weights = tern_weights_model;
  config.weights_bytes = TERN_MODEL_WEIGHTS_BYTES;
  tern_status status = tern_tokenizer_load(&tokenizer, tern_tokenizer_model,
                                           TERN_MODEL_TOKENIZER_BYTES);
  if (status == TERN_OK)
    status = tern_tokenizer_encode(&tokenizer, text, bytes, 0, workspace,
                                   sizeof(workspace), tokens, MAX_TEXT, &count);
  if (status == TERN_OK)
    status = tern_session_init(memory, sizeof(memory), &config, &session);
  if (status == TERN_OK)
    status = tern_session_eval(session, tokens, (uint32_t)count, &logits);
  return status;
}

/* Where the bytes of the likeliest token are. */
EXPORT("piece") const char *piece(void) {
  int32_t best = 0;
  for (int32_t i = 1; i < (int32_t)TERN_MODEL_VOCAB_SIZE; ++i)
    if (logits[i] > logits[best])
      best = i;
  tokens[0] = best;
  return tern_tokenizer_token(&tokenizer, best, &piece_size, NULL);
}

EXPORT("piece_bytes") size_t piece_bytes(void) { return piece_size; }

/* Goes on with that token; a tern_status. */
EXPORT("next") int next(void) {
  return tern_session_eval(session, tokens, 1, &logits);
}

EXPORT("reason") const char *reason(int status) {
  return tern_status_text((tern_status)status);
}
