/*===- turns.h - a lock that is given in the order of asking
 *-----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_ENGINE_TURNS_H
#define TERN_SRC_ENGINE_TURNS_H

#include <pthread.h>
#include <stdint.h>

/* The thread that has it may take it again, and gives it back as often. */
typedef struct engine_turns {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  uint64_t next, now; /* numbers of those who ask; whose turn it is */
  pthread_t owner;    /* where depth is not 0 */
  unsigned depth;
} engine_turns;

int engine_turns_open(engine_turns *turns);
void engine_turns_close(engine_turns *turns);
void engine_turns_take(engine_turns *turns);
void engine_turns_give(engine_turns *turns);

#endif /* TERN_SRC_ENGINE_TURNS_H */
