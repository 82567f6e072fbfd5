/*===- gpu_run.c - launches in place of a model's functions ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Kernels read tokens, positions and addresses of states where a call has put
 * them, so the launches of one token are the same each time: they are captured
 * once, as a graph, and launched at one go. Errors stick to a stream, so the
 * first one is told.
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
  uint64_t count = gpu->pinned->rows[which].count;
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
  if ((launch->flags & TERN_LAUNCH_EARLY) && gpu->capability >= 90) {
    config.attributes = &early;
    config.attribute_count = 1;
  }
  return gpu->cuda.cuLaunchKernelEx(&config, gpu->functions[launch->kernel],
                                    parameters, NULL);
}

static cuda_result launch_all(tern_gpu *gpu, const tern_launches *list,
                              unsigned which, uint64_t layer) {
  cuda_result result = CUDA_OK;
  for (size_t i = 0; i < list->count && result == CUDA_OK; ++i)
    result = launch(gpu, &list->at[i], which, layer);
  return result;
}

/* The list for as many rows as the call has. */
static cuda_result call(tern_gpu *gpu, const tern_launches *const *lists,
                        unsigned which, uint64_t layer) {
  size_t count = gpu->pinned->rows[which].count;
  return launch_all(gpu,
                    lists[count == 1                 ? TERN_ONE
                          : count <= TERN_FEW_TOKENS ? TERN_FEW
                                                     : TERN_MANY],
                    which, layer);
}

static void *on_device(cuda_address at) { return (void *)(uintptr_t)at; }

