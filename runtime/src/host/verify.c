/*===- verify.c - artifacts and programs against their checksums ------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t checksum_of(const void *data, uint64_t bytes) {
  tern_checksum sum;
  tern_checksum_begin(&sum);
  tern_checksum_add(&sum, data, (size_t)bytes);
  return tern_checksum_end(&sum);
}

static int damaged(tern_error *error, const char *name, const char *part) {
  return host_fail(error,
                   "%s: %s not what tern compile wrote (the checksum differs); "
                   "copy or compile it again",
                   name, part);
}

/* Bytes from *at up to where `section` begins; *at moves behind it. */
static int gap_is_zero(const uint8_t *base, const tern_section *section,
                       uint64_t *at) {
  if (section->offset >= *at)
    for (uint64_t i = *at; i < section->offset; ++i)
      if (base[i])
        return 0;
  *at = section->offset + section->bytes;
  return 1;
}

int tern_artifact_verify(const tern_artifact *artifact, const char *name,
                         tern_error *error) {
  const uint8_t *base = artifact->mapping;
  tern_artifact_header h;
  if (!base)
    return host_fail(error, "%s: is not a file that was opened", name);
  memcpy(&h, base, sizeof(h));
  if (checksum_of(base, offsetof(tern_artifact_header, header_checksum)) !=
      h.header_checksum)
    return damaged(error, name, "the artifact's header is");
  if (checksum_of(base + h.weights.offset, h.weights.bytes) !=
      h.weights.checksum)
    return damaged(error, name, "the weights are");
  if (checksum_of(base + h.tokenizer.offset, h.tokenizer.bytes) !=
      h.tokenizer.checksum)
    return damaged(error, name, "the tokenizer is");
  if (checksum_of(base + h.generation.offset, h.generation.bytes) !=
      h.generation.checksum)
    return damaged(error, name, "the defaults of generation are");
  const tern_section end = {h.total_bytes, 0, 0};
  uint64_t at = sizeof(h);
  if (!gap_is_zero(base, &h.weights, &at) ||
      !gap_is_zero(base, &h.tokenizer, &at) ||
      !gap_is_zero(base, &h.generation, &at) || !gap_is_zero(base, &end, &at))
    return damaged(error, name, "bytes between the sections are");
  return 0;
}

/* 0 if the code is as it was written, and the rest of the file unless a tool
 * has stripped it since. */
static int verify_program(int file, const tern_artifact_header *h,
                          const char *name, tern_error *error) {
  uint64_t checksum;
  struct stat status;
  if (tern_program_checksum(file, &checksum) != 0 ||
      checksum != h->program_checksum)
    return damaged(error, name, "the code is");
  if (fstat(file, &status) == 0 && (uint64_t)status.st_size == h->file_bytes &&
      (tern_program_file_checksum(file, h->file_bytes, &checksum) != 0 ||
       checksum != h->file_checksum))
    return damaged(error, name, "symbols or sections are");
  return 0;
}

/* `name` is what sentences call the file. */
static int verify_file(const char *path, const char *name, tern_error *error) {
  tern_artifact artifact;
  if (tern_artifact_open(&artifact, path, error) != 0)
    return -1;
  int result = tern_artifact_verify(&artifact, name, error);
  tern_artifact_header h;
  memcpy(&h, artifact.mapping, sizeof(h));
  uint64_t offset, bytes;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (result == 0 && file < 0)
    result = host_fail(error, "%s: %s", name, strerror(errno));
  /* Of a .weights file there is no more than the artifact. */
  if (result == 0 && tern_program_artifact(file, &offset, &bytes) == 0)
    result = verify_program(file, &h, name, error);
  if (file >= 0)
    close(file);
  tern_artifact_close(&artifact);
  return result;
}

int tern_file_verify(const char *path, tern_error *error) {
  return verify_file(path, path, error);
}

int host_verify(host_program *program) {
  const char *weights = program->options.weights;
  const char *self = host_self_path();
  tern_artifact artifact;
  /* The code's checksum is in the artifact that the program carries. */
  if (weights) {
    tern_error none;
    if (tern_file_verify(weights, &program->error) != 0)
      return -1;
    if (tern_artifact_open(&artifact, self, &none) != 0)
      return 0;
    tern_artifact_close(&artifact);
  }
  return verify_file(self, program->name, &program->error);
}
