/*===- gpu.c - a model's code and weights on a GPU -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Weights go up in pieces, so that progress is seen. */
#define PIECE ((uint64_t)64 << 20)
/* Kernels may have more dynamic shared memory only if they say so. */
#define PLAIN_SHARED_BYTES (48u << 10)
#define LOG_BYTES 2048

int gpu_check(tern_gpu *gpu, cuda_result result, const char *doing,
              tern_error *error) {
  const char *name = NULL, *text = NULL;
  if (result == CUDA_OK)
    return 0;
  gpu->cuda.cuGetErrorName(result, &name);
  gpu->cuda.cuGetErrorString(result, &text);
  return host_fail(error, "the GPU's driver failed while %s: %s (%s)", doing,
                   text ? text : "it does not say why",
                   name ? name : "unknown");
}

static int load_driver(tern_gpu *gpu, tern_error *error) {
  gpu->library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!gpu->library)
    return host_fail(error, "this program runs on an NVIDIA GPU, but no driver "
                            "is installed: there is no libcuda.so.1");
#define NAME(name, parameters) #name,
  static const char *const names[] = {CUDA_FUNCTIONS(NAME)};
#undef NAME
  /* The struct is these functions, in order. */
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
    void *symbol = dlsym(gpu->library, names[i]);
    if (!symbol)
      return host_fail(error,
                       "the GPU's driver is too old: its libcuda.so.1 has no "
                       "%s",
                       names[i]);
    memcpy((uint8_t *)&gpu->cuda + i * sizeof(symbol), &symbol, sizeof(symbol));
  }
  return 0;
}

const tern_image *gpu_pick_image(const tern_gpu *gpu) {
  const tern_device_plan *plan = gpu->model->device;
  const tern_image *picked = NULL;
  for (uint32_t i = 0; i < plan->image_count; ++i)
    if (plan->images[i].capability <= (size_t)gpu->capability)
      picked = &plan->images[i];
  return picked;
}

static int open_context(tern_gpu *gpu, tern_error *error) {
  const cuda_driver *cuda = &gpu->cuda;
  cuda_result result =
      cuda->cuDevicePrimaryCtxRetain(&gpu->context, gpu->device);
  if (result == CUDA_OK)
    result = cuda->cuCtxSetCurrent(gpu->context);
  if (result == CUDA_OK)
    result = cuda->cuStreamCreate(&gpu->stream, CUDA_STREAM_NON_BLOCKING);
  for (unsigned i = 0; i < 2 && result == CUDA_OK; ++i)
    result = cuda->cuEventCreate(&gpu->ended[i], CUDA_EVENT_NO_TIMING);
  return gpu_check(gpu, result, "opening the GPU", error);
}

static int open_device(tern_gpu *gpu, unsigned number, tern_error *error) {
  const cuda_driver *cuda = &gpu->cuda;
  int count = 0, major = 0, minor = 0;
  cuda_result result = cuda->cuInit(0);
  if (result == CUDA_NO_DEVICE ||
      (result == CUDA_OK && cuda->cuDeviceGetCount(&count) == CUDA_OK &&
       count == 0))
    return host_fail(error, "this program runs on an NVIDIA GPU, but the "
                            "driver sees none");
  if (gpu_check(gpu, result, "starting", error) != 0)
    return -1;
  if (number >= (unsigned)count)
    return host_fail(error,
                     "--device %u: the driver sees %d GPU%s, counted "
                     "from 0",
                     number, count, count == 1 ? "" : "s");
  if (gpu_check(gpu, cuda->cuDeviceGet(&gpu->device, (int)number),
                "looking for GPUs", error) != 0)
    return -1;
  cuda->cuDeviceGetName(gpu->name, sizeof(gpu->name), gpu->device);
  gpu->name[sizeof(gpu->name) - 1] = 0;
  cuda->cuDeviceGetAttribute(&major, CUDA_CAPABILITY_MAJOR, gpu->device);
  cuda->cuDeviceGetAttribute(&minor, CUDA_CAPABILITY_MINOR, gpu->device);
  gpu->capability = 10 * major + minor;
  const tern_device_plan *plan = gpu->model->device;
  if (!gpu_pick_image(gpu)) {
    size_t needed = plan->image_count ? plan->images[0].capability : 0;
    return host_fail(error,
                     "this program needs a GPU of compute capability %zu.%zu "
                     "or later, but %s has %d.%d",
                     needed / 10, needed % 10, gpu->name, major, minor);
  }
  return open_context(gpu, error);
}

