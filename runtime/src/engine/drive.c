/*===- drive.c - a thread that steps ----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

int engine_has_work(const tern_engine *engine) {
  return engine->waiting || engine->running_count;
}

static struct timespec in_milliseconds(int64_t milliseconds) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  if (milliseconds > 0) {
    until.tv_sec += (time_t)(milliseconds / 1000);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
  }
  return until;
}

/* Under `queue`: 0, or a failure when the time is over. */
static int sleep_for(tern_engine *engine, pthread_cond_t *news,
                     int64_t milliseconds, const struct timespec *until) {
  return milliseconds < 0 ? pthread_cond_wait(news, &engine->queue)
                          : pthread_cond_timedwait(news, &engine->queue, until);
}

int tern_engine_wait(tern_engine *engine, int64_t milliseconds) {
  struct timespec until = in_milliseconds(milliseconds);
  int failure = 0;
  pthread_mutex_lock(&engine->queue);
  while (!engine_has_work(engine) && failure == 0)
    failure = sleep_for(engine, &engine->arrived, milliseconds, &until);
  int result = engine_has_work(engine);
  pthread_mutex_unlock(&engine->queue);
  return result;
}

/* 0 when the thread is to end. */
static int wait_for_work(tern_engine *engine) {
  pthread_mutex_lock(&engine->queue);
  while (!engine_has_work(engine) && !engine->quits)
    pthread_cond_wait(&engine->arrived, &engine->queue);
  int result = !engine->quits;
  pthread_mutex_unlock(&engine->queue);
  return result;
}

static void *drive(void *data) {
  tern_engine *engine = data;
  while (wait_for_work(engine))
    tern_engine_step(engine);
  return NULL;
}

int tern_engine_start(tern_engine *engine) {
  sigset_t all, before;
  int cause = 0, result = engine_check_process(engine);
  if (result != 0)
    return result;
  pthread_mutex_lock(&engine->queue);
  if (engine->has_driver) {
    result = engine_fail(TERN_ENGINE_INVALID, "the engine is started already");
  } else {
    engine->is_draining = engine->quits = 0;
    /* Signals are the caller's; but for a page that cannot be read. */
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cause = pthread_create(&engine->driver, NULL, drive, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    engine->has_driver = cause == 0;
  }
  pthread_mutex_unlock(&engine->queue);
  return cause ? engine_fail(TERN_ENGINE_FAILED, "cannot start a thread: %s",
                             strerror(cause))
               : result;
}

void tern_engine_drain(tern_engine *engine) {
  pthread_mutex_lock(&engine->queue);
  engine->is_draining = 1;
  pthread_mutex_unlock(&engine->queue);
}

void engine_cancel_all(tern_engine *engine) {
  for (engine_request *r = engine->waiting; r; r = r->next)
    atomic_store(&r->is_cancelled, 1);
  for (uint32_t i = 0; i < engine->running_count; ++i)
    atomic_store(&engine->running[i]->is_cancelled, 1);
}

/* Under `queue`: the thread ends; whoever else stops it waits for that. */
static void end_driver(tern_engine *engine) {
  if (!engine->quits) {
    engine->quits = 1;
    pthread_cond_broadcast(&engine->arrived);
    pthread_mutex_unlock(&engine->queue);
    pthread_join(engine->driver, NULL);
    pthread_mutex_lock(&engine->queue);
    engine->has_driver = 0;
    pthread_cond_broadcast(&engine->idle);
  }
  while (engine->has_driver && engine->quits)
    pthread_cond_wait(&engine->idle, &engine->queue);
}

int tern_engine_stop(tern_engine *engine, int64_t milliseconds) {
  struct timespec until = in_milliseconds(milliseconds);
  int failure = engine_check_process(engine);
  if (failure != 0)
    return failure;
  pthread_mutex_lock(&engine->queue);
  if (!engine->has_driver || pthread_equal(engine->driver, pthread_self())) {
    pthread_mutex_unlock(&engine->queue);
    return engine_fail(TERN_ENGINE_INVALID,
                       "the engine is not started, or this is a callback");
  }
  engine->is_draining = 1;
  while (engine_has_work(engine) && failure == 0)
    failure = sleep_for(engine, &engine->idle, milliseconds, &until);
  engine_cancel_all(engine);
  while (engine_has_work(engine))
    pthread_cond_wait(&engine->idle, &engine->queue);
  end_driver(engine);
  pthread_mutex_unlock(&engine->queue);
  return 0;
}
