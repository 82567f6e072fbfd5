/*===- gpu.h - a model on a GPU --------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_GPU_H
#define TERN_SRC_HOST_GPU_H

#include "cuda.h"
#include "host.h"

/* A call's rows: of embed, of layers that read the first buffer, of those that
 * read the second, of the head. */
enum { ROWS_EMBED, ROWS_EVEN, ROWS_ODD, ROWS_HEAD, ROWS_COUNT };

/* The fields of a call that kernels read. The same bytes are in pinned memory
 * and on the device; arrays of tokens, positions and states follow. */
typedef struct gpu_slots {
  tern_rows rows[ROWS_COUNT];
  void *state; /* of a call's only row */
  int32_t token, position, best, reserved;
} gpu_slots;

/* The last part of a graph for one token. */
enum { GRAPH_LAYERS, GRAPH_HEAD, GRAPH_BEST, GRAPH_COUNT };

struct tern_gpu {
  cuda_driver cuda;
  void *library;
  cuda_device device;
  cuda_handle context, module, stream;
  cuda_handle *functions; /* kernel_count of them */
  cuda_handle graphs[GRAPH_COUNT];
  int capability; /* 90: 9.0 */
  char name[64];
  const tern_model *model;
  cuda_address weights, scratch, slots, arrays, buffers[2], logits, table;
  gpu_slots *pinned;
  int32_t *tokens, *positions; /* of the arrays, in pinned memory */
  void **states;
  float *pinned_logits; /* of one row */
  size_t array_bytes;
  tern_device interface;
  tern_error failure;
};

/* 0, or -1 and a sentence. `doing`: "copying the weights". */
int gpu_check(tern_gpu *gpu, cuda_result result, const char *doing,
              tern_error *error);
/* Fills gpu->interface. */
void gpu_set_interface(tern_gpu *gpu);
/* Calls `use` for each list of launches of a model. */
void gpu_for_each_list(const tern_model *model,
                       void (*use)(void *data, const tern_launches *list),
                       void *data);

#endif /* TERN_SRC_HOST_GPU_H */
