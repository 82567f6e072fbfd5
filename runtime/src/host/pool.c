/*===- pool.c - threads that take work --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A decode step hands out work every few microseconds, then nothing for as
 * long as a person types: threads that wait spin for a moment and then
 * sleep. They do not yield in between: a thread that yields stands behind
 * those that compute, for milliseconds each, while one that is woken goes
 * before them. On a machine with more to do than CPUs that made steps 1.2 to
 * 1.6 times as long.
 *
 * Work is taken. The tasks of a call are cut into a range for each thread,
 * which takes its own from the front, so that it reads the same weights
 * every time and in order; who has none left takes from the back of
 * another's. So a thread that has a slower CPU, or none for a while, holds
 * up one task and not its share.
 */
#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A thread that sleeps takes about 50 microseconds to begin: those who spin for
 * less than half of that never lose more than they would by sleeping. */
#define SPIN_NANOSECONDS 20000
/* Bytes that no two threads write: two lines, as CPUs read them in pairs. */
#define APART 128
#define MOST_TASKS 0xFFFFu /* of a range */

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

/* Tasks that nobody has taken, as numbers from `first` on: that of the next in
 * the upper half, one behind the last in the lower. An empty range is filled by
 * the next call only, so a thread that comes late takes a task of that call, or
 * none. */
typedef struct range {
  _Alignas(APART) atomic_uint tasks;
  uint32_t first;
} range;

struct tern_pool {
  range ranges[TERN_MAX_WORKERS];
  /* Counts calls; tasks of a call that are not done; it is in progress. */
  _Alignas(APART) signal_word job;
  _Alignas(APART) signal_word pending;
  _Alignas(APART) atomic_int busy;
  unsigned threads;
  unsigned started; /* workers whose thread runs, the caller not counted */
  long spin;        /* nanoseconds; 0 when threads outnumber CPUs */
  atomic_int quit;
  tern_task_fn fn;
  void *arg;
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
  /* One more would wait for time, and others for it, in the middle of a task.
   */
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
  int64_t end = spin ? now_nanoseconds() + spin : 0;
  while (spin && now_nanoseconds() < end)
    for (int i = 0; i < 32; ++i) {
      if (ARRIVED())
        return;
      /* As a pause: no load starts before the one above is done, so a change
       * does not find a queue of guesses to take back, and the CPU's other
       * thread gets the time. */
      atomic_thread_fence(memory_order_seq_cst);
    }
  pthread_mutex_lock(&word->mutex);
  atomic_fetch_add(&word->sleepers, 1);
  while (!ARRIVED())
    pthread_cond_wait(&word->changed, &word->mutex);
  atomic_fetch_sub(&word->sleepers, 1);
  pthread_mutex_unlock(&word->mutex);
#undef ARRIVED
}

/* The first task of a range, or its last if `back`; -1: there is none. */
static int64_t take(range *from, int back) {
  unsigned old = atomic_load_explicit(&from->tasks, memory_order_acquire);
  for (;;) {
    unsigned begin = old >> 16, end = old & MOST_TASKS;
    if (begin == end)
      return -1;
    unsigned left = back ? old - 1 : old + (1u << 16);
    if (atomic_compare_exchange_weak(&from->tasks, &old, left))
      return back ? end - 1 : begin;
  }
}

/* Takes tasks until none is left. */
static void run_tasks(tern_pool *pool, unsigned index) {
  unsigned done = 0;
  for (unsigned k = 0; k < pool->threads; ++k) {
    range *from = &pool->ranges[(index + k) % pool->threads];
    for (int64_t task; (task = take(from, k != 0)) >= 0; ++done)
      pool->fn(pool->arg, from->first + (uint32_t)task);
  }
  if (done && atomic_fetch_sub(&pool->pending.value, done) == done)
    word_wake(&pool->pending);
}

static void *worker_main(void *argument) {
  worker *self = argument;
  tern_pool *pool = self->pool;
  for (unsigned seen = 0;;) {
    word_wait(&pool->job, seen, 1, pool->spin);
    seen = atomic_load(&pool->job.value);
    if (atomic_load(&pool->quit))
      return NULL;
    run_tasks(pool, self->index);
  }
}

tern_pool *tern_pool_create(unsigned threads) {
  unsigned cpus = tern_cpu_count();
  if (threads == 0)
    threads = cpus;
  if (threads > TERN_MAX_WORKERS)
    threads = TERN_MAX_WORKERS;
  tern_pool *pool = aligned_alloc(APART, sizeof(*pool));
  if (!pool)
    return NULL;
  memset(pool, 0, sizeof(*pool));
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

/* Tasks [first, first + count), at most MOST_TASKS for each thread. */
static void run_ranges(tern_pool *pool, uint32_t first, uint32_t count) {
  unsigned up = pool->threads - 1; /* the caller, who is awake, has the most */
  atomic_store(&pool->pending.value, count);
  for (unsigned i = 0; i < pool->threads; ++i) {
    range *own = &pool->ranges[i];
    uint32_t begin = (uint32_t)(((uint64_t)count * i + up) / pool->threads);
    uint32_t end = (uint32_t)(((uint64_t)count * (i + 1) + up) / pool->threads);
    own->first = first + begin;
    /* From here on a thread may take them. */
    atomic_store(&own->tasks, end - begin);
  }
  atomic_fetch_add(&pool->job.value, 1);
  word_wake(&pool->job);
  run_tasks(pool, 0);
  word_wait(&pool->pending, 0, 0, pool->spin);
}

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
  uint32_t most = MOST_TASKS * pool->threads;
  for (uint32_t first = 0, now; first < count; first += now) {
    now = count - first < most ? count - first : most;
    run_ranges(pool, first, now);
  }
  atomic_store(&pool->busy, 0);
}

void tern_pool_destroy(tern_pool *pool) {
  if (!pool)
    return;
  atomic_store(&pool->quit, 1);
  atomic_fetch_add(&pool->job.value, 1);
  word_wake(&pool->job);
  for (unsigned i = 1; i <= pool->started; ++i)
    pthread_join(pool->workers[i].thread, NULL);
  word_destroy(&pool->job);
  word_destroy(&pool->pending);
  free(pool);
}
