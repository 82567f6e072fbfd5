/*===- pool.c - threads that wait for work ---------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A decode step hands out work every few microseconds, then nothing for as long
 * as a person types: workers spin for a moment and then sleep. Which worker
 *runs which task is fixed, so that each one streams the same weights every
 *time.
 */
#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SPIN_NANOSECONDS 20000

/* Threads wait for a number to change. */
typedef struct signal_word {
  atomic_uint value;
  atomic_uint sleepers;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} signal_word;

typedef struct worker {
  tern_pool *pool;
  unsigned index;
  pthread_t thread;
} worker;

struct tern_pool {
  unsigned threads;
  unsigned started; /* workers whose thread runs, the caller not counted */
  long spin;        /* nanoseconds; 0 when threads outnumber CPUs */
  atomic_int busy;  /* a call is in progress */
  int quit;
  tern_task_fn fn;
  void *arg;
  uint32_t count;
  signal_word job;     /* counts calls */
  signal_word pending; /* workers that have not finished this call */
  worker workers[TERN_MAX_WORKERS];
};

/* CPUs of the affinity mask. */
static unsigned allowed_cpus(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
    return (unsigned)CPU_COUNT(&set);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (unsigned)online : 1;
}

unsigned tern_cpu_count(void) {
  /* Work is dealt out in fixed shares: one thread without time stops all. */
  unsigned allowed = allowed_cpus(), quota = tern_cpu_quota("");
  return quota && quota < allowed ? quota : allowed;
}

static void word_init(signal_word *word) {
  atomic_init(&word->value, 0);
  atomic_init(&word->sleepers, 0);
  pthread_mutex_init(&word->mutex, NULL);
  pthread_cond_init(&word->changed, NULL);
}

static void word_destroy(signal_word *word) {
  pthread_cond_destroy(&word->changed);
  pthread_mutex_destroy(&word->mutex);
}

/* After a change of the value. Both this and the sleeper's order are
 * sequentially consistent: either the sleeper sees the value or we see the
 * sleeper. */
static void word_wake(signal_word *word) {
  if (atomic_load(&word->sleepers) == 0)
    return;
  pthread_mutex_lock(&word->mutex);
  pthread_cond_broadcast(&word->changed);
  pthread_mutex_unlock(&word->mutex);
}

static int64_t now_nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Until the value is `wanted`, or until it is not, if `differs`. */
static void word_wait(signal_word *word, unsigned wanted, int differs,
                      long spin) {
#define ARRIVED() ((atomic_load(&word->value) == wanted) != differs)
  if (ARRIVED())
    return;
  if (spin > 0) {
    int64_t end = now_nanoseconds() + spin;
    do {
      for (int i = 0; i < 32; ++i) {
        if (ARRIVED())
          return;
        /* As a pause: no load starts before the one above is done, so a change
         * does not find a queue of guesses to take back, and the CPU's other
         * thread gets the time. */
        atomic_thread_fence(memory_order_seq_cst);
      }
    } while (now_nanoseconds() < end);
  }
  pthread_mutex_lock(&word->mutex);
  atomic_fetch_add(&word->sleepers, 1);
  while (!ARRIVED())
    pthread_cond_wait(&word->changed, &word->mutex);
  atomic_fetch_sub(&word->sleepers, 1);
  pthread_mutex_unlock(&word->mutex);
#undef ARRIVED
}

static void run_share(const tern_pool *pool, unsigned index) {
  for (uint64_t i = index; i < pool->count; i += pool->threads)
    pool->fn(pool->arg, (uint32_t)i);
}

static void *worker_main(void *argument) {
  worker *self = argument;
  tern_pool *pool = self->pool;
  for (unsigned seen = 0;; ++seen) {
    word_wait(&pool->job, seen, 1, pool->spin);
    if (pool->quit)
      return NULL;
    run_share(pool, self->index);
    if (atomic_fetch_sub(&pool->pending.value, 1) == 1)
      word_wake(&pool->pending);
  }
}

tern_pool *tern_pool_create(unsigned threads) {
  unsigned cpus = tern_cpu_count();
  if (threads == 0)
    threads = cpus;
  if (threads > TERN_MAX_WORKERS)
    threads = TERN_MAX_WORKERS;
  tern_pool *pool = calloc(1, sizeof(*pool));
  if (!pool)
    return NULL;
  pool->threads = threads;
  pool->spin = threads <= cpus ? SPIN_NANOSECONDS : 0;
  atomic_init(&pool->busy, 0);
  word_init(&pool->job);
  word_init(&pool->pending);
  /* Signals are the caller's: a handler may count on the thread it was set
   * from. */
  sigset_t all, before;
  sigfillset(&all);
  /* A page that cannot be read is the reading thread's matter (lost.c). */
  sigdelset(&all, SIGBUS);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (unsigned i = 1; i < threads; ++i) {
    worker *w = &pool->workers[i];
    w->pool = pool;
    w->index = i;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
      break;
    ++pool->started;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pool->started + 1 == threads)
    return pool;
  tern_pool_destroy(pool);
  return NULL;
}

unsigned tern_pool_threads(const tern_pool *pool) { return pool->threads; }

void tern_pool_run(void *host, tern_task_fn fn, void *arg, uint32_t count) {
  tern_pool *pool = host;
  int idle = 0;
  if (pool->threads == 1 || count <= 1 ||
      !atomic_compare_exchange_strong(&pool->busy, &idle, 1)) {
    for (uint32_t i = 0; i < count; ++i)
      fn(arg, i);
    return;
  }
  pool->fn = fn;
  pool->arg = arg;
  pool->count = count;
  atomic_store(&pool->pending.value, pool->started);
  atomic_fetch_add(&pool->job.value, 1);
  word_wake(&pool->job);
  run_share(pool, 0);
  word_wait(&pool->pending, 0, 0, pool->spin);
  atomic_store(&pool->busy, 0);
}

void tern_pool_destroy(tern_pool *pool) {
  if (!pool)
    return;
  pool->quit = 1;
  atomic_fetch_add(&pool->job.value, 1);
  word_wake(&pool->job);
  for (unsigned i = 1; i <= pool->started; ++i)
    pthread_join(pool->workers[i].thread, NULL);
  word_destroy(&pool->job);
  word_destroy(&pool->pending);
  free(pool);
}
