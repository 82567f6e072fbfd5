/*===- gpu_run.c - launches in place of a model's functions ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Kernels read tokens, positions and addresses of states where a call has put
 * them. Errors stick to a stream, so the first one is told.
 */
#include "gpu.h"

#include <string.h>

#define RUNNING "running the model"

static tern_status status_of(tern_gpu *gpu, cuda_result result) {
  return gpu_check(gpu, result, RUNNING, &gpu->failure) == 0
             ? TERN_OK
             : TERN_DEVICE_FAILED;
}

static cuda_result launch(tern_gpu *gpu, const tern_launch *launch,
                          unsigned which, uint64_t layer) {
  uint64_t count = gpu->call->rows[which].count;
  uint64_t group = launch->rows_per_block;
  cuda_address rows = gpu->slots + which * sizeof(tern_rows);
  void *parameters[] = {&gpu->weights, &gpu->scratch, &rows, &layer};
  cuda_launch_attribute early = {.id = CUDA_LAUNCH_EARLY};
  early.value.allowed = 1;
  cuda_launch_config config = {
      .grid = {launch->blocks,
               group ? (unsigned)((count + group - 1) / group) : 1, 1},
      .block = {launch->threads, 1, 1},
      .shared_bytes = launch->shared_bytes,
      .stream = gpu->stream};
  if ((launch->flags & TERN_LAUNCH_EARLY) && gpu->waits && gpu->follows) {
    config.attributes = &early;
    config.attribute_count = 1;
  }
  gpu->follows = 1;
  return gpu->cuda.cuLaunchKernelEx(&config, gpu->functions[launch->kernel],
                                    parameters, NULL);
}

static cuda_result launch_all(tern_gpu *gpu, const tern_launches *list,
                              unsigned which, uint64_t layer) {
  cuda_result result = CUDA_OK;
  for (size_t i = 0; i < list->count && result == CUDA_OK; ++i)
    if (gpu->is_long || !(list->at[i].flags & TERN_LAUNCH_LONG))
      result = launch(gpu, &list->at[i], which, layer);
  return result;
}

/* The list for as many rows as the call has. */
static cuda_result call(tern_gpu *gpu, const tern_launches *const *lists,
                        unsigned which, uint64_t layer) {
  size_t count = gpu->call->rows[which].count;
  return launch_all(gpu,
                    lists[count == 1                 ? TERN_ONE
                          : count <= TERN_FEW_TOKENS ? TERN_FEW
                                                     : TERN_MANY],
                    which, layer);
}

static void *on_device(cuda_address at) { return (void *)(uintptr_t)at; }

/* Where rows are after so many layers. */
static cuda_address rows_after(const tern_gpu *gpu, uint32_t layers) {
  return gpu->buffers[layers % 2];
}

static int has_long_row(const tern_gpu *gpu, const tern_rows *rows) {
  uint32_t positions = gpu->model->device->short_positions;
  int is_long = 0;
  for (size_t r = 0; r < rows->count; ++r)
    is_long |= positions != 0 && (uint32_t)rows->positions[r] >= positions;
  return is_long;
}

/* Of one row in the slots themselves, which go up as a whole. */
void gpu_set_rows(tern_gpu *gpu, const tern_rows *rows) {
  size_t count = rows->count, most = gpu->model->max_tokens;
  gpu->is_long = has_long_row(gpu, rows);
  cuda_address states = gpu->arrays, tokens = states + most * sizeof(void *);
  cuda_address positions = tokens + most * sizeof(int32_t);
  cuda_address choices = positions + most * sizeof(int32_t);
  gpu_slots *slots = gpu->call;
  if (count == 1) {
    slots->state = rows->states[0];
    slots->position = rows->positions[0];
    states = gpu->slots + offsetof(gpu_slots, state);
    tokens = gpu->slots + offsetof(gpu_slots, choice.next);
    positions = gpu->slots + offsetof(gpu_slots, position);
    choices = gpu->slots + offsetof(gpu_slots, choice);
  } else {
    memcpy(gpu->states, rows->states, count * sizeof(void *));
    memcpy(gpu->tokens, rows->tokens, count * sizeof(int32_t));
    memcpy(gpu->positions, rows->positions, count * sizeof(int32_t));
  }
  for (unsigned i = 0; i < ROWS_COUNT; ++i) {
    slots->rows[i].count = count;
    slots->rows[i].states = on_device(states);
    slots->rows[i].tokens = on_device(tokens);
    slots->rows[i].positions = on_device(positions);
  }
  slots->rows[ROWS_HEAD].input =
      on_device(rows_after(gpu, gpu->model->layer_count));
  slots->rows[ROWS_BEST].best = on_device(choices);
  slots->rows[ROWS_CANDIDATES].best = on_device(gpu->candidates);
}