/* Lines become one. */
static void join_lines(char *text) {
  size_t length = strlen(text);
  while (length != 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
    text[--length] = 0;
  for (; *text; ++text)
    if (*text == '\n')
      *text = ' ';
}

static int load_code(tern_gpu *gpu, tern_error *error) {
  const tern_device_plan *plan = gpu->model->device;
  char log[LOG_BYTES] = "";
  int options[] = {CUDA_ERROR_LOG, CUDA_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)sizeof(log)};
  cuda_result result = gpu->cuda.cuModuleLoadDataEx(
      &gpu->module, gpu_pick_image(gpu)->data, 2, options, values);
  log[sizeof(log) - 1] = 0;
  join_lines(log);
  if (result != CUDA_OK && log[0])
    return host_fail(error,
                     "the driver of %s refuses this program's code: "
                     "%.350s",
                     gpu->name, log);
  if (gpu_check(gpu, result, "loading the program's code", error) != 0)
    return -1;
  gpu->waits = gpu_pick_image(gpu)->capability >= 90;
  gpu->functions = calloc(plan->kernel_count + 1u, sizeof(*gpu->functions));
  if (!gpu->functions)
    return host_fail(error, HOST_NO_MEMORY);
  for (uint32_t i = 0; i < plan->kernel_count; ++i)
    if (gpu_check(gpu,
                  gpu->cuda.cuModuleGetFunction(&gpu->functions[i], gpu->module,
                                                plan->kernel_names[i]),
                  "looking for its kernels", error) != 0)
      return -1;
  return 0;
}

/* Of a row; a plan from before there were any ends without them. */
static size_t count_candidates(const tern_device_plan *plan) {
  return plan->size < sizeof(*plan) || !plan->candidates
             ? 0
             : (size_t)plan->candidate_parts * plan->candidate_each;
}

size_t gpu_candidate_count(const tern_gpu *gpu) {
  return count_candidates(gpu->model->device);
}

void gpu_for_each_list(const tern_model *model,
                       void (*use)(void *data, const tern_launches *list),
                       void *data) {
  const tern_device_plan *plan = model->device;
  for (unsigned c = 0; c < TERN_CLASS_COUNT; ++c) {
    use(data, plan->embed[c]);
    for (uint32_t k = 0; k < model->kind_count; ++k)
      use(data, plan->kinds[k].run[c]);
    use(data, plan->head[c]);
  }
  if (plan->best)
    use(data, plan->best);
  if (count_candidates(plan))
    use(data, plan->candidates);
}

static void allow_shared(void *data, const tern_launches *list) {
  tern_gpu *gpu = data;
  for (size_t i = 0; i < list->count; ++i)
    if (list->at[i].shared_bytes > PLAIN_SHARED_BYTES)
      gpu->cuda.cuFuncSetAttribute(gpu->functions[list->at[i].kernel],
                                   CUDA_MOST_DYNAMIC_SHARED_BYTES,
                                   (int)list->at[i].shared_bytes);
}

static int allocate(tern_gpu *gpu, cuda_address *at, uint64_t bytes,
                    const char *what, tern_error *error) {
  size_t free_bytes = 0, total = 0;
  *at = 0;
  if (bytes > SIZE_MAX)
    return host_fail(error, "%s: too large", what);
  cuda_result result = gpu->cuda.cuMemAlloc_v2(at, bytes ? (size_t)bytes : 1);
  if (result != CUDA_OUT_OF_MEMORY)
    return gpu_check(gpu, result, "allocating memory", error);
  gpu->cuda.cuMemGetInfo_v2(&free_bytes, &total);
  return host_fail(error,
                   "%s is out of memory: %.1f MB are wanted for %s, %.1f of "
                   "%.1f MB are free",
                   gpu->name, (double)bytes * 1e-6, what,
                   (double)free_bytes * 1e-6, (double)total * 1e-6);
}

static int copy_weights(tern_gpu *gpu, const void *weights,
                        void (*progress)(void *data, uint64_t done,
                                         uint64_t total),
                        void *data, tern_error *error) {
  uint64_t total = gpu->model->weights_bytes;
  for (uint64_t done = 0; done < total;) {
    uint64_t bytes = total - done < PIECE ? total - done : PIECE;
    if (gpu_check(gpu,
                  gpu->cuda.cuMemcpyHtoD_v2(gpu->weights + done,
                                            (const uint8_t *)weights + done,
                                            (size_t)bytes),
                  "copying the weights", error) != 0)
      return -1;
    done += bytes;
    if (progress)
      progress(data, done, total);
  }
  return 0;
}

