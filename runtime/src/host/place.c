/*===- place.c - weights into huge pages ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A mapped file lies in memory in whatever pages the one who wrote or read
 * it first left there. Pieces as large as a huge page are copied one by one
 * to fresh memory, which then takes the place of the mapping under the same
 * addresses: never more than a piece for each thread is there twice. Pieces
 * that are in huge pages of the file already stay, and are shared.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Less than this lies in the caches of most machines, and in the tables that
 * they keep of addresses. */
#define LEAST_BYTES ((uint64_t)16 << 20)
/* Pieces that are looked at to know of them all. */
#define SAMPLE 32u
/* Of memory that is there for other things: caches, other programs. */
#define SPARE_BYTES ((uint64_t)256 << 20)

#define SHARED "the file is in huge pages, which all programs share"
#define SMALL "the file is in small pages, or some of it"
#define REFUSAL "weights cannot be put into huge pages: %s"

typedef struct places {
  tern_artifact *artifact;
  const tern_model *model;
  tern_placement *placement;
  uint8_t *first; /* piece */
  uint8_t *fresh; /* memory for all of them, or NULL: they are only read */
  size_t huge;
  int pagemap;      /* a file of the kernel's; -1: there is none */
  uint32_t *pieces; /* those to be placed, in the order of the threads */
  uint32_t count;
  uint32_t all;   /* pieces, with those that are not placed */
  uint8_t *moved; /* for each of these: its fresh memory is away */
  unsigned threads;
  int64_t start;
  atomic_uint done, copied;
  atomic_int failed; /* an errno */
} places;

#ifdef MREMAP_FIXED

/* The thread that reads the middle of a piece, or -1 if it is not read as a
 * whole. A weight's rows or columns are dealt to threads in equal parts. */
static int owner_of(const places *p, uint64_t piece) {
  const uint8_t *weights = p->artifact->weights;
  const tern_weight *w = p->model->weights;
  uint64_t at = (uint64_t)(p->first - weights) + piece * p->huge + p->huge / 2;
  if (!w)
    return 0;
  for (; w->count; ++w) {
    uint64_t span =
        w->count > 1 ? w->stride * (w->count - 1) + w->bytes : w->bytes;
    if (at < w->offset || at - w->offset >= span)
      continue;
    uint64_t within = at - w->offset;
    if (w->count > 1)
      within %= w->stride;
    if (within < w->bytes)
      return w->token_bytes && w->token_bytes < w->bytes
                 ? -1
                 : (int)(within / (w->bytes / p->threads + 1));
  }
  return 0; /* between two weights, or of one that no single token reads */
}

/* Fills the list; 0, or -1 when there is no memory for it. */
static int list_pieces(places *p) {
  uintptr_t from = (uintptr_t)p->artifact->weights;
  uintptr_t to = from + p->artifact->weights_bytes;
  uintptr_t first = (from + p->huge - 1) & ~(uintptr_t)(p->huge - 1);
  p->first = (uint8_t *)first;
  p->all = first < to ? (uint32_t)((to - first) / p->huge) : 0;
  p->moved = calloc(p->all + 1, 1);
  p->pieces = malloc((p->all + 1) * sizeof(*p->pieces));
  int *owners = malloc((p->all + 1) * sizeof(*owners));
  int failed = !owners || !p->pieces || !p->moved;
  for (uint32_t i = 0; !failed && i < p->all; ++i)
    owners[i] = owner_of(p, i);
  for (unsigned t = 0; !failed && t < p->threads; ++t)
    for (uint32_t i = 0; i < p->all; ++i)
      if (owners[i] == (int)t)
        p->pieces[p->count++] = i;
  free(owners);
  return failed ? -1 : 0;
}

/* Brings pages of a piece into memory. */
static void read_piece(const places *p, uint8_t *at) {
#ifdef MADV_POPULATE_READ
  if (madvise(at, p->huge, MADV_POPULATE_READ) == 0)
    return;
#endif
  for (size_t i = 0; i < p->huge; i += 4096)
    (void)*(volatile uint8_t *)(at + i);
}

/* True if the file's pages in memory are huge already, as of a sample. */
static int is_huge(const places *p) {
  tern_pages pages;
  uint32_t step = p->count / SAMPLE + 1;
  for (uint32_t i = 0; i < p->count; i += step)
    read_piece(p, p->first + p->pieces[i] * p->huge);
  return tern_memory_pages(p->first, 1, &pages) == 0 &&
         pages.huge_bytes >= pages.resident_bytes / 10 * 9 &&
         pages.huge_bytes > 0;
}

