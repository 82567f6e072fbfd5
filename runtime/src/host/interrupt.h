/*===- interrupt.h - ends by Ctrl-C and other signals -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_INTERRUPT_H
#define TERN_SRC_HOST_INTERRUPT_H

#include <stdatomic.h>

/* Effects of SIGINT. SIGTERM and SIGHUP always end the process at once, and so
 * does a second SIGINT. */
enum {
  INTERRUPT_ENDS = 0,  /* the process ends at once */
  INTERRUPT_NOTED = 1, /* host_interrupted is set, no more */
  INTERRUPT_SOON = 2   /* it is set, and if the process has not ended by itself
                          after a moment it is ended */
};
extern atomic_int host_interruptible; /* one of these */
extern atomic_int host_interrupted;

/* From here on signals end the process with one line on standard error, which
 * begins with `name`, and status 128 + the signal's number. `name` stays. */
void host_interrupt_catch(const char *name);
/* The process ends by itself now: no signal is waited for any more. */
void host_interrupt_over(void);

/* More to be done when a signal ends the process; NULL takes it back. All stay
 * the caller's. */
void host_interrupt_removes(const char *path);
void host_interrupt_writes(const char *text);     /* to standard output */
void host_interrupt_calls(void (*restore)(void)); /* before all else */
/* Restores and removes now, for other handlers that end the process. */
void host_interrupt_abandon(void);

#endif /* TERN_SRC_HOST_INTERRUPT_H */
