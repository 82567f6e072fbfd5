/*===- output.c - files that appear whole -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The compiler's rule (AtomicFile), for programs: a file is replaced if it is a
 * regular one that is not read as well; a link stays, and its target is
 *replaced.
 */
#include "host.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(host_program *program, const char *path, const char *why) {
  return host_fail(&program->error, "%s: cannot be written: %s", path, why);
}

/* The path that `path` leads to when all links are followed, the last one also
 * to a file that does not exist yet; to be freed, NULL with errno. */
static char *follow_links(const char *path) {
  char *at = strdup(path);
  for (int links = 0; at && links < 40; ++links) {
    char target[PATH_MAX];
    ssize_t n = readlink(at, target, sizeof(target) - 1);
    if (n < 0)
      return at; /* no link; whatever else is wrong is said on opening it */
    target[n] = 0;
    const char *slash = target[0] == '/' ? NULL : strrchr(at, '/');
    size_t folder = slash ? (size_t)(slash - at) + 1 : 0;
    char *next = malloc(folder + (size_t)n + 1);
    if (next) {
      memcpy(next, at, folder);
      memcpy(next + folder, target, (size_t)n + 1);
    }
    free(at);
    at = next;
  }
  free(at);
  errno = at ? ELOOP : ENOMEM;
  return NULL;
}

static int is_same(const struct stat *a, const char *path, int descriptor) {
  struct stat b;
  int known = path ? stat(path, &b) : fstat(descriptor, &b);
  return known == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

int host_output_check(host_program *program, const char *path) {
  const host_options *o = &program->options;
  struct stat status;
  if (stat(path, &status) != 0)
    return 0; /* a folder that is missing is said on opening it */
  if (!S_ISREG(status.st_mode))
    return cannot(program, path, "it exists and is not a regular file");
  if (is_same(&status, host_self_path(), -1))
    return cannot(program, path, "it is the running program");
  const char *read[] = {
      o->weights, o->file,   o->chat_template,         o->tools,
      o->grammar, o->schema, o->kl ? o->kl_base : NULL};
  for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); ++i)
    if (read[i] && is_same(&status, read[i], -1))
      return cannot(program, path, "it is a file that is read");
  if (is_same(&status, NULL, STDIN_FILENO))
    return cannot(program, path, "it is standard input");
  return 0;
}

int host_output_open(host_program *program, const char *path,
                     host_output *out) {
  memset(out, 0, sizeof(*out));
  if (host_output_check(program, path) != 0)
    return -1;
  char *target = follow_links(path);
  size_t room = target ? strlen(target) + 48 : 0;
  char *temporary = target ? malloc(room) : NULL;
  int file = -1;
  for (int i = 0; temporary && file < 0 && i < 1000; ++i) {
    snprintf(temporary, room, "%s.tmp.%ld.%d", target, (long)getpid(), i);
    host_interrupt_removes(temporary);
    file = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0 && errno != EEXIST)
      break;
  }
  out->path = path;
  out->target = target;
  out->temporary = temporary;
  out->stream = file >= 0 ? fdopen(file, "wb") : NULL;
  if (out->stream)
    return 0;
  int cause = errno;
  host_interrupt_removes(NULL);
  if (file >= 0) {
    close(file);
    unlink(temporary);
  }
  free(target);
  free(temporary);
  return cannot(program, path, strerror(cause));
}

int host_output_commit(host_program *program, host_output *out) {
  const char *path = out->path;
  /* Some file systems report a full disk only on fsync, some have none. */
  int ok =
      !ferror(out->stream) && fflush(out->stream) == 0 &&
      (fsync(fileno(out->stream)) == 0 || errno == EINVAL || errno == EROFS);
  int cause = errno;
  if (fclose(out->stream) != 0 && ok) {
    ok = 0;
    cause = errno;
  }
  if (ok && rename(out->temporary, out->target) != 0) {
    ok = 0;
    cause = errno;
  }
  if (!ok)
    unlink(out->temporary);
  host_interrupt_removes(NULL);
  free(out->target);
  free(out->temporary);
  return ok ? 0 : cannot(program, path, strerror(cause));
}

void host_output_drop(host_output *out) {
  fclose(out->stream);
  unlink(out->temporary);
  host_interrupt_removes(NULL);
  free(out->target);
  free(out->temporary);
}
