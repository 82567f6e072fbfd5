/*===- kl.c - logits kept in a file -----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "kl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

uint64_t kl_tokenizer(const host_program *program) {
  const unsigned char *at = program->artifact.tokenizer;
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t i = 0; at && i < program->artifact.tokenizer_bytes; ++i)
    hash = (hash ^ at[i]) * 0x100000001b3u;
  return hash;
}

/* *product = a * b, or -1 if that is more than a file can have. */
static int multiply(uint64_t a, uint64_t b, uint64_t *product) {
  if (b != 0 && a > INT64_MAX / b)
    return -1;
  *product = a * b;
  return 0;
}

static uint32_t scored(const kl_header *header) {
  return header->context - 1 - header->first;
}

/* Bytes of the whole file. */
static int file_bytes(const kl_header *header, uint64_t *bytes) {
  uint64_t tokens, positions, logits;
  if (multiply(header->windows, header->context, &tokens) != 0 ||
      multiply(tokens, sizeof(int32_t), &tokens) != 0 ||
      multiply(header->windows, scored(header), &positions) != 0 ||
      multiply(positions, header->vocab_size, &logits) != 0 ||
      multiply(logits, sizeof(float), &logits) != 0 ||
      logits > INT64_MAX - tokens - sizeof(*header))
    return -1;
  *bytes = sizeof(*header) + tokens + logits;
  return 0;
}

/*--- Writing ---------------------------------------------------------------*/

int kl_writer_open(kl_writer *writer, host_program *program,
                   const kl_header *header, const int32_t *windows) {
  const char *path = program->options.kl_base;
  struct statvfs system;
  uint64_t bytes;
  writer->program = program;
  writer->header = *header;
  if (file_bytes(header, &bytes) != 0)
    return host_fail(&program->error,
                     "%s: logits of %llu windows are too many for a file; "
                     "--chunks K takes fewer",
                     path, (unsigned long long)header->windows);
  if (host_output_open(program, path, &writer->output) != 0)
    return -1;
  FILE *out = writer->output.stream;
  if (fstatvfs(fileno(out), &system) == 0 &&
      bytes / system.f_frsize >= system.f_bavail) {
    host_fail(&program->error,
              "%s: logits of %llu windows take %.1f MB, more than the disk has "
              "free; --chunks K takes fewer",
              path, (unsigned long long)header->windows, (double)bytes * 1e-6);
    return -1; /* kl_writer_close follows */
  }
  fwrite(header, sizeof(*header), 1, out);
  fwrite(windows, sizeof(int32_t) * header->context, header->windows, out);
  return 0;
}

int kl_writer_add(kl_writer *writer, const float *logits) {
  FILE *out = writer->output.stream;
  if (fwrite(logits, sizeof(float), writer->header.vocab_size, out) ==
      writer->header.vocab_size)
    return 0;
  return host_fail(&writer->program->error, "%s: cannot be written: %s",
                   writer->program->options.kl_base, strerror(errno));
}

int kl_writer_commit(kl_writer *writer) {
  int result = host_output_commit(writer->program, &writer->output);
  writer->output.stream = NULL;
  return result;
}

void kl_writer_close(kl_writer *writer) {
  if (writer->output.stream)
    host_output_drop(&writer->output);
}

/*--- Reading ---------------------------------------------------------------*/

static int bad_base(const kl_reader *reader, const char *why) {
  host_program *program = reader->program;
  return host_fail(&program->error, "%s: %s", program->options.kl_base, why);
}

