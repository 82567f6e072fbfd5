/*===- code.c - where a model's code is -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A path is told by its content, never by its name: a library, weights that
 * have one beside them, a program, or a checkpoint, which is compiled to one.
 */
#include "engine.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum kind { UNKNOWN, CHECKPOINT, WEIGHTS, PROGRAM, LIBRARY } kind;

/* Of an open file by its first bytes. */
static kind identify_file(int file) {
  char magic[8] = {0};
  uint64_t offset, bytes;
  ssize_t count = pread(file, magic, sizeof(magic), 0);
  if (count >= 4 && memcmp(magic, "GGUF", 4) == 0)
    return CHECKPOINT;
  if (count == 8 && memcmp(magic, TERN_ARTIFACT_MAGIC, 8) == 0)
    return WEIGHTS;
  if (count < 4 || memcmp(magic, ELFMAG, SELFMAG) != 0)
    return UNKNOWN;
  return tern_program_artifact(file, &offset, &bytes) == 0 ? PROGRAM : LIBRARY;
}

static int identify(const char *path, kind *found) {
  struct stat status;
  /* Without O_NONBLOCK a pipe would be waited for. */
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0 || fstat(file, &status) != 0) {
    int cause = errno;
    if (file >= 0)
      close(file);
    return engine_fail(TERN_ENGINE_FAILED, "cannot open %s: %s", path,
                       strerror(cause));
  }
  *found = S_ISDIR(status.st_mode)   ? CHECKPOINT
           : S_ISREG(status.st_mode) ? identify_file(file)
                                     : UNKNOWN;
  close(file);
  if (*found != UNKNOWN)
    return 0;
  return engine_fail(TERN_ENGINE_INVALID,
                     "%s is no model: an engine opens libraries and programs "
                     "that tern compile makes, and checkpoints",
                     path);
}

/* `path` with another ending of its last name. */
static char *with_suffix(const char *path, const char *suffix) {
  const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
  const char *name = slash ? slash + 1 : path;
  size_t bytes = dot && dot > name ? (size_t)(dot - path) : strlen(path);
  size_t more = strlen(suffix) + 1;
  char *result = malloc(bytes + more);
  if (!result) {
    engine_fail(TERN_ENGINE_FAILED, "out of memory");
    return NULL;
  }
  memcpy(result, path, bytes);
  memcpy(result + bytes, suffix, more);
  return result;
}

/*--- The models of a library -----------------------------------------------*/

/* Behind `prefix`, as the compiler makes a symbol of a file's name. */
static void name_symbol(const tern_engine *engine, const char *prefix,
                        char *symbol, size_t room) {
  const char *path = engine->file, *slash = strrchr(path, '/');
  const char *name = engine->name ? engine->name : slash ? slash + 1 : path;
  const char *dot = engine->name ? NULL : strrchr(name, '.');
  size_t bytes = dot && dot > name ? (size_t)(dot - name) : strlen(name);
  int n = snprintf(symbol, room, "%s", prefix);
  for (size_t i = 0; i < bytes && (size_t)n + 1 < room; ++i)
    symbol[n++] = isalnum((unsigned char)name[i]) ? name[i] : '_';
  symbol[n] = 0;
}

/* The library's strings, among which are the names of what it exports. */
static const char *strings_of(void *library, size_t *bytes) {
  struct link_map *map;
  const char *at = NULL;
  *bytes = 0;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0)
    return NULL;
  for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; ++d) {
    /* Some loaders have added the base to it, others not. */
    if (d->d_tag == DT_STRTAB)
      at = (const char *)(d->d_un.d_ptr < map->l_addr
                              ? map->l_addr + d->d_un.d_ptr
                              : d->d_un.d_ptr);
    if (d->d_tag == DT_STRSZ)
      *bytes = d->d_un.d_val;
  }
  return at;
}

/* The only thing exported whose name begins so; *count says how many there
 * are. */
static const void *only_symbol(void *library, const char *prefix,
                               size_t *count) {
  size_t bytes, length = strlen(prefix);
  const char *at = strings_of(library, &bytes);
  const char *end = at ? at + bytes : NULL;
  const void *found = NULL;
  *count = 0;
  while (at < end && memchr(at, 0, (size_t)(end - at))) {
    const void *symbol =
        strncmp(at, prefix, length) == 0 ? dlsym(library, at) : NULL;
    *count += symbol != NULL;
    found = symbol ? symbol : found;
    at += strlen(at) + 1;
  }
  return *count == 1 ? found : NULL;
}

/* The versions that a library has for different CPUs, and NULL, or a model
 * alone, whose address is put at only[0]. */