/* Of one row in the slots themselves, which go up as a whole. */
static void set_rows(tern_gpu *gpu, const tern_rows *rows) {
  size_t count = rows->count, most = gpu->model->max_tokens;
  cuda_address states = gpu->arrays, tokens = states + most * sizeof(void *);
  cuda_address positions = tokens + most * sizeof(int32_t);
  gpu_slots *slots = gpu->pinned;
  if (count == 1) {
    slots->state = rows->states[0];
    slots->token = rows->tokens[0];
    slots->position = rows->positions[0];
    states = gpu->slots + offsetof(gpu_slots, state);
    tokens = gpu->slots + offsetof(gpu_slots, token);
    positions = gpu->slots + offsetof(gpu_slots, position);
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
}

static cuda_result send_slots(tern_gpu *gpu) {
  size_t arrays = gpu->pinned->rows[0].count == 1 ? 0 : gpu->array_bytes;
  return gpu->cuda.cuMemcpyHtoDAsync_v2(
      gpu->slots, gpu->pinned, sizeof(gpu_slots) + arrays, gpu->stream);
}

/* Where rows are after so many layers. */
static cuda_address rows_after(const tern_gpu *gpu, uint32_t layers) {
  return gpu->buffers[layers % 2];
}

static cuda_result copy_hidden(tern_gpu *gpu, const tern_wanted *wanted,
                               uint32_t layer) {
  size_t bytes = gpu->model->hidden_size * sizeof(float);
  cuda_result result = CUDA_OK;
  for (size_t r = 0; r < gpu->pinned->rows[0].count && result == CUDA_OK; ++r)
    if (wanted[r].hidden)
      result = gpu->cuda.cuMemcpyDtoHAsync_v2(
          wanted[r].hidden + layer * wanted[r].hidden_stride,
          rows_after(gpu, layer + 1) + r * bytes, bytes, gpu->stream);
  return result;
}

/* `wanted` may be NULL. */
static cuda_result run_layers(tern_gpu *gpu, const tern_wanted *wanted) {
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

static cuda_result wait(tern_gpu *gpu) {
  return gpu->cuda.cuStreamSynchronize(gpu->stream);
}

/*--- One token -------------------------------------------------------------*/

static cuda_result send_token(tern_gpu *gpu, unsigned which) {
  const tern_device_plan *plan = gpu->model->device;
  cuda_result result = run_layers(gpu, NULL);
  if (result != CUDA_OK || which == GRAPH_LAYERS)
    return result;
  if (which == GRAPH_BEST) {
    result = launch_all(gpu, plan->best, ROWS_HEAD, 0);
    return result == CUDA_OK
               ? gpu->cuda.cuMemcpyDtoHAsync_v2(
                     &gpu->pinned->best, gpu->slots + offsetof(gpu_slots, best),
                     sizeof(int32_t), gpu->stream)
               : result;
  }
  result = call(gpu, plan->head, ROWS_HEAD, 0);
  return result == CUDA_OK
             ? gpu->cuda.cuMemcpyDtoHAsync_v2(
                   gpu->pinned_logits, gpu->logits,
                   gpu->model->vocab_size * sizeof(float), gpu->stream)
             : result;
}

static cuda_result capture(tern_gpu *gpu, unsigned which) {
  const cuda_driver *cuda = &gpu->cuda;
  cuda_handle graph = NULL;
  cuda_result result =
      cuda->cuStreamBeginCapture_v2(gpu->stream, CUDA_CAPTURE_THREAD_LOCAL);
  if (result != CUDA_OK)
    return result;
  result = send_token(gpu, which);
  cuda_result ended = cuda->cuStreamEndCapture(gpu->stream, &graph);
  if (result == CUDA_OK)
    result = ended;
  if (result == CUDA_OK)
    result = cuda->cuGraphInstantiateWithFlags(&gpu->graphs[which], graph, 0);
  if (graph)
    cuda->cuGraphDestroy(graph);
  return result;
}

static cuda_result run_graph(tern_gpu *gpu, unsigned which) {
  cuda_result result = gpu->graphs[which] ? CUDA_OK : capture(gpu, which);
  if (result == CUDA_OK)
    result = gpu->cuda.cuGraphLaunch(gpu->graphs[which], gpu->stream);
  return result == CUDA_OK ? wait(gpu) : result;
}

static cuda_result run_token(tern_gpu *gpu, const tern_wanted *wanted) {
  const tern_model *model = gpu->model;
  size_t bytes = model->vocab_size * sizeof(float);
  gpu->pinned->rows[ROWS_HEAD].input =
      on_device(rows_after(gpu, model->layer_count));
  if (!wanted->logits)
    return run_graph(gpu, GRAPH_LAYERS);
  if (!wanted->best || !model->device->best) {
    cuda_result result = run_graph(gpu, GRAPH_HEAD);
    if (result == CUDA_OK)
      memcpy(wanted->logits, gpu->pinned_logits, bytes);
    return result;
  }
  cuda_result result = run_graph(gpu, GRAPH_BEST);
  *wanted->best = gpu->pinned->best;
  if (result != CUDA_OK || *wanted->best >= 0)
    return result;
  /* The hidden state is still there. */
  result = call(gpu, model->device->head, ROWS_HEAD, 0);
  if (result == CUDA_OK)
    result = gpu->cuda.cuMemcpyDtoHAsync_v2(wanted->logits, gpu->logits, bytes,
                                            gpu->stream);
  return result == CUDA_OK ? wait(gpu) : result;
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
  for (size_t i = 0; i < count && !follows && result == CUDA_OK; ++i)
    result = gpu->cuda.cuMemcpyDtoDAsync_v2(
        to + i * bytes, from + rows[i] * bytes, bytes, gpu->stream);
  gpu->pinned->rows[ROWS_HEAD].input =
      on_device(follows ? from + rows[0] * bytes : to);
  gpu->pinned->rows[ROWS_HEAD].count = count;
  return result;
}

static cuda_result run_head(tern_gpu *gpu, const tern_wanted *wanted,
                            const size_t *rows, size_t count) {
  size_t bytes = gpu->model->vocab_size * sizeof(float);
  cuda_result result = gather(gpu, rows, count);
  if (result == CUDA_OK)
    result = send_slots(gpu);
  if (result == CUDA_OK)
    result = call(gpu, gpu->model->device->head, ROWS_HEAD, 0);
  for (size_t i = 0; i < count && result == CUDA_OK; ++i)
    result = gpu->cuda.cuMemcpyDtoHAsync_v2(
        wanted[rows[i]].logits, gpu->logits + i * bytes, bytes, gpu->stream);
  /* The slots in pinned memory change next. */
  return result == CUDA_OK ? wait(gpu) : result;
}

static cuda_result run_rows(tern_gpu *gpu, const tern_wanted *wanted,
                            size_t all) {
  enum { MOST = 64 };
  size_t rows[MOST], count = 0;
  size_t most = gpu->model->head_tokens < MOST ? gpu->model->head_tokens : MOST;
  cuda_result result = run_layers(gpu, wanted);
  if (result == CUDA_OK)
    result = wait(gpu);
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
  set_rows(gpu, rows);
  return status_of(gpu, rows->count == 1 && !wanted->hidden
                            ? run_token(gpu, wanted)
                            : run_rows(gpu, wanted, rows->count));
}

static tern_status copy_in(void *host, void *to, const void *from,
                           size_t bytes) {
  tern_gpu *gpu = host;
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  return status_of(
      gpu, gpu->cuda.cuMemcpyHtoD_v2((cuda_address)(uintptr_t)to, from, bytes));
}

static tern_status copy_out(void *host, void *to, const void *from,
                            size_t bytes) {
  tern_gpu *gpu = host;
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  return status_of(
      gpu, gpu->cuda.cuMemcpyDtoH_v2(to, (cuda_address)(uintptr_t)from, bytes));
}

static tern_status clear(void *host, void *at, size_t bytes) {
  tern_gpu *gpu = host;
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  cuda_result result = gpu->cuda.cuMemsetD8Async((cuda_address)(uintptr_t)at, 0,
                                                 bytes, gpu->stream);
  return status_of(gpu, result == CUDA_OK ? wait(gpu) : result);
}

void gpu_set_interface(tern_gpu *gpu) {
  gpu->interface.size = sizeof(gpu->interface);
  gpu->interface.host = gpu;
  gpu->interface.run = run;
  gpu->interface.copy_in = copy_in;
  gpu->interface.copy_out = copy_out;
  gpu->interface.clear = clear;
}