/* But for the token of one row, which is there. */
static cuda_result send_slots(tern_gpu *gpu) {
  gpu->follows = 0;
  size_t bytes = gpu->call->rows[0].count == 1
                     ? offsetof(gpu_slots, choice)
                     : sizeof(gpu_slots) + gpu->array_bytes;
  return gpu->cuda.cuMemcpyHtoDAsync_v2(gpu->slots, gpu->call, bytes,
                                        gpu->stream);
}

cuda_result gpu_give_token(tern_gpu *gpu, int32_t token) {
  gpu->call->choice.next = token;
  gpu->follows = 0;
  return gpu->cuda.cuMemcpyHtoDAsync_v2(
      gpu->slots + offsetof(gpu_slots, choice.next), &gpu->call->choice.next,
      sizeof(int32_t), gpu->stream);
}

static cuda_result copy_hidden(tern_gpu *gpu, const tern_wanted *wanted,
                               uint32_t layer) {
  size_t bytes = gpu->model->hidden_size * sizeof(float);
  cuda_result result = CUDA_OK;
  for (size_t r = 0; r < gpu->call->rows[0].count && result == CUDA_OK; ++r)
    if (wanted[r].hidden) {
      gpu->follows = 0;
      result = gpu->cuda.cuMemcpyDtoHAsync_v2(
          wanted[r].hidden + layer * wanted[r].hidden_stride,
          rows_after(gpu, layer + 1) + r * bytes, bytes, gpu->stream);
    }
  return result;
}

cuda_result gpu_run_layers(tern_gpu *gpu, const tern_wanted *wanted) {
  const tern_model *model = gpu->model;
  cuda_result result = send_slots(gpu);
  if (result == CUDA_OK)
    result = call(gpu, model->device->embed, ROWS_EMBED, 0);
  for (uint32_t l = 0; l < model->layer_count && result == CUDA_OK; ++l) {
    tern_layer layer = model->layers[l];
    result = call(gpu, model->device->kinds[layer.kind].run,
                  l % 2 ? ROWS_ODD : ROWS_EVEN, layer.index);
    if (result == CUDA_OK && wanted)
      result = copy_hidden(gpu, wanted, l);
  }
  return result;
}

cuda_result gpu_run_head(tern_gpu *gpu) {
  return call(gpu, gpu->model->device->head, ROWS_HEAD, 0);
}

cuda_result gpu_run_best(tern_gpu *gpu) {
  return launch_all(gpu, gpu->model->device->best, ROWS_BEST, 0);
}

cuda_result gpu_run_candidates(tern_gpu *gpu) {
  size_t bytes = gpu->call->rows[ROWS_CANDIDATES].count *
                 gpu_candidate_count(gpu) * sizeof(tern_candidate);
  cuda_result result =
      launch_all(gpu, gpu->model->device->candidates, ROWS_CANDIDATES, 0);
  gpu->follows = 0;
  return result == CUDA_OK
             ? gpu->cuda.cuMemcpyDtoHAsync_v2(
                   gpu->pinned_candidates, gpu->candidates, bytes, gpu->stream)
             : result;
}

cuda_result gpu_wait(tern_gpu *gpu) {
  return gpu->cuda.cuStreamSynchronize(gpu->stream);
}