static void *on_device(cuda_address at) { return (void *)(uintptr_t)at; }

/* The parts of rows that no call changes. */
static int prepare_rows(tern_gpu *gpu, tern_error *error) {
  const tern_model *model = gpu->model;
  void *first = on_device(gpu->buffers[0]),
       *second = on_device(gpu->buffers[1]);
  memset(gpu->pinned, 0, 2 * sizeof(*gpu->pinned));
  for (unsigned i = 0; i < 2; ++i) {
    tern_rows *rows = gpu->pinned[i].rows;
    rows[ROWS_EMBED].output = first;
    rows[ROWS_EVEN].input = first;
    rows[ROWS_EVEN].output = second;
    rows[ROWS_ODD].input = second;
    rows[ROWS_ODD].output = first;
    rows[ROWS_HEAD].logits = on_device(gpu->table);
    rows[ROWS_BEST].input = on_device(gpu->logits);
    rows[ROWS_CANDIDATES].input = on_device(gpu->logits);
  }
  uint64_t *table = calloc(model->head_tokens, sizeof(*table));
  if (!table)
    return host_fail(error, HOST_NO_MEMORY);
  for (uint32_t i = 0; i < model->head_tokens; ++i)
    table[i] = gpu->logits + (uint64_t)i * model->vocab_size * sizeof(float);
  int result =
      gpu_check(gpu,
                gpu->cuda.cuMemcpyHtoD_v2(gpu->table, table,
                                          model->head_tokens * sizeof(*table)),
                "copying addresses", error);
  free(table);
  return result;
}

static int allocate_all(tern_gpu *gpu, tern_error *error) {
  const tern_model *model = gpu->model;
  uint64_t rows = model->max_tokens, head = model->head_tokens;
  uint64_t buffer = rows * model->hidden_size * sizeof(float);
  uint64_t row_logits = (uint64_t)model->vocab_size * sizeof(float);
  gpu->array_bytes = (size_t)rows * (sizeof(void *) + 2 * sizeof(int32_t));
  size_t choices = (size_t)head * sizeof(gpu_choice);
  size_t candidates =
      (size_t)head * gpu_candidate_count(gpu) * sizeof(tern_candidate);
  size_t slots = sizeof(gpu_slots) + gpu->array_bytes + choices;
  if (allocate(gpu, &gpu->weights, model->weights_bytes, "the weights",
               error) != 0 ||
      allocate(gpu, &gpu->scratch, model->scratch_bytes, "scratch memory",
               error) != 0 ||
      allocate(gpu, &gpu->slots, slots, "tokens", error) != 0 ||
      allocate(gpu, &gpu->buffers[0], buffer, "hidden states", error) != 0 ||
      allocate(gpu, &gpu->buffers[1], buffer, "hidden states", error) != 0 ||
      allocate(gpu, &gpu->logits, head * row_logits, "logits", error) != 0 ||
      allocate(gpu, &gpu->table, head * sizeof(uint64_t), "addresses", error) !=
          0 ||
      (candidates &&
       allocate(gpu, &gpu->candidates, candidates, "candidates", error) != 0))
    return -1;
  void *pinned = NULL, *logits = NULL, *chosen = NULL;
  if (gpu_check(gpu,
                gpu->cuda.cuMemHostAlloc(&pinned, sizeof(gpu_slots) + slots, 0),
                "allocating memory of the host", error) != 0)
    return -1;
  gpu->pinned = pinned;
  if (gpu_check(gpu, gpu->cuda.cuMemHostAlloc(&logits, (size_t)row_logits, 0),
                "allocating memory of the host", error) != 0)
    return -1;
  gpu->pinned_logits = logits;
  if (candidates &&
      gpu_check(gpu, gpu->cuda.cuMemHostAlloc(&chosen, candidates, 0),
                "allocating memory of the host", error) != 0)
    return -1;
  gpu->pinned_candidates = chosen;
  gpu->arrays = gpu->slots + sizeof(gpu_slots);
  gpu->states = (void **)(void *)(gpu->pinned + 2);
  gpu->tokens = (int32_t *)(void *)(gpu->states + rows);
  gpu->positions = gpu->tokens + rows;
  gpu->choices = (gpu_choice *)(void *)(gpu->positions + rows);
  return 0;
}

