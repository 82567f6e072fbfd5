/*===- gpu_choose.c - a token from the candidates of a GPU -----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu.h"

#include <float.h>
#include <math.h>

/* The largest that others may have: no more than the last one of their part. */
static float bound_of(const tern_gpu *gpu, const tern_candidate *row) {
  const tern_device_plan *plan = gpu->model->device;
  float bound = -INFINITY;
  for (uint32_t p = 0; p < plan->candidate_parts; ++p) {
    const tern_candidate *last = &row[(p + 1) * plan->candidate_each - 1];
    if (last->token >= 0 && last->weight > bound)
      bound = last->weight;
  }
  return bound;
}

/* Those that there are, in front; 0 if one is not finite. */
static uint32_t gather(const tern_gpu *gpu, tern_candidate *row) {
  uint32_t count = 0, all = (uint32_t)gpu_candidate_count(gpu);
  for (uint32_t i = 0; i < all; ++i) {
    if (row[i].token < 0)
      continue;
    if (!(fabsf(row[i].weight) <= FLT_MAX))
      return 0;
    row[count++] = row[i];
  }
  return count;
}

void gpu_choose(tern_gpu *gpu, size_t row, const tern_wanted *wanted) {
  const tern_choice *choice = wanted->choice;
  tern_candidate *at = gpu->pinned_candidates + row * gpu_candidate_count(gpu);
  float bound = bound_of(gpu, at);
  uint32_t count = gather(gpu, at);
  *wanted->best = count ? choice->choose(choice->data, at, count, bound) : -1;
  ++*(*wanted->best >= 0 ? &gpu->chosen : &gpu->not_chosen);
}
