/*===- gpu_token.c - one token at a time -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The launches of one token are the same each time: they are captured once, as
 * a graph, and launched at one go.
 *
 * A caller who takes the best token each time waits for no launch: the device
 * chooses it, so the next graph is in its queue before this one has ended. If
 * something else is asked for then, what it did is dropped: it has written
 * nothing but the cache of a position that is not held yet.
 */
#include "gpu.h"

#include <string.h>

static cuda_result send_token(tern_gpu *gpu, unsigned which) {
  cuda_result result = gpu_run_layers(gpu, NULL);
  if (result != CUDA_OK || which == GRAPH_LAYERS)
    return result;
  result = gpu_run_head(gpu);
  if (result == CUDA_OK && which == GRAPH_HEAD)
    return gpu->cuda.cuMemcpyDtoHAsync_v2(
        gpu->pinned_logits, gpu->logits, gpu->model->vocab_size * sizeof(float),
        gpu->stream);
  if (result == CUDA_OK && which == GRAPH_CANDIDATES)
    return gpu_run_candidates(gpu);
  if (result == CUDA_OK)
    result = gpu_run_best(gpu);
  return result == CUDA_OK
             ? gpu->cuda.cuMemcpyDtoHAsync_v2(
                   &gpu->call->choice, gpu->slots + offsetof(gpu_slots, choice),
                   sizeof(gpu_choice), gpu->stream)
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
    result = cuda->cuGraphInstantiateWithFlags(
        &gpu->graphs[gpu->is_long][which], graph, 0);
  if (graph)
    cuda->cuGraphDestroy(graph);
  return result;
}

/* For gpu->call, and the token that is on the device. */
static cuda_result launch(tern_gpu *gpu, unsigned which) {
  cuda_handle *graph = &gpu->graphs[gpu->is_long][which];
  cuda_result result = *graph ? CUDA_OK : capture(gpu, which);
  if (result == CUDA_OK)
    result = gpu->cuda.cuGraphLaunch(*graph, gpu->stream);
  if (result == CUDA_OK && which >= GRAPH_BEST)
    result =
        gpu->cuda.cuEventRecord(gpu->ended[which - GRAPH_BEST], gpu->stream);
  return result;
}

/* For a token that the host gives. */
static cuda_result launch_given(tern_gpu *gpu, const tern_rows *rows,
                                unsigned which) {
  gpu->call = &gpu->pinned[which == GRAPH_BEST + 1];
  gpu_set_rows(gpu, rows);
  cuda_result result = gpu_give_token(gpu, rows->tokens[0]);
  return result == CUDA_OK ? launch(gpu, which) : result;
}

cuda_result gpu_fall_back(tern_gpu *gpu) {
  gpu->expected.state = NULL;
  if (!gpu->is_ahead)
    return CUDA_OK;
  gpu->is_ahead = 0;
  return gpu_wait(gpu);
}

/*--- Ahead -----------------------------------------------------------------*/

/* True if nothing but the next position of the state is written by it. */
static int has_room(const tern_gpu *gpu, const void *state, int32_t position) {
  const tern_model *model = gpu->model;
  if (model->is_recurrent || (uint32_t)position >= model->max_context)
    return 0;
  uint64_t bytes = tern_model_state_bytes(model, (uint32_t)position + 1);
  for (const gpu_state *s = gpu->allocated; s; s = s->next)
    if (s->at == (cuda_address)(uintptr_t)state)
      return bytes <= s->bytes;
  return 0;
}

/* The token behind that of `rows`, whichever it is. */
static cuda_result launch_next(tern_gpu *gpu, const tern_rows *rows,
                               unsigned turn) {
  int32_t position = rows->positions[0] + 1;
  tern_rows next = *rows;
  next.positions = &position;
  gpu->call = &gpu->pinned[turn];
  gpu_set_rows(gpu, &next);
  return launch(gpu, GRAPH_BEST + turn);
}

/* *best is -1 if a logit is not finite. */
static cuda_result run_best(tern_gpu *gpu, const tern_rows *rows,
                            int32_t *best) {
  const gpu_place *e = &gpu->expected;
  int is_expected = e->state == rows->states[0] &&
                    e->position == rows->positions[0] &&
                    e->token == rows->tokens[0];
  cuda_result result = CUDA_OK;
  if (!is_expected || !gpu->is_ahead) {
    result = gpu_fall_back(gpu);
    if (result == CUDA_OK)
      result = launch_given(gpu, rows, GRAPH_BEST + gpu->turn);
  }
  unsigned turn = gpu->turn;
  gpu->is_ahead =
      is_expected && has_room(gpu, rows->states[0], rows->positions[0] + 1);
  if (result == CUDA_OK && gpu->is_ahead) {
    gpu->turn = !turn;
    result = launch_next(gpu, rows, gpu->turn);
  }
  if (result == CUDA_OK)
    result = gpu->cuda.cuEventSynchronize(gpu->ended[turn]);
  if (result != CUDA_OK) {
    gpu_fall_back(gpu);
    return result;
  }
  *best = gpu->pinned[turn].choice.best;
  gpu->expected.state = rows->states[0];
  gpu->expected.position = rows->positions[0] + 1;
  gpu->expected.token = *best;
  return result;
}

/*--- A call ----------------------------------------------------------------*/

static cuda_result run_given(tern_gpu *gpu, const tern_rows *rows,
                             unsigned which) {
  cuda_result result = gpu_fall_back(gpu);
  if (result == CUDA_OK)
    result = launch_given(gpu, rows, which);
  return result == CUDA_OK ? gpu_wait(gpu) : result;
}

/* The logits lie where they are if the candidates do not suffice. */
static cuda_result run_choice(tern_gpu *gpu, const tern_rows *rows,
                              const tern_wanted *wanted) {
  size_t bytes = gpu->model->vocab_size * sizeof(float);
  cuda_result result = run_given(gpu, rows, GRAPH_CANDIDATES);
  if (result != CUDA_OK)
    return result;
  gpu_choose(gpu, 0, wanted);
  if (*wanted->best >= 0)
    return CUDA_OK;
  result = gpu->cuda.cuMemcpyDtoHAsync_v2(gpu->pinned_logits, gpu->logits,
                                          bytes, gpu->stream);
  if (result == CUDA_OK)
    result = gpu_wait(gpu);
  if (result == CUDA_OK)
    memcpy(wanted->logits, gpu->pinned_logits, bytes);
  return result;
}

cuda_result gpu_run_token(tern_gpu *gpu, const tern_rows *rows,
                          const tern_wanted *wanted) {
  if (!wanted->logits)
    return run_given(gpu, rows, GRAPH_LAYERS);
  if (wanted->choice && gpu->candidates)
    return run_choice(gpu, rows, wanted);
  if (wanted->best && !wanted->choice && gpu->model->device->best) {
    cuda_result result = run_best(gpu, rows, wanted->best);
    if (result != CUDA_OK || *wanted->best >= 0)
      return result;
    /* Once more, for all logits. */
  }
  cuda_result result = run_given(gpu, rows, GRAPH_HEAD);
  if (result == CUDA_OK)
    memcpy(wanted->logits, gpu->pinned_logits,
           gpu->model->vocab_size * sizeof(float));
  return result;
}