static int check_header(kl_reader *reader) {
  const host_program *program = reader->program;
  const kl_header *h = &reader->header;
  struct stat status;
  uint64_t bytes;
  if (fread(&reader->header, sizeof(*h), 1, reader->in) != 1 ||
      memcmp(h->magic, KL_MAGIC, sizeof(h->magic)) != 0)
    return bad_base(reader, "is not a file that ppl --kl-base wrote");
  if (h->context < 2 || h->first > h->context - 2 || h->reserved != 0 ||
      h->windows == 0 || h->vocab_size == 0 || file_bytes(h, &bytes) != 0 ||
      fstat(fileno(reader->in), &status) != 0 || !S_ISREG(status.st_mode) ||
      (uint64_t)status.st_size != bytes)
    return bad_base(reader, "is damaged: its size is not what its head says");
  if (h->vocab_size != program->model->vocab_size ||
      h->tokenizer != kl_tokenizer(program))
    return bad_base(reader,
                    "was written by a model with another tokenizer, whose "
                    "predictions cannot be compared");
  if (h->context > program->model->max_context)
    return bad_base(reader, "has windows longer than this model's context");
  return 0;
}

static int read_windows(kl_reader *reader) {
  host_program *program = reader->program;
  const kl_header *h = &reader->header;
  reader->windows =
      host_allocate(program, h->windows, h->context, sizeof(int32_t));
  reader->divergences =
      host_allocate(program, h->windows, scored(h), sizeof(double));
  reader->logits = host_allocate(program, h->vocab_size, sizeof(float), 1);
  if (!reader->windows || !reader->divergences || !reader->logits)
    return -1;
  size_t row = sizeof(int32_t) * h->context;
  if (fread(reader->windows, row, h->windows, reader->in) != h->windows)
    return bad_base(reader, "cannot be read");
  for (uint64_t i = 0; i < h->windows * h->context; ++i)
    if (reader->windows[i] < 0 || (uint32_t)reader->windows[i] >= h->vocab_size)
      return bad_base(reader, "is damaged: a token is not in the vocabulary");
  return 0;
}

int kl_reader_open(kl_reader *reader, host_program *program) {
  const char *path = program->options.kl_base;
  memset(reader, 0, sizeof(*reader));
  reader->program = program;
  reader->in = fopen(path, "rb");
  if (!reader->in)
    return bad_base(reader, strerror(errno));
  if (check_header(reader) == 0 && read_windows(reader) == 0)
    return 0;
  kl_reader_close(reader);
  return -1;
}

void kl_reader_close(kl_reader *reader) {
  if (reader->in)
    fclose(reader->in);
  free(reader->windows);
  free(reader->divergences);
  free(reader->logits);
  reader->in = NULL;
  reader->windows = NULL;
  reader->divergences = NULL;
  reader->logits = NULL;
}

static uint32_t index_of_maximum(const float *logits, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

int kl_reader_add(kl_reader *reader, const float *logits, int32_t token) {
  uint32_t vocab = reader->header.vocab_size;
  const float *base = reader->logits;
  if (fread(reader->logits, sizeof(float), vocab, reader->in) != vocab)
    return bad_base(reader, "cannot be read");
  for (uint32_t i = 0; i < vocab; ++i)
    if (!isfinite(base[i]))
      return bad_base(reader, "is damaged: a logit is not finite");
  softmax model = softmax_of(logits, vocab), others = softmax_of(base, vocab);
  double divergence = 0;
  for (uint32_t i = 0; i < vocab; ++i) {
    double p = softmax_log(&others, base[i]);
    divergence += exp(p) * (p - softmax_log(&model, logits[i]));
  }
  double surprise = -softmax_log(&model, logits[token]);
  double base_surprise = -softmax_log(&others, base[token]);
  double change = exp(-surprise) - exp(-base_surprise);
  reader->divergences[reader->divergence.count] = divergence;
  moments_add(&reader->divergence, divergence);
  moments_add(&reader->surprise, surprise);
  moments_add(&reader->base_surprise, base_surprise);
  moments_add(&reader->ratio, surprise - base_surprise);
  moments_add(&reader->probability, change);
  reader->squares += change * change;
  reader->same_top +=
      index_of_maximum(base, vocab) == index_of_maximum(logits, vocab);
  return 0;
}
