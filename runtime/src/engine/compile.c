/*===- compile.c - checkpoints, by the compiler -----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The compiler is a process of its own, so that nothing of it is linked here
 * and nothing of it stays. `tern cache add --steps` compiles into the cache of
 * `tern run`, unless the program is there, and says on its lines how far it is.
 */
#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Flags of the compiler that a caller may give. */
#define MOST_FLAGS 256u

typedef struct compilation {
  tern_engine *engine;
  char *program;   /* its path, when it is known */
  char error[512]; /* the last that the compiler said against it */
  int is_given_up;
} compilation;

/*--- Which compiler --------------------------------------------------------*/

/* bin/tern of the place that this library is installed in: beside lib, or
 * beside the lib that a folder of the machine is in. */
static int find_beside(char *path, size_t room) {
  static const char here;
  Dl_info info;
  char *file = dladdr(&here, &info) ? realpath(info.dli_fname, NULL) : NULL;
  int found = 0;
  for (int up = 0; file && up < 3 && !found; ++up) {
    char *slash = strrchr(file, '/');
    if (!slash)
      break;
    *slash = 0;
    int n = snprintf(path, room, "%s/bin/tern", file);
    found = n > 0 && (size_t)n < room && access(path, X_OK) == 0;
  }
  free(file);
  return found;
}

/*--- What it says ----------------------------------------------------------*/

static int starts(const char *line, const char *with, const char **rest) {
  size_t length = strlen(with);
  *rest = line + length;
  return strncmp(line, with, length) == 0;
}

/* A line without its end. */
static void take_line(compilation *c, const char *line) {
  unsigned long long done, total;
  const char *rest;
  if (starts(line, "program ", &rest)) {
    free(c->program);
    c->program = strdup(rest);
  } else if (starts(line, "step ", &rest)) {
    c->is_given_up |=
        engine_progress(c->engine, TERN_STAGE_COMPILE, rest, 0, 0) != 0;
  } else if (sscanf(line, "weights %llu %llu", &done, &total) == 2) {
    c->is_given_up |= engine_progress(c->engine, TERN_STAGE_COMPILE, "weights",
                                      done, total) != 0;
  } else if (starts(line, "tern: error: ", &rest)) {
    snprintf(c->error, sizeof(c->error), "%s", rest);
  }
}

/* Reads to the end of the output, or until the caller has had enough. A line
 * that is longer than the buffer is cut. */
static void read_lines(compilation *c, int from) {
  char buffer[8192];
  size_t used = 0;
  while (!c->is_given_up) {
    ssize_t now = read(from, buffer + used, sizeof(buffer) - 1 - used);
    if (now < 0 && errno == EINTR)
      continue;
    if (now <= 0)
      return;
    used += (size_t)now;
    char *begin = buffer, *end;
    while ((end = memchr(begin, '\n', used - (size_t)(begin - buffer)))) {
      *end = 0;
      take_line(c, begin);
      begin = end + 1;
    }
    used -= (size_t)(begin - buffer);
    memmove(buffer, begin, used);
    if (used == sizeof(buffer) - 1)
      used = 0;
  }
}

/*--- The process -----------------------------------------------------------*/

/* Its lines, errors among them, go to `output`. */
static int spawn(const char *compiler, char *const *arguments, int output,
                 pid_t *child) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_adddup2(&files, output, 2);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int cause =
      posix_spawnp(child, compiler, &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return cause;
}

static int run(compilation *c, const char *compiler, char *const *arguments) {
  int ends[2];
  pid_t child;
  if (pipe2(ends, O_CLOEXEC) != 0)
    return errno;
  int cause = spawn(compiler, arguments, ends[1], &child);
  close(ends[1]);
  if (cause == 0) {
    read_lines(c, ends[0]);
    if (c->is_given_up)
      kill(child, SIGTERM);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  close(ends[0]);
  return cause;
}

static int report(const compilation *c, const char *compiler, int cause) {
  const char *path = c->engine->file;
  if (cause == ENOENT)
    return engine_fail(
        TERN_ENGINE_FAILED,
        "%s is a checkpoint, which has to be compiled, but there "
        "is no compiler %s; install tern, or compile it "
        "elsewhere: tern compile MODEL -o NAME.so",
        path, compiler);
  if (cause)
    return engine_fail(TERN_ENGINE_FAILED, "cannot run the compiler %s: %s",
                       compiler, strerror(cause));
  if (c->is_given_up)
    return engine_fail(TERN_ENGINE_FAILED, "compiling %s was given up", path);
  return engine_fail(TERN_ENGINE_FAILED, "%s",
                     c->error[0] ? c->error : "the compiler ended early");
}

int engine_compile(tern_engine *engine) {
  const tern_engine_options *o = &engine->options;
  char beside[4096];
  const char *compiler = engine->compiler ? engine->compiler
                         : find_beside(beside, sizeof(beside)) ? beside
                                                               : "tern";
  const char *arguments[MOST_FLAGS + 8] = {"tern", "cache", "add", "--steps"};
  size_t n = 4;
  if (o->compile_flag_count > MOST_FLAGS)
    return engine_fail(TERN_ENGINE_INVALID,
                       "there are %zu flags for the compiler, expected at most "
                       "%u",
                       o->compile_flag_count, MOST_FLAGS);
  for (size_t i = 0; i < o->compile_flag_count; ++i)
    arguments[n++] = o->compile_flags[i];
  arguments[n++] = "--";
  arguments[n++] = engine->file;
  compilation c = {engine, NULL, "", 0};
  int cause = run(&c, compiler, (char *const *)(uintptr_t)arguments);
  if (!c.program || c.is_given_up) {
    free(c.program);
    return report(&c, compiler, cause);
  }
  free(engine->file);
  engine->file = c.program;
  return 0;
}
