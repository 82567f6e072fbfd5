/*===- interrupt.c - ends by Ctrl-C and other signals -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Handlers call only functions that are safe in them.
 */
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* With all that comes after it the end comes within 0.2 s. */
#define PATIENCE_MICROSECONDS 60000

atomic_int host_interruptible, host_interrupted;

static const char *program_name = "tern";
static int is_terminal; /* standard error */
static const char *_Atomic removed_path;
static const char *_Atomic last_text;
static void (*_Atomic restore_terminal)(void);

/* Never waits: behind a pipe that nobody reads there is nobody to tell. */
static void write_now(int file, const char *text, size_t bytes) {
  struct pollfd ready = {file, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
    return;
  ssize_t written = write(file, text, bytes);
  (void)written;
}

static size_t append(char *line, size_t at, size_t room, const char *text) {
  for (; *text && at < room; ++text)
    line[at++] = *text;
  return at;
}

void host_interrupt_abandon(void) {
  const char *path = removed_path;
  void (*restore)(void) = restore_terminal;
  if (restore)
    restore();
  if (path)
    unlink(path);
}

static void end(int number) {
  char line[256];
  size_t n = 0, room = sizeof(line);
  const char *text = last_text;
  host_interrupt_abandon();
  if (text)
    write_now(STDOUT_FILENO, text, strlen(text));
  /* Over a line of progress, and what the terminal shows of the key. */
  if (is_terminal)
    n = append(line, n, room, "\r\033[K");
  n = append(line, n, room - 20, program_name);
  n = append(line, n, room,
             number == SIGTERM  ? ": terminated\n"
             : number == SIGHUP ? ": hung up\n"
                                : ": interrupted\n");
  write_now(STDERR_FILENO, line, n);
  _exit(128 + number);
}

static void on_signal(int number) {
  int cause = errno;
  if (number == SIGALRM) /* it had the time to end by itself */
    end(SIGINT);
  if (number != SIGINT || host_interruptible == INTERRUPT_ENDS ||
      host_interrupted)
    end(number);
  host_interrupted = 1;
  if (host_interruptible == INTERRUPT_SOON) {
    struct itimerval timer = {{0, 0}, {0, PATIENCE_MICROSECONDS}};
    setitimer(ITIMER_REAL, &timer, NULL);
  }
  errno = cause;
}

static void catch_signal(int number) {
  struct sigaction action, before;
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_signal;
  /* All that is being written is written, unless it is time to end: the second
   * SIGINT comes through a handler that waits. */
  action.sa_flags = SA_RESTART | SA_NODEFER;
  /* nohup says that the terminal may go. */
  if (number == SIGHUP && sigaction(number, NULL, &before) == 0 &&
      before.sa_handler == SIG_IGN)
    return;
  sigaction(number, &action, NULL);
}

void host_interrupt_catch(const char *name) {
  program_name = name;
  is_terminal = isatty(STDERR_FILENO);
  catch_signal(SIGINT);
  catch_signal(SIGTERM);
  catch_signal(SIGHUP);
  catch_signal(SIGALRM);
}

void host_interrupt_over(void) {
  struct itimerval none = {{0, 0}, {0, 0}};
  host_interruptible = INTERRUPT_ENDS;
  setitimer(ITIMER_REAL, &none, NULL);
}

void host_interrupt_removes(const char *path) { removed_path = path; }

void host_interrupt_writes(const char *text) { last_text = text; }

void host_interrupt_calls(void (*restore)(void)) { restore_terminal = restore; }