static const tern_model *const *find_in_library(tern_engine *engine) {
  static const char *const prefixes[] = {"tern_models_", "tern_model_"};
  void *library = engine->library;
  char symbol[256];
  size_t count = 0;
  for (size_t i = 0; i < 2; ++i) {
    name_symbol(engine, prefixes[i], symbol, sizeof(symbol));
    const void *found = dlsym(library, symbol);
    /* It has another name now than when it was made. */
    if (!found && !engine->name)
      found = only_symbol(library, prefixes[i], &count);
    if (found && i == 0)
      return found;
    engine->only[0] = found;
    if (found)
      return engine->only;
    if (count > 1)
      break;
  }
  engine_fail(TERN_ENGINE_INVALID,
              "%s has %s; options.model_name is the name that the model was "
              "compiled as",
              engine->file,
              count > 1      ? "several models"
              : engine->name ? "no model of that name"
                             : "no model that tern compile made");
  return NULL;
}

static int open_library(tern_engine *engine) {
  /* Without a slash it would be looked for in the folders of the system. */
  char *path = realpath(engine->file, NULL);
  engine->library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  free(path);
  if (!engine->library)
    return engine_fail(TERN_ENGINE_FAILED, "cannot open %s: %s", engine->file,
                       path ? dlerror() : strerror(errno));
  return 0;
}

/* Beside the library, with its name or, as the compiler writes them, that of
 * the model, where a file's name is none of C's. */
static int find_weights(tern_engine *engine, const tern_model *model) {
  const char *slash = strrchr(engine->file, '/');
  int folder = slash ? (int)(slash + 1 - engine->file) : 0;
  char named[4096];
  if (engine->weights)
    return 0;
  engine->weights = with_suffix(engine->file, ".weights");
  if (!engine->weights)
    return TERN_ENGINE_FAILED;
  if (access(engine->weights, F_OK) == 0 ||
      snprintf(named, sizeof(named), "%.*s%s.weights", folder, engine->file,
               model->name) >= (int)sizeof(named) ||
      access(named, F_OK) != 0)
    return 0;
  free(engine->weights);
  engine->weights = strdup(named);
  return engine->weights ? 0 : engine_fail(TERN_ENGINE_FAILED, "out of memory");
}

/*--- Which it is -----------------------------------------------------------*/

/* bard.so beside bard.weights. */
static int find_library(tern_engine *engine) {
  char *library = with_suffix(engine->file, ".so");
  if (!library)
    return TERN_ENGINE_FAILED;
  if (access(library, R_OK) != 0) {
    int result = engine_fail(TERN_ENGINE_INVALID,
                             "%s holds weights alone, and there is no %s with "
                             "their code; tern compile MODEL -o NAME.so makes "
                             "both",
                             engine->file, library);
    free(library);
    return result;
  }
  if (!engine->weights)
    engine->weights = engine->file;
  else
    free(engine->file);
  engine->file = library;
  return 0;
}

/* Versions of the program, which `tern_models` of main.c are. */
static int find_in_program(tern_engine *engine,
                           const tern_model *const **models, unsigned *count) {
  if (engine_open_program(engine) != 0)
    return TERN_ENGINE_FAILED;
  *models = dlsym(engine->library, "tern_models");
  const unsigned *number = dlsym(engine->library, "tern_model_count");
  if (!*models || !number || *number == 0)
    return engine_fail(TERN_ENGINE_INVALID,
                       "%s keeps its models to itself, as programs of an "
                       "earlier tern do; compile it again",
                       engine->file);
  *count = *number;
  if (!engine->weights && !(engine->weights = strdup(engine->file)))
    return engine_fail(TERN_ENGINE_FAILED, "out of memory");
  return 0;
}

static int find_models(tern_engine *engine, const tern_model *const **models,
                       unsigned *count) {
  kind found;
  engine->unload = dlclose;
  if (identify(engine->file, &found) != 0)
    return -1;
  if (found == CHECKPOINT &&
      (engine_compile(engine) != 0 || identify(engine->file, &found) != 0))
    return -1;
  if (found == PROGRAM)
    return find_in_program(engine, models, count);
  if ((found == WEIGHTS && find_library(engine) != 0) ||
      open_library(engine) != 0 || !(*models = find_in_library(engine)) ||
      find_weights(engine, **models) != 0)
    return -1;
  for (*count = 0; (*models)[*count];)
    ++*count;
  return 0;
}

tern_engine *tern_engine_open(const char *path,
                              const tern_engine_options *options) {
  engine_source source = {.path = path, .find = find_models};
  if (path)
    return engine_open(&source, options);
  engine_fail(TERN_ENGINE_INVALID, "the path of the model is NULL");
  return NULL;
}
