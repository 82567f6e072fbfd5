/*===- files.c - files and memory, with sentences for failures --------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu_weak.h"
#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int host_fail(tern_error *error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof(error->text), format, arguments);
  va_end(arguments);
  return -1;
}

int host_status(host_program *program, tern_status status, const char *doing) {
  if (status == TERN_OK)
    return 0;
  if (status == TERN_DEVICE_FAILED && program->gpu)
    return host_fail(&program->error, "%s: %.400s", doing,
                     tern_gpu_failure(program->gpu));
  return host_fail(&program->error, "%s: %s", doing, tern_status_text(status));
}

int64_t host_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void *host_allocate(host_program *program, uint64_t a, uint64_t b, uint64_t c) {
  void *memory = NULL;
  if ((b == 0 || a <= UINT64_MAX / b) && (c == 0 || a * b <= UINT64_MAX / c) &&
      a * b * c < SIZE_MAX)
    memory = malloc((size_t)(a * b * c) + 1); /* never malloc(0) */
  if (!memory)
    host_fail(&program->error, HOST_NO_MEMORY);
  return memory;
}

int host_text_append(host_program *program, host_text *text, const char *from,
                     size_t bytes) {
  if (bytes > text->room - text->bytes) {
    size_t room = 2 * (text->bytes + bytes) + 64;
    char *larger = bytes < SIZE_MAX / 4 && text->bytes < SIZE_MAX / 4
                       ? realloc(text->at, room)
                       : NULL;
    if (!larger)
      return host_fail(&program->error, HOST_NO_MEMORY);
    text->at = larger;
    text->room = room;
  }
  if (bytes)
    memcpy(text->at + text->bytes, from, bytes);
  text->bytes += bytes;
  return 0;
}

/* Reads to the end; the size of a pipe is not known before. */
static int read_all(host_program *program, FILE *in, const char *name,
                    char **text, size_t *bytes) {
  size_t room = 1 << 16, used = 0;
  char *buffer = malloc(room);
  while (buffer) {
    used += fread(buffer + used, 1, room - used, in);
    if (used < room)
      break;
    char *larger = room <= SIZE_MAX / 2 ? realloc(buffer, room * 2) : NULL;
    if (!larger)
      free(buffer);
    buffer = larger;
    room *= 2;
  }
  if (!buffer)
    return host_fail(&program->error, "%s: too large for this machine's memory",
                     name);
  if (ferror(in)) {
    free(buffer);
    return host_fail(&program->error, "%s: %s", name, strerror(errno));
  }
  *text = buffer;
  *bytes = used;
  return 0;
}

int host_read_file(host_program *program, const char *path, char **text,
                   size_t *bytes) {
  if (strcmp(path, "-") == 0)
    return read_all(program, stdin, "standard input", text, bytes);
  FILE *in = fopen(path, "rb");
  if (!in)
    return host_fail(&program->error, "%s: %s", path, strerror(errno));
  int result = read_all(program, in, path, text, bytes);
  fclose(in);
  return result;
}

/* NumPy's format 1.0: a dictionary, filled up so that data starts at 64. */
static void write_npy(FILE *out, const float *values, const uint64_t *shape,
                      unsigned rank) {
  static const unsigned char magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  char header[118 + 1];
  int n = snprintf(header, sizeof(header),
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  uint64_t count = 1;
  for (unsigned i = 0; i < rank; ++i) {
    n += snprintf(header + n, sizeof(header) - (size_t)n, "%llu,%s",
                  (unsigned long long)shape[i], i + 1 < rank ? " " : "");
    count *= shape[i];
  }
  n += snprintf(header + n, sizeof(header) - (size_t)n, "), }");
  memset(header + n, ' ', sizeof(header) - (size_t)n);
  header[117] = '\n';
  const unsigned char length[2] = {118, 0};
  fwrite(magic, 1, 8, out);
  fwrite(length, 1, 2, out);
  fwrite(header, 1, 118, out);
  fwrite(values, sizeof(float), count, out);
}

int host_write_npy(host_program *program, const char *path, const float *values,
                   const uint64_t *shape, unsigned rank) {
  host_output out;
  if (host_output_open(program, path, &out) != 0)
    return -1;
  write_npy(out.stream, values, shape, rank);
  return host_output_commit(program, &out);
}
