/*===- pick.h - the next token ---------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_PICK_H
#define TERN_SRC_HOST_PICK_H

#include "host.h"

/* The next token by the model, its rules, the grammar and the sampler; -1 if
 * these leave none. */
int32_t host_pick(host_generator *generator, uint32_t prompt, int is_last,
                  float *logits);

/* True if that is always the token with the largest logit, so that all others
 * need not be known. */
int host_picks_best(const host_generator *generator);

#endif /* TERN_SRC_HOST_PICK_H */