/*--- Many tokens -----------------------------------------------------------*/

/* Rows that do not follow each other are gathered in the buffer that the last
 * layer has read. */
static cuda_result gather(tern_gpu *gpu, const size_t *rows, size_t count) {
  uint32_t layers = gpu->model->layer_count;
  size_t bytes = gpu->model->hidden_size * sizeof(float);
  cuda_address from = rows_after(gpu, layers), to = rows_after(gpu, layers + 1);
  cuda_result result = CUDA_OK;
  int follows = rows[count - 1] - rows[0] == count - 1;
  gpu->follows = 0;
  for (size_t i = 0; i < count && !follows && result == CUDA_OK; ++i)
    result = gpu->cuda.cuMemcpyDtoDAsync_v2(
        to + i * bytes, from + rows[i] * bytes, bytes, gpu->stream);
  gpu->call->rows[ROWS_HEAD].input =
      on_device(follows ? from + rows[0] * bytes : to);
  gpu->call->rows[ROWS_HEAD].count = count;
  gpu->call->rows[ROWS_BEST].count = count;
  gpu->call->rows[ROWS_CANDIDATES].count = count;
  return result;
}

/* Their tokens, to pinned memory. */
static cuda_result find_best(tern_gpu *gpu, size_t count) {
  cuda_address choices =
      (cuda_address)(uintptr_t)gpu->call->rows[ROWS_BEST].best;
  cuda_result result = gpu_run_best(gpu);
  return result == CUDA_OK
             ? gpu->cuda.cuMemcpyDtoHAsync_v2(gpu->choices, choices,
                                              count * sizeof(gpu_choice),
                                              gpu->stream)
             : result;
}

static cuda_result copy_logits(tern_gpu *gpu, float *to, size_t row) {
  size_t bytes = gpu->model->vocab_size * sizeof(float);
  gpu->follows = 0;
  return gpu->cuda.cuMemcpyDtoHAsync_v2(to, gpu->logits + row * bytes, bytes,
                                        gpu->stream);
}

/* How a row's token is wanted in place of its logits. */
typedef enum choosing { CHOOSE_NOTHING, CHOOSE_BEST, CHOOSE_ONE } choosing;

static choosing choosing_of(const tern_gpu *gpu, const tern_wanted *wanted) {
  if (!wanted->best)
    return CHOOSE_NOTHING;
  if (wanted->choice)
    return gpu->candidates ? CHOOSE_ONE : CHOOSE_NOTHING;
  return gpu->model->device->best ? CHOOSE_BEST : CHOOSE_NOTHING;
}

/* Logits stay where they are of rows whose token alone is wanted. */
static cuda_result run_head(tern_gpu *gpu, const tern_wanted *wanted,
                            const size_t *rows, size_t count) {
  int has_best = 0, has_choice = 0;
  for (size_t i = 0; i < count; ++i) {
    has_best |= choosing_of(gpu, &wanted[rows[i]]) == CHOOSE_BEST;
    has_choice |= choosing_of(gpu, &wanted[rows[i]]) == CHOOSE_ONE;
  }
  cuda_result result = gather(gpu, rows, count);
  if (result == CUDA_OK)
    result = send_slots(gpu);
  if (result == CUDA_OK)
    result = gpu_run_head(gpu);
  if (result == CUDA_OK && has_best)
    result = find_best(gpu, count);
  if (result == CUDA_OK && has_choice)
    result = gpu_run_candidates(gpu);
  for (size_t i = 0; i < count && result == CUDA_OK; ++i)
    if (choosing_of(gpu, &wanted[rows[i]]) == CHOOSE_NOTHING)
      result = copy_logits(gpu, wanted[rows[i]].logits, i);
  /* The slots in pinned memory change next. */
  if (result == CUDA_OK)
    result = gpu_wait(gpu);
  for (size_t i = 0; i < count && result == CUDA_OK; ++i) {
    const tern_wanted *w = &wanted[rows[i]];
    choosing what = choosing_of(gpu, w);
    if (what == CHOOSE_BEST)
      *w->best = gpu->choices[i].best;
    else if (what == CHOOSE_ONE)
      gpu_choose(gpu, i, w);
    if (what != CHOOSE_NOTHING && *w->best < 0)
      result = copy_logits(gpu, w->logits, i);
  }
  return result == CUDA_OK && (has_best || has_choice) ? gpu_wait(gpu) : result;
}

