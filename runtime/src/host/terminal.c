/*===- terminal.c - reading lines from a terminal ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * While a line is typed every key comes as it is. While an answer is written
 * nothing is echoed, but Ctrl-C and Ctrl-Z are signals, as they always are.
 */
#include "terminal.h"
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { MODE_SAVED, MODE_ANSWER, MODE_EDIT };

/* One terminal for each process. Signal handlers use these. */
static struct termios saved;
static volatile sig_atomic_t is_taken, mode, was_resized, was_resumed;

static const char paste_on[] = "\x1B[?2004h", paste_off[] = "\x1B[?2004l";

/* A handler waits for nobody to read. */
static void write_all(const char *text, size_t count, int waits) {
  struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
  while (count > 0) {
    if (!waits && poll(&ready, 1, 0) != 1)
      return;
    ssize_t n = write(STDERR_FILENO, text, count);
    if (n < 0 && errno != EINTR)
      return;
    if (n > 0) {
      text += n;
      count -= (size_t)n;
    }
  }
}

static void set_mode(int wanted) {
  struct termios changed = saved;
  mode = wanted;
  if (wanted != MODE_SAVED) {
    changed.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    changed.c_cc[VMIN] = 1;
    changed.c_cc[VTIME] = 0;
  }
  if (wanted == MODE_EDIT) {
    changed.c_lflag &= ~(tcflag_t)(ISIG | IEXTEN);
    changed.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
  }
  tcsetattr(STDIN_FILENO, TCSANOW, &changed);
}

void host_terminal_restore(void) {
  int error = errno;
  if (is_taken && mode != MODE_SAVED) {
    set_mode(MODE_SAVED);
    write_all(paste_off, sizeof(paste_off) - 1, 0);
  }
  errno = error;
}

/* A line that is being typed stays to be seen. */
static void restore_below(void) {
  if (is_taken && mode == MODE_EDIT)
    write_all("\r\n", 2, 0);
  host_terminal_restore();
}

/*--- Signals ---------------------------------------------------------------*/

static void on_resize(int number) {
  (void)number;
  was_resized = 1;
}

/* Lets the signal do what it does without us. */
static void pass_on(int number) {
  struct sigaction action, ours;
  sigset_t unblocked, blocked;
  memset(&action, 0, sizeof(action));
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, &ours);
  sigemptyset(&unblocked);
  sigaddset(&unblocked, number);
  raise(number);
  sigprocmask(SIG_UNBLOCK, &unblocked, &blocked);
  /* Only a process that was stopped and goes on comes here. */
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  sigaction(number, &ours, NULL);
}

static void on_end(int number) {
  host_terminal_restore();
  pass_on(number);
}

static void take_again(int wanted) {
  write_all(paste_on, sizeof(paste_on) - 1, 0);
  set_mode(wanted);
  was_resumed = 1;
}

static void on_stop(int number) {
  int error = errno, wanted = mode;
  host_terminal_restore();
  pass_on(number);
  if (wanted != MODE_SAVED)
    take_again(wanted);
  errno = error;
}

/* After a stop that could not be seen coming. */
static void on_continue(int number) {
  int error = errno;
  (void)number;
  if (is_taken && mode != MODE_SAVED)
    take_again(mode);
  errno = error;
}

static void catch_signal(int number, void (*handler)(int)) {
  struct sigaction action, before;
  memset(&action, 0, sizeof(action));
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART; /* a write that has begun is completed */
  /* One that somebody wants ignored (nohup) stays so. */
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(number, &action, NULL);
}

static void catch_signals(void) {
  /* Others are interrupt.c's and lost.c's. */
  static const int ends[] = {SIGQUIT, SIGPIPE, SIGABRT, SIGSEGV, SIGFPE};
  for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); ++i)
    catch_signal(ends[i], on_end);
  catch_signal(SIGTSTP, on_stop);
  catch_signal(SIGCONT, on_continue);
  catch_signal(SIGWINCH, on_resize);
}

/*--- The terminal ----------------------------------------------------------*/

int host_terminal_can_edit(void) {
  const char *name = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
         !(name && strcmp(name, "dumb") == 0);
}

static void read_size(host_terminal *t, int is_new) {
  struct winsize size;
  uint32_t columns = 0, rows = 0;
  was_resized = 0;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
    columns = size.ws_col;
    rows = size.ws_row;
  }
  if (is_new || columns != t->screen.columns || rows != t->screen.rows)
    host_screen_resize(&t->screen, &t->editor, columns, rows);
}

