/*===- program.c - the sanitized model as the compiler's table has it ------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tern/abi.h"

extern const tern_model tern_model_sanitized;
extern const tern_model *const tern_models[];
extern const unsigned tern_model_count;

const tern_model *const tern_models[] = {&tern_model_sanitized};
const unsigned tern_model_count = 1;