tern_gpu *
tern_gpu_open(const tern_model *model, const void *weights, unsigned number,
              void (*progress)(void *data, uint64_t done, uint64_t total),
              void *data, tern_error *error) {
  tern_gpu *gpu = calloc(1, sizeof(*gpu));
  if (!gpu || sizeof(void *) != 8 || !model->device) {
    host_fail(error, !gpu             ? HOST_NO_MEMORY
                     : !model->device ? "the model has no code for a GPU"
                                      : "GPUs need a program of 64 bits");
    free(gpu);
    return NULL;
  }
  gpu->model = model;
  if (load_driver(gpu, error) == 0 && open_device(gpu, number, error) == 0 &&
      load_code(gpu, error) == 0 && allocate_all(gpu, error) == 0 &&
      prepare_rows(gpu, error) == 0 &&
      copy_weights(gpu, weights, progress, data, error) == 0) {
    gpu_for_each_list(model, allow_shared, gpu);
    gpu_set_interface(gpu);
    return gpu;
  }
  tern_gpu_close(gpu);
  return NULL;
}

void tern_gpu_close(tern_gpu *gpu) {
  if (!gpu)
    return;
  const cuda_driver *cuda = &gpu->cuda;
  if (gpu->context)
    cuda->cuCtxSetCurrent(gpu->context);
  if (gpu->is_ahead)
    gpu_fall_back(gpu);
  while (gpu->allocated)
    tern_gpu_free(gpu, on_device(gpu->allocated->at));
  const cuda_address memory[] = {gpu->weights,    gpu->scratch,    gpu->slots,
                                 gpu->buffers[0], gpu->buffers[1], gpu->logits,
                                 gpu->table,      gpu->candidates};
  for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); ++i)
    if (memory[i])
      cuda->cuMemFree_v2(memory[i]);
  if (gpu->pinned)
    cuda->cuMemFreeHost(gpu->pinned);
  if (gpu->pinned_logits)
    cuda->cuMemFreeHost(gpu->pinned_logits);
  if (gpu->pinned_candidates)
    cuda->cuMemFreeHost(gpu->pinned_candidates);
  for (unsigned i = 0; i < 2 * GRAPH_COUNT; ++i)
    if (gpu->graphs[i / GRAPH_COUNT][i % GRAPH_COUNT])
      cuda->cuGraphExecDestroy(gpu->graphs[i / GRAPH_COUNT][i % GRAPH_COUNT]);
  for (unsigned i = 0; i < 2; ++i)
    if (gpu->ended[i])
      cuda->cuEventDestroy_v2(gpu->ended[i]);
  if (gpu->module)
    cuda->cuModuleUnload(gpu->module);
  if (gpu->stream)
    cuda->cuStreamDestroy_v2(gpu->stream);
  if (gpu->context)
    cuda->cuDevicePrimaryCtxRelease_v2(gpu->device);
  if (gpu->library)
    dlclose(gpu->library);
  free(gpu->functions);
  free(gpu);
}

const tern_device *tern_gpu_device(const tern_gpu *gpu) {
  return &gpu->interface;
}

void *tern_gpu_allocate(tern_gpu *gpu, uint64_t bytes, tern_error *error) {
  gpu_state *state = calloc(1, sizeof(*state));
  if (!state) {
    host_fail(error, HOST_NO_MEMORY);
    return NULL;
  }
  /* A thread has a context of its own, and callers may have several. */
  gpu->cuda.cuCtxSetCurrent(gpu->context);
  if (allocate(gpu, &state->at, bytes, "a cache", error) != 0) {
    free(state);
    return NULL;
  }
  state->bytes = bytes;
  state->next = gpu->allocated;
  gpu->allocated = state;
  return on_device(state->at);
}

void tern_gpu_free(tern_gpu *gpu, void *at) {
  for (gpu_state **link = &gpu->allocated; *link; link = &(*link)->next) {
    gpu_state *state = *link;
    if (on_device(state->at) != at)
      continue;
    gpu->cuda.cuCtxSetCurrent(gpu->context);
    gpu_fall_back(gpu);
    gpu->cuda.cuMemFree_v2(state->at);
    *link = state->next;
    free(state);
    return;
  }
}

const char *tern_gpu_failure(const tern_gpu *gpu) { return gpu->failure.text; }
