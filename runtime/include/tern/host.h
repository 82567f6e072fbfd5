/*===- tern/host.h - what needs an operating system ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Files, threads, CPU detection and the command line of compiled programs, for
 * POSIX systems. Functions here may allocate; none of them exits the process.
 */
#ifndef TERN_HOST_H
#define TERN_HOST_H

#include "tern/artifact.h"
#include "tern/logit_bias.h"
#include "tern/tern.h"
#include "tern/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_VERSION_TEXT "0.1.0"

/* One sentence that names the file and the cause; empty when nothing failed. */
typedef struct tern_error {
  char text[512];
} tern_error;

/*--- Artifacts -------------------------------------------------------------*/

/* A mapped artifact. Pointers lie in the mapping; sizes were checked. */
typedef struct tern_artifact {
  const void *weights;
  uint64_t weights_bytes;
  uint64_t weights_id;
  const void *tokenizer; /* NULL when the section is empty */
  uint64_t tokenizer_bytes;
  tern_generation generation; /* defaults when the section is empty */
  const char *chat_template;  /* generation.chat_template_bytes, or NULL */
  const char *chat_variables; /* generation.chat_variables_bytes, or NULL */
  const char *stops;          /* generation.stop_count strings, one by one */
  const void *ids;            /* the lists behind them, i32, not aligned */
  void *mapping;
  size_t mapping_bytes;
} tern_artifact;

/* Maps the artifact that `path` is or carries. 0, or -1 and a sentence in
 * *error. */
int tern_artifact_open(tern_artifact *artifact, const char *path,
                       tern_error *error);

/* The same for the running program's own file. */
int tern_artifact_open_self(tern_artifact *artifact, tern_error *error);

/* Checks `bytes` bytes at `data` and fills all but the mapping; `name` is what
 * the sentence calls them. For artifacts that are in memory already. */
int tern_artifact_parse(tern_artifact *artifact, const void *data,
                        uint64_t bytes, const char *name, tern_error *error);

/* 0 if the artifact is `model`'s, else -1 and a sentence in *error. */
int tern_artifact_check(const tern_artifact *artifact, const tern_model *model,
                        const char *name, tern_error *error);

void tern_artifact_close(tern_artifact *artifact);

/* Compares an opened artifact with its checksums, which opening it does not: 0,
 * or -1 and a sentence that names the damaged part. Reads every byte. */
int tern_artifact_verify(const tern_artifact *artifact, const char *name,
                         tern_error *error);

/* The same for the artifact that `path` is or carries, and for the code of a
 * program. */
int tern_file_verify(const char *path, tern_error *error);

/* Of what becomes the running program: the ELF header and program headers, less
 * where things lie in the file, and the loaded segments. Removing symbols or
 * sections does not change it. `file` is open for reading; 0, or -1 if it is no
 * program in ELF with all of its segments. */
int tern_program_checksum(int file, uint64_t *checksum);

/* Of the whole file of `bytes` bytes but its artifact. */
int tern_program_file_checksum(int file, uint64_t bytes, uint64_t *checksum);

/* Where the artifact lies in a program: 0, or -1 if `file` is no program in ELF
 * with a segment of type TERN_SEGMENT_TYPE. Sizes are as the file claims. */
int tern_program_artifact(int file, uint64_t *offset, uint64_t *bytes);

/*--- The machine -----------------------------------------------------------*/

/* Features of tern/cpu_features.def that this CPU has and this operating system
 * lets programs use. */
uint64_t tern_cpu_features(void);

/* The last of `models` that this CPU can run. NULL, and the sentence "this
 * program needs avx2, which this CPU does not have; ...", when there is none.
 * For one that needs AMX it asks the operating system for the permission, which
 * all threads of the process then have; one that is refused does not run. */
const tern_model *tern_cpu_pick(const tern_model *const *models, unsigned count,
                                uint64_t features, tern_error *error);

/* CPUs this process may use at once, at least 1: those of its affinity mask,
 * but no more than tern_cpu_quota(""). */
unsigned tern_cpu_count(void);

/* CPUs whose time the quotas of control groups (version 2's cpu.max, version
 * 1's cpu.cfs_quota_us) leave to this process, rounded up; 0: there is no
 * quota. In front of each path that is read, such as /proc/self/cgroup, comes
 * `root`. */
unsigned tern_cpu_quota(const char *root);

/*--- Threads ---------------------------------------------------------------*/

typedef struct tern_pool tern_pool;

/* Threads of a pool at most. */
#define TERN_MAX_WORKERS 64u

/* `threads` including the caller's, 0: tern_cpu_count() of them; at most
 * TERN_MAX_WORKERS. NULL when memory or threads cannot be had. */
tern_pool *tern_pool_create(unsigned threads);
unsigned tern_pool_threads(const tern_pool *pool);

