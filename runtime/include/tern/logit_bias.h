/*===- tern/logit_bias.h - a token that is wanted more, or less -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_LOGIT_BIAS_H
#define TERN_LOGIT_BIAS_H

#include <stdint.h>

/* Is added to the logit of a token before it is picked. */
typedef struct tern_logit_bias {
  int32_t token;
  float value;
} tern_logit_bias;

#endif /* TERN_LOGIT_BIAS_H */
