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
 * read the second, of the head, of what finds tokens in its logits. */
enum {
  ROWS_EMBED,
  ROWS_EVEN,
  ROWS_ODD,
  ROWS_HEAD,
  ROWS_BEST,
  ROWS_CANDIDATES,
  ROWS_COUNT
};

/* Of a row, as the kernels of `best` write it: the token, or -1, and a token in
 * any case, which the launches of the next one read. */
typedef struct gpu_choice {
  int32_t best, next;
} gpu_choice;

/* The fields of a call that kernels read. The same bytes are in pinned memory
 * and on the device, where arrays of states, tokens, positions and choices
 * follow. */
typedef struct gpu_slots {
  tern_rows rows[ROWS_COUNT];
  void *state; /* of a call's only row */
  int32_t position, reserved;
  gpu_choice choice; /* `next` is the token of the only row */
} gpu_slots;

/* The last part of a graph for one token. Of GRAPH_BEST there are two, with
 * pinned memory of their own: one is prepared while the other runs. */
enum {
  GRAPH_LAYERS,
  GRAPH_HEAD,
  GRAPH_CANDIDATES,
  GRAPH_BEST,
  GRAPH_COUNT = GRAPH_BEST + 2
};

/* A token of a sequence. */
typedef struct gpu_place {
  const void *state;
  int32_t position, token;
} gpu_place;

/* Memory for a sequence's state. */
typedef struct gpu_state {
  struct gpu_state *next;
  cuda_address at;
  uint64_t bytes;
} gpu_state;

struct tern_gpu {
  cuda_driver cuda;
  void *library;
  cuda_device device;
  cuda_handle context, module, stream;
  cuda_handle *functions;             /* kernel_count of them */
  cuda_handle graphs[2][GRAPH_COUNT]; /* the second with TERN_LAUNCH_LONG */
  cuda_handle ended[2]; /* events: the graphs for the best token */
  int capability;       /* 90: 9.0 */
  int waits;            /* a kernel does, for those that were launched before */
  int follows;          /* what was done last on the stream is a launch */
  int is_long;          /* a row of the call is behind short_positions */
  char name[64];
  const tern_model *model;
  cuda_address weights, scratch, slots, arrays, buffers[2], logits, table;
  cuda_address candidates;     /* of each row of the head; 0: there are none */
  gpu_slots *pinned;           /* two; the arrays follow the second */
  gpu_slots *call;             /* the one that launches are made for */
  int32_t *tokens, *positions; /* of the arrays, in pinned memory */
  void **states;
  gpu_choice *choices;
  float *pinned_logits; /* of one row */
  tern_candidate *pinned_candidates;
  uint64_t chosen, not_chosen; /* tokens from candidates, and those that needed
                                  all logits */
  size_t array_bytes;
  gpu_state *allocated;
  /* The token that a caller who takes the best one asks for next, and the graph
   * that computes it already: GRAPH_BEST + `turn`. */
  gpu_place expected;
  int is_ahead;
  unsigned turn;
  tern_device interface;
  tern_error failure;
};

/* 0, or -1 and a sentence. `doing`: "copying the weights". */
int gpu_check(tern_gpu *gpu, cuda_result result, const char *doing,
              tern_error *error);
/* The code for the GPU; NULL when it is older than all that there is. */
const tern_image *gpu_pick_image(const tern_gpu *gpu);
/* Fills gpu->interface. */
void gpu_set_interface(tern_gpu *gpu);
/* Calls `use` for each list of launches of a model. */
void gpu_for_each_list(const tern_model *model,
                       void (*use)(void *data, const tern_launches *list),
                       void *data);

/*--- gpu_run.c -------------------------------------------------------------*/

cuda_result gpu_wait(tern_gpu *gpu);
/* Sets what kernels read of the rows, in gpu->call. */
void gpu_set_rows(tern_gpu *gpu, const tern_rows *rows);
/* The token of gpu->call's only row. */
cuda_result gpu_give_token(tern_gpu *gpu, int32_t token);
/* All layers for the rows; `wanted` may be NULL. */
cuda_result gpu_run_layers(tern_gpu *gpu, const tern_wanted *wanted);
/* The head's logits, and the best tokens of those. */
cuda_result gpu_run_head(tern_gpu *gpu);
cuda_result gpu_run_best(tern_gpu *gpu);
/* Candidates of logits, to pinned memory. */
cuda_result gpu_run_candidates(tern_gpu *gpu);
size_t gpu_candidate_count(const tern_gpu *gpu);
/* *wanted->best from those of a row, or -1. */
void gpu_choose(tern_gpu *gpu, size_t row, const tern_wanted *wanted);

/*--- gpu_token.c -----------------------------------------------------------*/

cuda_result gpu_run_token(tern_gpu *gpu, const tern_rows *rows,
                          const tern_wanted *wanted);
/* Waits for a token that nobody has asked for, and forgets it. */
cuda_result gpu_fall_back(tern_gpu *gpu);

#endif /* TERN_SRC_HOST_GPU_H */
