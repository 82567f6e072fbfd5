/*===- lost.c - mapped files that become shorter ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Pages behind the end of a mapped file cannot be read: the kernel sends
 *SIGBUS, to whichever thread tries.
 */
#include "host.h"
#include "interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const host_program *reader;

static void write_text(const char *text) {
  /* Nothing is left to be done about a failure. */
  if (write(STDERR_FILENO, text, strlen(text)) < 0)
    return;
}

static void on_lost_page(int number, siginfo_t *info, void *context) {
  (void)context;
  const tern_artifact *artifact = &reader->artifact;
  uintptr_t at = (uintptr_t)info->si_addr;
  uintptr_t from = (uintptr_t)artifact->mapping;
  if (artifact->mapping &&
      (at < from || at - from >= artifact->mapping_bytes)) {
    host_interrupt_abandon();
    signal(number, SIG_DFL); /* a fault of another kind: it comes again */
    return;
  }
  const char *weights = reader->options.weights;
  write_text(reader->name);
  write_text(": error: ");
  write_text(weights ? weights : reader->name);
  write_text(": became shorter while it was read, or its disk failed\n");
  host_interrupt_abandon();
  _exit(EXIT_FAILED);
}

void host_catch_lost_file(const host_program *program) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO;
  reader = program;
  sigaction(SIGBUS, &action, NULL);
}