/* A copy takes the place of what is mapped. 0, or an errno. */
static int move_piece(places *p, uint32_t piece) {
  uint8_t *at = p->first + piece * p->huge;
  uint8_t *fresh = p->fresh + piece * p->huge;
  memcpy(fresh, at, p->huge);
  if (mremap(fresh, p->huge, p->huge, MREMAP_MAYMOVE | MREMAP_FIXED, at) !=
      MAP_FAILED) {
    p->moved[piece] = 1;
    return 0;
  }
  /* The mapping may be gone; the copy is still there. */
  if (mmap(at, p->huge, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    return errno;
  memcpy(at, fresh, p->huge);
  return 0;
}

static void place_piece(void *argument, uint32_t i) {
  places *p = argument;
  const tern_placement *wanted = p->placement;
  if (atomic_load(&p->failed) ||
      (wanted->most_nanoseconds &&
       host_now() - p->start > wanted->most_nanoseconds))
    return;
  int failed = 0;
  uint8_t *at = p->first + p->pieces[i] * p->huge;
  if (!p->fresh || p->pagemap >= 0)
    read_piece(p, at); /* only then its pages are known */
  if (p->fresh && host_is_huge(p->pagemap, at, p->huge) != 1) {
    failed = move_piece(p, p->pieces[i]);
    atomic_fetch_add(&p->copied, !failed);
  }
  if (failed)
    atomic_store(&p->failed, failed);
  else
    atomic_fetch_add(&p->done, 1);
}

/* A few pieces at a time, so that the caller can say how far it is. */
static void place_all(places *p, tern_pool *pool) {
  tern_placement *wanted = p->placement;
  if (!wanted->progress) {
    tern_pool_run(pool, place_piece, p, p->count);
    return;
  }
  uint32_t *all = p->pieces, count = p->count, most = 8 * p->threads;
  /* Each turn takes an equal part of each thread's pieces. */
  uint32_t each = (count + p->threads - 1) / p->threads;
  uint32_t *turn = malloc(most * sizeof(*turn));
  for (uint32_t k = 0; turn && k < each; k += 8) {
    p->count = 0;
    p->pieces = turn;
    for (uint32_t t = 0; t < p->threads; ++t)
      for (uint32_t i = k; i < k + 8 && i < each && t * each + i < count; ++i)
        turn[p->count++] = all[t * each + i];
    tern_pool_run(pool, place_piece, p, p->count);
    wanted->progress(wanted->data, atomic_load(&p->done) * (uint64_t)p->huge,
                     count * (uint64_t)p->huge);
  }
  p->pieces = all;
  p->count = count;
  if (!turn)
    tern_pool_run(pool, place_piece, p, p->count);
  free(turn);
}

/* Why no copy can be made, or NULL. */
static const char *find_hindrance(const places *p) {
  uint64_t bytes = p->count * (uint64_t)p->huge;
  if (!p->huge)
    return "the kernel gives no huge pages: "
           "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!p->count)
    return "they fill no huge page";
  if (tern_memory_available("") < bytes + bytes / 8 + SPARE_BYTES)
    return "there is not enough memory for a copy";
  return NULL;
}

/* Memory that was not moved. Where it was moved from there may be other memory
 * by now. */
static void free_fresh(places *p) {
  for (uint32_t i = 0; i < p->all; ++i)
    if (!p->moved[i])
      munmap(p->fresh + i * p->huge, p->huge);
}

static int copy_pieces(places *p, tern_pool *pool, tern_error *error) {
  p->fresh = tern_memory_map(p->all * p->huge);
  if (!p->fresh) {
    p->placement->reason = "the system has no memory for a copy";
    return p->placement->placing == TERN_PLACE_HUGE
               ? host_fail(error, REFUSAL, p->placement->reason)
               : 0;
  }
  place_all(p, pool);
  free_fresh(p);
  int failed = atomic_load(&p->failed);
  if (failed)
    return host_fail(error, "weights cannot be moved in memory: %s",
                     strerror(failed));
  unsigned copied = atomic_load(&p->copied);
  p->placement->copied_bytes = copied * (uint64_t)p->huge;
  p->placement->reason =
      copied || atomic_load(&p->done) < p->count ? SMALL : SHARED;
  mprotect(p->first, p->all * p->huge, PROT_READ);
  return 0;
}

static int place(places *p, tern_pool *pool, tern_error *error) {
  tern_placement *placement = p->placement;
  int is_asked = placement->placing == TERN_PLACE_HUGE;
  p->huge = (size_t)tern_huge_page_bytes("");
  if (p->huge && list_pieces(p) != 0)
    return host_fail(error, HOST_NO_MEMORY);
  if (!is_asked && p->huge && p->count * (uint64_t)p->huge < LEAST_BYTES) {
    placement->reason = "they are few";
    return 0;
  }
  /* Pages that are not in memory yet come in huge ones, if the file's system
   * can. */
  if (p->count)
    madvise(p->first, p->all * p->huge, MADV_HUGEPAGE);
  int is_shared = p->count && is_huge(p);
  const char *hindrance = find_hindrance(p);
  placement->reason = is_shared ? SHARED : hindrance;
  if (hindrance && !is_shared)
    return is_asked ? host_fail(error, REFUSAL, hindrance) : 0;
  p->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  int result = 0, scans = host_is_huge(p->pagemap, p->first, p->huge) >= 0;
  /* Of a file in huge pages the few others are copied if it is known which. */
  if (is_shared && (hindrance || !scans))
    place_all(p, pool);
  else
    result = copy_pieces(p, pool, error);
  if (p->pagemap >= 0)
    close(p->pagemap);
  return result;
}

#else

static int place(places *p, tern_pool *pool, tern_error *error) {
  (void)pool;
  p->placement->reason = "this system does not say which pages are huge";
  return p->placement->placing == TERN_PLACE_HUGE
             ? host_fail(error, REFUSAL, p->placement->reason)
             : 0;
}

#endif

int tern_artifact_place(tern_artifact *artifact, const tern_model *model,
                        tern_pool *pool, tern_placement *placement,
                        tern_error *error) {
  places p;
  memset(&p, 0, sizeof(p));
  p.artifact = artifact;
  p.model = model;
  p.placement = placement;
  p.threads = tern_pool_threads(pool);
  p.start = host_now();
  atomic_init(&p.done, 0);
  atomic_init(&p.copied, 0);
  atomic_init(&p.failed, 0);
  placement->copied_bytes = 0;
  placement->reason = "that was asked for";
  int result =
      placement->placing == TERN_PLACE_MAP ? 0 : place(&p, pool, error);
  free(p.pieces);
  free(p.moved);
  return result;
}
