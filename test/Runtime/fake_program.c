/*===- fake_program.c - what the compiler's table of models looks like -----===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "fake_model.h"

extern const tern_model *const tern_models[];
extern const unsigned tern_model_count;

const tern_model *const tern_models[] = {&tern_model_fake};
const unsigned tern_model_count = 1;
