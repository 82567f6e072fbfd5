/*===- maximum.h - the largest logit ---------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_CORE_MAXIMUM_H
#define TERN_SRC_CORE_MAXIMUM_H

#include <stdint.h>

/* The first of those that are equal. */
static inline uint32_t index_of_maximum(const float *logits, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i)
    /* A NaN never wins, not even against a NaN at 0. */
    if (logits[i] > logits[best] || logits[best] != logits[best])
      best = i;
  return best;
}

#endif /* TERN_SRC_CORE_MAXIMUM_H */
