/*===- gpu_report.c - a GPU, for people ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu.h"

#include <stdio.h>

/* Behind a short text. */
static size_t count_launches(const tern_launches *list) {
  size_t count = 0;
  for (size_t i = 0; list && i < list->count; ++i)
    count += (list->at[i].flags & TERN_LAUNCH_LONG) == 0;
  return count;
}

void tern_gpu_describe(const tern_gpu *gpu, char *text, size_t room) {
  const tern_model *model = gpu->model;
  const tern_device_plan *plan = model->device;
  size_t launches = count_launches(plan->embed[TERN_ONE]) +
                    count_launches(plan->head[TERN_ONE]) +
                    count_launches(plan->best);
  for (uint32_t l = 0; l < model->layer_count; ++l)
    launches +=
        count_launches(plan->kinds[model->layers[l].kind].run[TERN_ONE]);
  size_t code = gpu_pick_image(gpu)->capability;
  snprintf(text, room,
           "%s, compute capability %d.%d, code for %zu.%zu, %zu launches a "
           "token",
           gpu->name, gpu->capability / 10, gpu->capability % 10, code / 10,
           code % 10, launches);
}

void tern_gpu_describe_memory(const tern_gpu *gpu, uint32_t tokens, char *text,
                              size_t room) {
  const tern_model *model = gpu->model;
  uint32_t count = tokens ? tokens : model->max_context;
  size_t free_bytes = 0, total = 0;
  gpu->cuda.cuMemGetInfo_v2(&free_bytes, &total);
  snprintf(text, room,
           "%.1f MB of weights, %.1f MB of scratch memory; %.1f MB for a cache "
           "of %u tokens of %u bits; %.1f of %.1f MB are free",
           (double)model->weights_bytes * 1e-6,
           (double)model->scratch_bytes * 1e-6,
           (double)tern_model_state_bytes(model, count) * 1e-6, count,
           model->kv_bits, (double)free_bytes * 1e-6, (double)total * 1e-6);
}

int tern_gpu_describe_choices(const tern_gpu *gpu, char *text, size_t room) {
  unsigned long long chosen = gpu->chosen, others = gpu->not_chosen;
  snprintf(text, room,
           "%llu tokens sampled from candidates, %llu from all logits", chosen,
           others);
  return chosen + others != 0;
}
