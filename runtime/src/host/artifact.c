/*===- artifact.c - mapping and checking artifacts -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

/* 0 when the section lies between the header and the artifact's end; an empty
 * one may lie in the header too. */
static int check_section(const tern_artifact_header *header,
                         tern_section section, const char *which,
                         const char *name, tern_error *error) {
  if ((section.bytes != 0 && section.offset < sizeof(*header)) ||
      section.offset > header->total_bytes ||
      section.bytes > header->total_bytes - section.offset)
    return host_fail(error, "%s: the %s section lies outside the artifact",
                     name, which);
  return 0;
}

static int overlap(tern_section a, tern_section b) {
  return a.bytes != 0 && b.bytes != 0 && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

static int check_header(const tern_artifact_header *h, uint64_t bytes,
                        const char *name, tern_error *error) {
  if (memcmp(h->magic, TERN_ARTIFACT_MAGIC, sizeof(h->magic)) != 0)
    return host_fail(error, "%s: not an artifact of tern", name);
  if (h->version != TERN_ARTIFACT_VERSION || h->header_bytes != sizeof(*h))
    return host_fail(error,
                     "%s: artifact version %u, but this program reads %u", name,
                     h->version, TERN_ARTIFACT_VERSION);
  if (h->total_bytes < sizeof(*h) || h->total_bytes > bytes)
    return host_fail(error, "%s: cut off: %llu of %llu bytes are there", name,
                     (unsigned long long)bytes,
                     (unsigned long long)h->total_bytes);
  if (check_section(h, h->weights, "weights", name, error) ||
      check_section(h, h->tokenizer, "tokenizer", name, error) ||
      check_section(h, h->generation, "generation", name, error))
    return -1;
  if (overlap(h->weights, h->tokenizer) || overlap(h->weights, h->generation) ||
      overlap(h->tokenizer, h->generation))
    return host_fail(error, "%s: two sections overlap", name);
  if (h->weights.bytes && h->weights.offset % TERN_WEIGHTS_ALIGNMENT != 0)
    return host_fail(error, "%s: the weights are not aligned", name);
  return 0;
}

static void default_generation(tern_generation *generation) {
  memset(generation, 0, sizeof(*generation));
  generation->size = sizeof(*generation);
  generation->bos_id = -1;
  generation->temperature = 1.0f;
  generation->top_p = 1.0f;
  generation->repeat_penalty = 1.0f;
  generation->max_new_tokens = generation->max_length = -1;
  generation->forced_bos_id = -1;
}

/* Bytes of the lists of ids. */
static uint64_t list_bytes(const tern_generation *g) {
  return 4 * ((uint64_t)g->bad_words_count + g->forced_eos_count +
              g->suppress_count + g->begin_suppress_count);
}

/* As many strings as said, none empty or too long, that end where they should.
 */
static int are_stops(const char *at, uint32_t bytes, uint32_t count) {
  uint32_t from = 0, found = 0;
  for (uint32_t i = 0; i < bytes; ++i) {
    if (at[i] != 0)
      continue;
    if (i == from || i - from > TERN_MAX_STOP_BYTES)
      return 0;
    from = i + 1;
    ++found;
  }
  return from == bytes && found == count && count <= TERN_MAX_STOPS;
}

static int read_generation(tern_artifact *artifact, const uint8_t *at,
                           uint64_t bytes, const char *name,
                           tern_error *error) {
  default_generation(&artifact->generation);
  if (bytes == 0)
    return 0;
  tern_generation g;
  if (bytes < sizeof(g))
    return host_fail(error, "%s: the generation section is cut off", name);
  memcpy(&g, at, sizeof(g));
  /* A later version may have added fields at the end. */
  uint64_t texts = (uint64_t)g.chat_template_bytes + g.chat_variables_bytes;
  if (g.size < sizeof(g) || g.size > bytes ||
      texts + g.stop_bytes + list_bytes(&g) > bytes - g.size ||
      g.eos_count > TERN_MAX_EOS ||
      !are_stops((const char *)at + g.size + texts, g.stop_bytes, g.stop_count))
    return host_fail(error, "%s: the generation section is damaged", name);
  artifact->generation = g;
  artifact->stops = (const char *)at + g.size + texts;
  artifact->ids = artifact->stops + g.stop_bytes;
  if (g.chat_template_bytes)
    artifact->chat_template = (const char *)at + g.size;
  if (g.chat_variables_bytes)
    artifact->chat_variables =
        (const char *)at + g.size + g.chat_template_bytes;
  return 0;
}

int tern_artifact_parse(tern_artifact *artifact, const void *data,
                        uint64_t bytes, const char *name, tern_error *error) {
  tern_artifact_header h;
  memset(artifact, 0, sizeof(*artifact));
  if (bytes < sizeof(h))
    return host_fail(error, "%s: too short to be an artifact of tern", name);
  memcpy(&h, data, sizeof(h));
  if (check_header(&h, bytes, name, error) != 0)
    return -1;
  const uint8_t *base = data;
  artifact->weights = base + h.weights.offset;
  artifact->weights_bytes = h.weights.bytes;
  artifact->weights_id = h.weights_id;
  if (h.tokenizer.bytes) {
    artifact->tokenizer = base + h.tokenizer.offset;
    artifact->tokenizer_bytes = h.tokenizer.bytes;
  }
  return read_generation(artifact, base + h.generation.offset,
                         h.generation.bytes, name, error);
}

int tern_artifact_check(const tern_artifact *artifact, const tern_model *model,
                        const char *name, tern_error *error) {
  if (artifact->weights_id != model->weights_id ||
      artifact->weights_bytes < model->weights_bytes)
    return host_fail(error,
                     "%s: holds weights of another model or layout than '%s' "
                     "was compiled for",
                     name, model->name);
  if (((uintptr_t)artifact->weights & (model->alignment - 1)) != 0)
    return host_fail(error, "%s: the weights are not aligned to %u bytes", name,
                     model->alignment);
  return 0;
}

/* Where in a file of `size` bytes the artifact lies. */
static int find_artifact(int file, uint64_t size, const char *name,
                         uint64_t *offset, uint64_t *bytes, tern_error *error) {
  char magic[8] = {0};
  *offset = 0;
  *bytes = size;
  if (pread(file, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
      memcmp(magic, TERN_ARTIFACT_MAGIC, sizeof(magic)) == 0)
    return 0;
  if (tern_program_artifact(file, offset, bytes) != 0)
    return host_fail(error, "%s: neither is nor carries an artifact of tern",
                     name);
  if (*bytes == 0)
    return host_fail(error,
                     "%s: weights and tokenizer are not in it any more; a tool "
                     "that strips programs removed them",
                     name);
  if (*offset % TERN_ARTIFACT_ALIGNMENT != 0)
    return host_fail(error,
                     "%s: the artifact in it does not begin at a multiple of "
                     "%u; it was moved by a tool that does not keep alignment",
                     name, TERN_ARTIFACT_ALIGNMENT);
  if (*offset > size || *bytes > size - *offset)
    return host_fail(error, "%s: the artifact in it is cut off", name);
  return 0;
}

/* A mapping whose addresses lie in huge pages as the file's bytes do, so that a
 * page of the file can be one of memory. */
static void *map_congruent(int file, uint64_t offset, size_t bytes) {
  size_t huge = (size_t)tern_huge_page_bytes("");
  if (!huge || bytes < 2 * huge || bytes > SIZE_MAX - huge)
    return mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, (off_t)offset);
  uint8_t *room =
      mmap(NULL, bytes + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED)
    return MAP_FAILED;
  size_t before = (size_t)(offset - (uintptr_t)room) & (huge - 1);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t whole = (bytes + page - 1) & ~(page - 1);
  void *mapping = mmap(room + before, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                       file, (off_t)offset);
  if (mapping == MAP_FAILED) {
    int cause = errno;
    munmap(room, bytes + huge);
    errno = cause;
    return MAP_FAILED;
  }
  if (before)
    munmap(room, before);
  munmap(room + before + whole, huge - before);
  return mapping;
}

static int map_artifact(tern_artifact *artifact, int file, const char *name,
                        tern_error *error) {
  struct stat status;
  uint64_t offset, bytes;
  if (fstat(file, &status) != 0)
    return host_fail(error, "%s: %s", name, strerror(errno));
  if (!S_ISREG(status.st_mode))
    return host_fail(error, "%s: not a file", name);
  if (find_artifact(file, (uint64_t)status.st_size, name, &offset, &bytes,
                    error) != 0)
    return -1;
  if (bytes < sizeof(tern_artifact_header) || bytes > SIZE_MAX)
    return host_fail(error, "%s: %llu bytes are too few or too many to map",
                     name, (unsigned long long)bytes);
  void *mapping = map_congruent(file, offset, (size_t)bytes);
  if (mapping == MAP_FAILED)
    return host_fail(error, "%s: cannot be mapped: %s", name, strerror(errno));
  if (tern_artifact_parse(artifact, mapping, bytes, name, error) != 0) {
    munmap(mapping, (size_t)bytes);
    return -1;
  }
  artifact->mapping = mapping;
  artifact->mapping_bytes = (size_t)bytes;
  return 0;
}

int tern_artifact_open(tern_artifact *artifact, const char *path,
                       tern_error *error) {
  memset(artifact, 0, sizeof(*artifact));
  /* Without O_NONBLOCK a pipe would be waited for. */
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return host_fail(error, "%s: %s", path, strerror(errno));
  int result = map_artifact(artifact, file, path, error);
  close(file);
  return result;
}

const char *host_self_path(void) {
  const char *path = "/proc/self/exe";
#if defined(__linux__) && defined(AT_EXECFN)
  /* Without /proc: the name that was given to execve. */
  if (access(path, R_OK) != 0 && getauxval(AT_EXECFN) != 0)
    path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
#endif
  return path;
}

int tern_artifact_open_self(tern_artifact *artifact, tern_error *error) {
  return tern_artifact_open(artifact, host_self_path(), error);
}

void tern_artifact_close(tern_artifact *artifact) {
  if (artifact->mapping)
    munmap(artifact->mapping, artifact->mapping_bytes);
  memset(artifact, 0, sizeof(*artifact));
}
