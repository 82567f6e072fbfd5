/*===- kl.h - comparing a model's predictions with another's ----------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * `ppl --kl-base FILE` keeps the logits of a model, `ppl --kl-base FILE --kl`
 * compares those of another with them. The file, in the machine's byte order:
 *
 *   kl_header
 *   int32_t tokens[windows][context]
 *   float   logits[windows][context - 1 - first][vocab_size]
 *
 * The logits at position i of a window, first <= i < context - 1, predict its
 * token i + 1.
 */
#ifndef TERN_SRC_HOST_KL_H
#define TERN_SRC_HOST_KL_H

#include "host.h"

#include <stdio.h>

/* Mean and spread of numbers as they come. */
typedef struct moments {
  uint64_t count;
  double sum;
  double running; /* the mean up to now, for the next field only */
  double squares; /* sum of squared distances from the mean */
} moments;
void moments_add(moments *m, double value);
double moments_mean(const moments *m);
/* Standard error of the mean; 0 for fewer than two numbers. */
double moments_error(const moments *m);

/* log softmax(logits)[token], in double, is logit - maximum - log_sum. */
typedef struct softmax {
  double maximum, log_sum;
} softmax;
softmax softmax_of(const float *logits, uint32_t count);
double softmax_log(const softmax *s, float logit);

#define KL_MAGIC "TERNKL1"
typedef struct kl_header {
  char magic[8];
  uint32_t vocab_size, context; /* tokens of a window */
  uint32_t first;               /* position of the first logits in a window */
  uint32_t reserved;            /* 0 */
  uint64_t windows;
  uint64_t tokenizer; /* FNV-1a of the tokenizer's table */
} kl_header;

/* A file that is written. */
typedef struct kl_writer {
  host_program *program;
  kl_header header;
  host_output output;
} kl_writer;

/* Refuses what does not fit on the disk. `windows` are header.windows *
 * header.context tokens. */
int kl_writer_open(kl_writer *writer, host_program *program,
                   const kl_header *header, const int32_t *windows);
int kl_writer_add(kl_writer *writer, const float *logits);
int kl_writer_commit(kl_writer *writer);
void kl_writer_close(kl_writer *writer);

/* A file that is compared with, and the comparison. */
typedef struct kl_reader {
  host_program *program;
  kl_header header;
  FILE *in;
  int32_t *windows;
  float *logits; /* of one position */
  double *divergences;
  moments divergence, surprise, base_surprise;
  moments ratio;       /* of the surprises' difference */
  moments probability; /* changes of the right token's */
  double squares;      /* of these changes, summed */
  uint64_t same_top;
} kl_reader;

/* Reads all but the logits; everything in the file is checked. */
int kl_reader_open(kl_reader *reader, host_program *program);
/* The next position: the model's logits and the token that came. */
int kl_reader_add(kl_reader *reader, const float *logits, int32_t token);
void kl_reader_print(kl_reader *reader);
void kl_reader_close(kl_reader *reader);

/* Of the model that runs. */
uint64_t kl_tokenizer(const host_program *program);

#endif /* TERN_SRC_HOST_KL_H */