static cuda_result run_rows(tern_gpu *gpu, const tern_rows *all_rows,
                            const tern_wanted *wanted) {
  enum { MOST = 64 };
  size_t rows[MOST], count = 0, all = all_rows->count;
  size_t most = gpu->model->head_tokens < MOST ? gpu->model->head_tokens : MOST;
  cuda_result result = gpu_fall_back(gpu);
  gpu->call = &gpu->pinned[1];
  gpu_set_rows(gpu, all_rows);
  if (result == CUDA_OK && all == 1)
    result = gpu_give_token(gpu, all_rows->tokens[0]);
  if (result == CUDA_OK)
    result = gpu_run_layers(gpu, wanted);
  if (result == CUDA_OK)
    result = gpu_wait(gpu);
  for (size_t r = 0; r < all && result == CUDA_OK; ++r) {
    if (wanted[r].logits)
      rows[count++] = r;
    if (count == most || (r + 1 == all && count != 0)) {
      result = run_head(gpu, wanted, rows, count);
      count = 0;
    }
  }
  return result;
}

/*--- The interface ---------------------------------------------------------*/

static tern_status run(void *host, const tern_rows *rows,
                       const tern_wanted *wanted) {
  tern_gpu *gpu = host;
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  return status_of(gpu, rows->count == 1 && !wanted->hidden
                            ? gpu_run_token(gpu, rows, wanted)
                            : run_rows(gpu, rows, wanted));
}

/* Copies wait for no stream of ours. */
static cuda_result begin(tern_gpu *gpu) {
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  return gpu_fall_back(gpu);
}

static tern_status copy_in(void *host, void *to, const void *from,
                           size_t bytes) {
  tern_gpu *gpu = host;
  cuda_result result = begin(gpu);
  if (result == CUDA_OK)
    result =
        gpu->cuda.cuMemcpyHtoD_v2((cuda_address)(uintptr_t)to, from, bytes);
  return status_of(gpu, result);
}

static tern_status copy_out(void *host, void *to, const void *from,
                            size_t bytes) {
  tern_gpu *gpu = host;
  cuda_result result = begin(gpu);
  if (result == CUDA_OK)
    result =
        gpu->cuda.cuMemcpyDtoH_v2(to, (cuda_address)(uintptr_t)from, bytes);
  return status_of(gpu, result);
}

static tern_status clear(void *host, void *at, size_t bytes) {
  tern_gpu *gpu = host;
  cuda_result result = begin(gpu);
  if (result == CUDA_OK)
    result = gpu->cuda.cuMemsetD8Async((cuda_address)(uintptr_t)at, 0, bytes,
                                       gpu->stream);
  return status_of(gpu, result == CUDA_OK ? gpu_wait(gpu) : result);
}

static tern_status copy(void *host, void *to, const void *from, size_t bytes) {
  tern_gpu *gpu = host;
  cuda_result result = begin(gpu);
  if (result == CUDA_OK)
    result = gpu->cuda.cuMemcpyDtoDAsync_v2((cuda_address)(uintptr_t)to,
                                            (cuda_address)(uintptr_t)from,
                                            bytes, gpu->stream);
  return status_of(gpu, result == CUDA_OK ? gpu_wait(gpu) : result);
}

void gpu_set_interface(tern_gpu *gpu) {
  gpu->interface.size = sizeof(gpu->interface);
  gpu->interface.host = gpu;
  gpu->interface.run = run;
  gpu->interface.copy_in = copy_in;
  gpu->interface.copy_out = copy_out;
  gpu->interface.clear = clear;
  gpu->interface.copy = copy;
}
