/*===- defaults.h - how the model asks to be run ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_DEFAULTS_H
#define TERN_SRC_HOST_DEFAULTS_H

#include "host.h"

/* Flags win over the model's generation_config.json. A model that asks for no
 * sampling gets none, unless a temperature is given. */
tern_sampler_options host_default_sampler(const host_program *program);

/* The rules of the model. *memory is to be freed after the last use of them. 0,
 * or -1 and the sentence in program->error. */
int host_default_rules(host_program *program, tern_rules *rules, void **memory);

/* In *limit how many tokens may follow a prompt of so many; -1: no limit. 0, or
 * -1 and the sentence when the prompt leaves no room. */
int host_default_limit(host_program *program, size_t prompt, int64_t *limit);

/* One line on standard error with all that the model brings and no flag has
 * replaced; nothing where it brings nothing. */
void host_say_defaults(const host_program *program);

#endif /* TERN_SRC_HOST_DEFAULTS_H */
