/*===- turns.c - a lock that is given in the order of asking
 *-----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Who steps without a pause would have a mutex again before another thread is
 * awake.
 */
#include "turns.h"

int engine_turns_open(engine_turns *turns) {
  turns->next = turns->now = 0;
  turns->depth = 0;
  if (pthread_mutex_init(&turns->mutex, NULL) != 0)
    return -1;
  if (pthread_cond_init(&turns->changed, NULL) == 0)
    return 0;
  pthread_mutex_destroy(&turns->mutex);
  return -1;
}

void engine_turns_close(engine_turns *turns) {
  pthread_cond_destroy(&turns->changed);
  pthread_mutex_destroy(&turns->mutex);
}

void engine_turns_take(engine_turns *turns) {
  pthread_mutex_lock(&turns->mutex);
  if (turns->depth == 0 || !pthread_equal(turns->owner, pthread_self())) {
    uint64_t own = turns->next++;
    while (turns->now != own)
      pthread_cond_wait(&turns->changed, &turns->mutex);
    turns->owner = pthread_self();
  }
  ++turns->depth;
  pthread_mutex_unlock(&turns->mutex);
}

void engine_turns_give(engine_turns *turns) {
  pthread_mutex_lock(&turns->mutex);
  if (--turns->depth == 0) {
    ++turns->now;
    pthread_cond_broadcast(&turns->changed);
  }
  pthread_mutex_unlock(&turns->mutex);
}
