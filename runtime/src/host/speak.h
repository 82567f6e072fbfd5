/*===- speak.h - from tokens to text ---------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_SPEAK_H
#define TERN_SRC_HOST_SPEAK_H

#include "host.h"

/* True for a token that ends an answer and is no part of it. */
int host_is_end(const host_generator *generator, int32_t token);

/* Appends a token's text to `out` and all that was held back before it, as far
 * as these are whole characters and can be no part of a stop string. Control
 * tokens are no text, but with `shows_tags` those of thoughts and tools are. 1
 * when a stop string has come, 0, or -1: out of memory. */
int host_speak(host_generator *generator, int32_t token, int shows_tags,
               host_copy *out);

/* The end of an answer: all that is still held back. 0 or -1. */
int host_speak_rest(host_generator *generator, host_copy *out);

#endif /* TERN_SRC_HOST_SPEAK_H */