int host_terminal_open(host_terminal *t, int color) {
  static int is_registered;
  memset(t, 0, sizeof(*t));
  t->screen.color = color;
  if (tcgetattr(STDIN_FILENO, &saved) != 0)
    return -1;
  is_taken = 1;
  if (!is_registered)
    atexit(host_terminal_restore);
  is_registered = 1;
  catch_signals();
  host_interrupt_calls(restore_below);
  write_all(paste_on, sizeof(paste_on) - 1, 0);
  set_mode(MODE_ANSWER);
  return 0;
}

void host_terminal_close(host_terminal *t) {
  host_interrupt_calls(NULL);
  host_terminal_restore();
  is_taken = 0;
  host_editor_close(&t->editor);
}

/* All at once, so that nothing is seen half drawn. */
static void send(host_bytes *out) {
  write_all(out->at, out->count, 1);
  out->count = 0;
}

static int has_more(const host_terminal *t) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  return t->typed_at < t->typed_count || poll(&input, 1, 0) > 0;
}

/* Bytes to t->typed; 0 at the end of the input. */
static int read_keys(host_terminal *t, host_bytes *out) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  while (t->typed_at == t->typed_count) {
    if (was_resumed) { /* whatever was drawn is above */
      was_resumed = 0;
      read_size(t, 1);
      host_screen_begin(&t->screen);
      host_screen_draw(&t->screen, &t->editor, out);
    } else if (was_resized) {
      read_size(t, 0);
      host_screen_draw(&t->screen, &t->editor, out);
    }
    send(out);
    /* Signals end this wait, where a read would go on. */
    if (poll(&input, 1, -1) < 0)
      continue;
    ssize_t n = read(STDIN_FILENO, t->typed, sizeof(t->typed));
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
      return 0;
    t->typed_at = 0;
    t->typed_count = n > 0 ? (size_t)n : 0;
  }
  return 1;
}

/* One key. Drawing waits until those that are there already were looked at. */
static host_edit take_key(host_terminal *t, host_bytes *out) {
  const char *text;
  size_t taken, count;
  host_key key =
      host_keys_next(&t->keys, t->typed + t->typed_at,
                     t->typed_count - t->typed_at, &taken, &text, &count);
  t->typed_at += taken;
  host_edit edit = host_editor_do(&t->editor, key, text, count);
  if (edit == EDIT_CLEARED) {
    host_bytes_append(out, "\x1B[H\x1B[2J", 7);
    host_screen_begin(&t->screen);
  }
  if (edit == EDIT_SUSPENDED) {
    host_screen_leave(&t->screen, &t->editor, "", out);
    send(out);
    raise(SIGTSTP);
    was_resumed = 1;
  }
  if (edit == EDIT_ON && has_more(t))
    return edit;
  if (edit == EDIT_ON || edit == EDIT_CLEARED)
    host_screen_draw(&t->screen, &t->editor, out);
  return edit;
}

host_line host_terminal_read(host_terminal *t) {
  host_bytes out = {0};
  host_line result = LINE_ENDED;
  host_editor_next(&t->editor);
  was_resumed = 0;
  read_size(t, 1);
  host_screen_begin(&t->screen);
  set_mode(MODE_EDIT);
  host_screen_draw(&t->screen, &t->editor, &out);
  for (;;) {
    if (!read_keys(t, &out))
      break;
    host_edit edit = take_key(t, &out);
    if (edit == EDIT_ENDED)
      break;
    if (edit == EDIT_INTERRUPTED && t->editor.text.count > 0) {
      host_screen_leave(&t->screen, &t->editor, "^C", &out);
      t->editor.text.count = t->editor.cursor = 0;
      t->editor.was_edited = 1;
      t->editor.history_at = t->editor.history_count;
      host_screen_draw(&t->screen, &t->editor, &out);
      continue;
    }
    if (edit == EDIT_DONE || edit == EDIT_INTERRUPTED || edit == EDIT_FAILED ||
        out.failed) {
      result = edit == EDIT_DONE          ? LINE_READ
               : edit == EDIT_INTERRUPTED ? LINE_INTERRUPTED
                                          : LINE_FAILED;
      host_screen_leave(&t->screen, &t->editor, "", &out);
      break;
    }
  }
  send(&out);
  free(out.at);
  set_mode(MODE_ANSWER);
  return result;
}
