/*===- host_options.h - flags of compiled programs -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_HOST_OPTIONS_H
#define TERN_SRC_HOST_OPTIONS_H

#include "tern/artifact.h"
#include "tern/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bits, as a flag may belong to several. */
enum { COMMAND_RUN = 1, COMMAND_CHAT = 2, COMMAND_PPL = 4, COMMAND_BENCH = 8 };

/* The value of a number whose flag was not given. */
#define UNSET_NUMBER (-1.0)

typedef struct host_options {
  uint32_t command;
  const char *prompt, *file, *ids, *weights;
  const char *system, *chat_template; /* chat */
  const char *logits_file, *hidden_file;
  const char *format; /* bench */
  const char *prompt_list, *generate_list, *thread_list, *batch_list;
  int64_t limit; /* -1: none */
  int64_t threads, context, chunks, repetitions;
  int64_t seed;                                     /* -1: from the clock */
  int64_t top_k;                                    /* -1: unset */
  double temperature, top_p, min_p, repeat_penalty; /* or unset */
  int stats, quiet, ignore_eos, no_bos, print_ids, echo;
  int conversation; /* never set: it makes the command chat */
  int second_half, json;
  int help, version;
} host_options;

/* 0, or -1 and the sentence in *error. */
int host_options_parse(host_options *options, int argc, char **argv,
                       tern_error *error);
void host_options_help(const host_options *options, const char *program,
                       const tern_model *model);
/* For the tern driver, which takes the same flags: the bit of a command's name
 * or 0; what an argument is; the lines of --help, on stdout. */
uint32_t host_options_command(const char *name);
/* True if an argument of `run` makes it chat. */
int host_options_say_chat(const char *text, uint32_t command);
enum { HOST_NO_FLAG, HOST_ONE_ARGUMENT, HOST_TWO_ARGUMENTS };
int host_options_kind(const char *text, uint32_t command);
void host_options_list(uint32_t command);
/* A list of numbers from 0 to `most`: "1,2,4". Returns how many were read into
 * `values`, at most `room`, or -1. */
int host_parse_list(const char *text, uint32_t most, uint32_t *values,
                    int room);

#ifdef __cplusplus
}
#endif

#endif /* TERN_SRC_HOST_OPTIONS_H */
