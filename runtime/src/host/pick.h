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

/* The same of candidates of the model's, as in tern_choice, behind the first
 * `end` tokens of generator->held, or -1 if it needs all logits. Only where
 * host_may_choose says so; generator->sparse is host_allocate_sparse's. */
int32_t host_choose(host_generator *generator, uint32_t prompt, uint32_t end,
                    int is_last, tern_candidate *candidates, uint32_t count,
                    float bound);

/* True if the model's candidates may suffice. */
int host_may_choose(const host_generator *generator);

/* Memory for host_choose; NULL if there is too little. */
float *host_allocate_sparse(const host_program *program);

/* True if that is always the token with the largest logit, so that all others
 * need not be known. */
int host_picks_best(const host_generator *generator);

#endif /* TERN_SRC_HOST_PICK_H */