/* A tern_parallel_fn; `host` is the pool. The tasks are cut into a range for
 * each thread, the first for the caller; a thread takes tasks from the front of
 * its own and then from the back of others'. More tasks than threads are better
 * for threads of different speed. From a second thread while a first is in
 * here, or from inside a task, the tasks run one by one on the caller: correct,
 * not faster. */
void tern_pool_run(void *host, tern_task_fn fn, void *arg, uint32_t count);
void tern_pool_destroy(tern_pool *pool);

/*--- Memory ----------------------------------------------------------------*/

/* Bytes of a huge page, of which the kernel gives some to memory that asks for
 * them (/sys/kernel/mm/transparent_hugepage); 0: none. `root` as above. */
uint64_t tern_huge_page_bytes(const char *root);

/* Zeroed memory, aligned to a page; if it is large, to a huge page, and in huge
 * pages where the kernel gives them. Pages come when they are written, near the
 * CPU that writes. NULL when there is none. */
void *tern_memory_map(size_t bytes);
void tern_memory_unmap(void *at, size_t bytes);

/* Bytes that this process can still take: what the machine has and the limits
 * of control groups leave; UINT64_MAX: not known. `root` as above. */
uint64_t tern_memory_available(const char *root);

/* Bytes that the caches of all CPUs hold together, those that are shared once;
 * 0: the system does not say. `root` as above. */
uint64_t tern_cache_bytes(const char *root);

typedef struct tern_pages {
  uint64_t resident_bytes, huge_bytes; /* of these in huge pages */
} tern_pages;

/* Of all mappings that [from, from + bytes) is in, by /proc/self/smaps. 0, or
 * -1 where there is no such file. */
int tern_memory_pages(const void *from, uint64_t bytes, tern_pages *pages);

typedef enum tern_placing {
  TERN_PLACE_AUTO, /* TERN_PLACE_HUGE if that is possible and pays */
  TERN_PLACE_MAP,  /* as they are mapped */
  TERN_PLACE_HUGE  /* in huge pages, or fail */
} tern_placing;

typedef struct tern_placement {
  tern_placing placing;
  int64_t most_nanoseconds; /* what is not placed by then stays; 0: no limit */
  /* NULL, or called now and then by the calling thread. */
  void (*progress)(void *data, uint64_t done, uint64_t total);
  void *data;
  /* Results: bytes that were copied, and why it is so, for people. */
  uint64_t copied_bytes;
  const char *reason;
} tern_placement;

/* Places the weights that `model` reads as a whole: rows of tables that are
 * looked up stay mapped. They keep their addresses and may be read meanwhile.
 * A copy is made by all threads of the pool, each the weights that it reads in
 * a step, as far as that is known; the file's pages are given back. 0, or -1
 * and a sentence in *error. */
int tern_artifact_place(tern_artifact *artifact, const tern_model *model,
                        tern_pool *pool, tern_placement *placement,
                        tern_error *error);

/*--- GPUs ------------------------------------------------------------------*/

/* An NVIDIA GPU with a model's code and weights, by way of its driver, which is
 * loaded when it is asked for. */
typedef struct tern_gpu tern_gpu;

/* GPU `number` of those that the driver sees. `progress` as in tern_placement.
 * NULL, and a sentence in *error. */
tern_gpu *
tern_gpu_open(const tern_model *model, const void *weights, unsigned number,
              void (*progress)(void *data, uint64_t done, uint64_t total),
              void *data, tern_error *error);
void tern_gpu_close(tern_gpu *gpu);

/* For tern_env. Sessions of one GPU run one at a time. */
const tern_device *tern_gpu_device(const tern_gpu *gpu);

/* Memory for a state, for tern_session_config; NULL, and a sentence. */
void *tern_gpu_allocate(tern_gpu *gpu, uint64_t bytes, tern_error *error);
void tern_gpu_free(tern_gpu *gpu, void *at);

/* Why the last call of its tern_device failed; empty when none did. */
const char *tern_gpu_failure(const tern_gpu *gpu);
/* "NVIDIA H200, compute capability 9.0, code for 8.0, 153 launches a token". */
void tern_gpu_describe(const tern_gpu *gpu, char *text, size_t room);
/* Bytes of its memory that the model takes, and a cache of `tokens` (0: of the
 * model's max_context) would. */
void tern_gpu_describe_memory(const tern_gpu *gpu, uint32_t tokens, char *text,
                              size_t room);
/* "12 tokens sampled from candidates, 1 from all logits": those of tern_choice
 * so far. False if there were none. */
int tern_gpu_describe_choices(const tern_gpu *gpu, char *text, size_t room);

/*--- The command line of compiled programs ---------------------------------*/

/* main() of every compiled program. `models` are versions of one model, better
 * ones later. Returns the exit status: 0, 1 failed, 2 usage, 130 interrupted.
 */
int tern_main(const tern_model *const *models, unsigned count, int argc,
              char **argv);

#ifdef __cplusplus
}
#endif
#endif /* TERN_HOST_H */
