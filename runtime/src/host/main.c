/*===- main.c - main of every compiled program ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "tern/host.h"

/* Defined by the object that the compiler makes: versions of the model for
 * different CPUs, better ones later. */
extern const tern_model *const tern_models[];
extern const unsigned tern_model_count;

int main(int argc, char **argv) {
  return tern_main(tern_models, tern_model_count, argc, argv);
}
