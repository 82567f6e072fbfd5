/*===- watch.c - files of a model that change
 *--------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Weights are mapped: a file that another one replaces lives on as long as it
 * is mapped, but one that is cut has pages that nobody can read any more.
 */
#include "../host/host.h"
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void engine_watch(tern_engine *engine) {
  const char *path = engine->weights ? engine->weights : host_self_path();
  engine_watched *w = &engine->watched;
  w->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (w->file >= 0 && fstat(w->file, &w->status) != 0) {
    close(w->file);
    w->file = -1;
  }
}

void engine_unwatch(tern_engine *engine) {
  if (engine->watched.file >= 0)
    close(engine->watched.file);
}

static int is_same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int engine_is_cut(const tern_engine *engine) {
  const engine_watched *w = &engine->watched;
  struct stat now;
  return w->file >= 0 && fstat(w->file, &now) == 0 &&
         now.st_size < w->status.st_size;
}

int tern_engine_check(tern_engine *engine) {
  const engine_watched *w = &engine->watched;
  const char *path = engine->weights;
  struct stat now;
  if (w->file < 0 || !path)
    return 0;
  if (stat(path, &now) != 0)
    return engine_fail(TERN_ENGINE_FAILED,
                       "%s is not there any more (%s); what was opened is used "
                       "on",
                       path, strerror(errno));
  if (now.st_dev != w->status.st_dev || now.st_ino != w->status.st_ino)
    return engine_fail(TERN_ENGINE_FAILED,
                       "%s was replaced by another file; what was opened is "
                       "used on",
                       path);
  if (now.st_size == w->status.st_size &&
      is_same_time(now.st_mtim, w->status.st_mtim))
    return 0;
  return engine_fail(TERN_ENGINE_FAILED,
                     "%s was written to while it is used; open it again", path);
}
