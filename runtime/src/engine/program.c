/*===- program.c - the code of a program, as a library
 *-----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A program that is position independent differs from a library by a flag, for
 * which the loader refuses it: whoever opens it must not run its main, nor code
 * of its own that counts on thread-local variables of the main program. A model
 * is neither. So the loadable parts are copied into memory, without the flag
 * and without the weights, which are mapped from the file.
 */
#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* More than any program has, less than harms. */
#define MOST_SEGMENTS 64u
#define MOST_BYTES ((uint64_t)1 << 31)

typedef struct program {
  const char *path;
  int file, copy;
  uint64_t bytes; /* of the file */
  ElfW(Ehdr) header;
  ElfW(Phdr) segments[MOST_SEGMENTS];
} program;

static int fail_damaged(const program *p) {
  return engine_fail(TERN_ENGINE_INVALID, "%s: its program headers are damaged",
                     p->path);
}

static int read_all(const program *p, void *to, size_t bytes, uint64_t offset) {
  uint8_t *at = to;
  while (bytes) {
    ssize_t now = pread(p->file, at, bytes, (off_t)offset);
    if (now < 0 && errno == EINTR)
      continue;
    if (now <= 0)
      return fail_damaged(p);
    at += now;
    offset += (uint64_t)now;
    bytes -= (size_t)now;
  }
  return 0;
}

static int write_all(const program *p, const void *from, size_t bytes,
                     uint64_t offset) {
  const uint8_t *at = from;
  while (bytes) {
    ssize_t now = pwrite(p->copy, at, bytes, (off_t)offset);
    if (now < 0 && errno == EINTR)
      continue;
    if (now <= 0)
      return engine_fail(TERN_ENGINE_FAILED, "no memory for the code of %s: %s",
                         p->path, strerror(errno));
    at += now;
    offset += (uint64_t)now;
    bytes -= (size_t)now;
  }
  return 0;
}

/* The header that this library, or the program it is part of, begins with. */
static const ElfW(Ehdr) * own_header(void) {
  static const char here;
  Dl_info info;
  if (dladdr(&here, &info) == 0 || !info.dli_fbase ||
      memcmp(info.dli_fbase, ELFMAG, SELFMAG) != 0)
    return NULL;
  return info.dli_fbase;
}

/* Whose code it is, before the loader sees it: its sentences are poor. */
static int check_header(const program *p) {
  const ElfW(Ehdr) *h = &p->header, *own = own_header();
  if (own && (h->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
              h->e_ident[EI_DATA] != own->e_ident[EI_DATA] ||
              h->e_machine != own->e_machine))
    return engine_fail(TERN_ENGINE_INVALID,
                       "%s was compiled for another machine than this one",
                       p->path);
  if (h->e_phentsize != sizeof(ElfW(Phdr)) || h->e_phnum == 0 ||
      h->e_phnum > MOST_SEGMENTS || h->e_phoff > p->bytes ||
      h->e_phnum * sizeof(ElfW(Phdr)) > p->bytes - h->e_phoff)
    return fail_damaged(p);
  return 0;
}

/* The segments lie within the file, and are what the loader can use. */
static int check_segments(const program *p) {
  int has_interpreter = 0, has_table = 0;
  uint64_t loaded = 0;
  for (unsigned i = 0; i < p->header.e_phnum; ++i) {
    const ElfW(Phdr) *s = &p->segments[i];
    has_interpreter |= s->p_type == PT_INTERP;
    has_table |= s->p_type == PT_DYNAMIC;
    if (s->p_type != PT_LOAD && s->p_type != PT_DYNAMIC)
      continue;
    if (s->p_offset > p->bytes || s->p_filesz > p->bytes - s->p_offset ||
        (loaded += s->p_filesz) > MOST_BYTES)
      return fail_damaged(p);
  }
  if (p->header.e_type == ET_DYN && has_interpreter && has_table)
    return 0;
  return engine_fail(TERN_ENGINE_INVALID,
                     "%s is linked statically, so its code cannot be part of "
                     "another process; compile it without --static, or to a "
                     "library: -o NAME.so",
                     p->path);
}

static int copy_segment(const program *p, const ElfW(Phdr) * segment) {
  uint8_t buffer[1 << 14];
  uint64_t left = segment->p_filesz, at = segment->p_offset;
  for (size_t now; left; left -= now, at += now) {
    now = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
    if (read_all(p, buffer, now, at) != 0 || write_all(p, buffer, now, at) != 0)
      return -1;
  }
  return 0;
}

/* Takes DF_1_PIE out of the copy's table. */
static int clear_flag(const program *p, const ElfW(Phdr) * table) {
  uint64_t at = table->p_offset;
  for (uint64_t i = 0; i < table->p_filesz / sizeof(ElfW(Dyn)); ++i) {
    ElfW(Dyn) entry;
    if (read_all(p, &entry, sizeof(entry), at) != 0)
      return -1;
    if (entry.d_tag == DT_NULL)
      return 0;
    if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE)) {
      entry.d_un.d_val &= ~(ElfW(Xword))DF_1_PIE;
      return write_all(p, &entry, sizeof(entry), at);
    }
    at += sizeof(entry);
  }
  return 0;
}

static int make_copy(program *p) {
  unsigned count = p->header.e_phnum;
  p->copy = memfd_create("tern-model", MFD_CLOEXEC | MFD_EXEC);
  if (p->copy < 0 && errno == EINVAL) /* a kernel before 6.3 */
    p->copy = memfd_create("tern-model", MFD_CLOEXEC);
  if (p->copy < 0)
    return engine_fail(TERN_ENGINE_FAILED, "no memory for the code of %s: %s",
                       p->path, strerror(errno));
  for (unsigned i = 0; i < count; ++i)
    if (p->segments[i].p_type == PT_LOAD &&
        copy_segment(p, &p->segments[i]) != 0)
      return -1;
  for (unsigned i = 0; i < count; ++i)
    if (p->segments[i].p_type == PT_DYNAMIC &&
        clear_flag(p, &p->segments[i]) != 0)
      return -1;
  return 0;
}

static int read_program(program *p) {
  struct stat status;
  p->file = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (p->file < 0 || fstat(p->file, &status) != 0 || !S_ISREG(status.st_mode))
    return engine_fail(TERN_ENGINE_FAILED, "cannot open %s: %s", p->path,
                       p->file < 0 ? strerror(errno) : "it is no file");
  p->bytes = (uint64_t)status.st_size;
  if (p->bytes < sizeof(p->header))
    return fail_damaged(p);
  if (read_all(p, &p->header, sizeof(p->header), 0) != 0 ||
      check_header(p) != 0 ||
      read_all(p, p->segments, p->header.e_phnum * sizeof(*p->segments),
               p->header.e_phoff) != 0)
    return -1;
  return check_segments(p);
}

int engine_open_program(tern_engine *engine) {
  program p = {.path = engine->file, .file = -1, .copy = -1};
  char name[40];
  int result = read_program(&p) != 0 || make_copy(&p) != 0 ? -1 : 0;
  if (p.file >= 0)
    close(p.file);
  /* Open as long as the library is: the loader knows libraries by their names,
   * and the next file would have this number. */
  engine->code = p.copy;
  if (result != 0)
    return result;
  snprintf(name, sizeof(name), "/proc/self/fd/%d", p.copy);
  engine->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  return engine->library
             ? 0
             : engine_fail(TERN_ENGINE_FAILED, "cannot load the code of %s: %s",
                           engine->file, dlerror());
}
