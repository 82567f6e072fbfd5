/*===- session.h - what a session is made of -------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_CORE_SESSION_H
#define TERN_SRC_CORE_SESSION_H

#include "tern/tern.h"

struct tern_session {
  const tern_model *model;
  const tern_env *env;
  const void *weights;
  void *state;
  void *scratch;
  float *logits; /* of the last token */
  uint64_t state_bytes;
  uint32_t context;
  uint32_t call_tokens;
  uint32_t position;
  uint32_t workers;  /* that there is scratch memory for */
  uint32_t in_batch; /* set while a batch call looks for duplicates */
  tern_env alone;    /* what `env` is when the caller gave none */
};

#endif /* TERN_SRC_CORE_SESSION_H */
