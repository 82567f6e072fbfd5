/*===- options.h - flags of compiled programs ------------------------------===
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
#define UNSET_LIMIT (-3)

/* The values of a flag that may be given several times. */
typedef struct host_list {
  const char *at[TERN_MAX_STOPS];
  int64_t count;
} host_list;

typedef struct host_options {
  uint32_t command;
  const char *prompt, *file, *ids, *weights;
  const char *load, *code;
  const char *system, *system_file, *chat_template, *color; /* chat */
  const char *thinking, *tools;
  const char *grammar, *schema;
  const char *logits_file, *hidden_file;
  const char *format; /* bench */
  const char *prompt_list, *generate_list, *thread_list, *batch_list,
      *depth_list;
  host_list stops, biases;
  int64_t limit;  /* -1: none, UNSET_LIMIT: the model's */
  int64_t device; /* -1: unset */
  int64_t threads, context, chunks, repetitions;
  int64_t seed;                                     /* -1: from the clock */
  int64_t top_k;                                    /* -1: unset */
  int64_t repeat_last_n;                            /* -1: all, UNSET_LIMIT */
  double temperature, top_p, min_p, repeat_penalty; /* or unset */
  double presence_penalty, frequency_penalty;       /* 0: off */
  int stats, quiet, verbose, ignore_eos, no_bos, print_ids, echo;
  int commands;     /* of chat, where no terminal is */
  int conversation; /* never set: it makes the command chat */
  int second_half, json;
  int no_warmup; /* bench */
  int escape, mlock;
  int single_turn, hide_thinking; /* chat */
  const char *kl_base;
  int kl; /* ppl */
  int verify, help, version;
} host_options;

/*--- The flags, as data ----------------------------------------------------*/

typedef enum host_flag_kind {
  FLAG_SWITCH,
  FLAG_TEXT,
  FLAG_LIST, /* text; may be given several times: a host_list */
  FLAG_INTEGER,
  FLAG_NUMBER
} host_flag_kind;

/* One flag, for parsing, --help and all that the tern driver makes of it: its
 * own parsing, completion of command lines, manual pages. */
typedef struct host_flag {
  const char *name, *alias; /* alias: NULL if there is none */
  const char *value;        /* as help calls it; "a|b": one of these; or NULL */
  const char *help;
  host_flag_kind kind;
  uint32_t commands;
  size_t offset;    /* in host_options */
  double low, high; /* of a number */
} host_flag;
const host_flag *host_flag_list(size_t *count);

/* True if text[0..length) is `name`: in a long one '_' is '-', as in llama.cpp.
 */
int host_flag_is(const char *name, const char *text, size_t length);
/* The value of a flag that may stand without one; NULL if it may not. */
const char *host_flag_bare(const host_flag *flag);

/* How other programs spell a flag, or a flag of theirs that is refused. */
typedef struct host_spelling {
  const char *names; /* with blanks between */
  uint32_t commands;
  const char *flag; /* the one that it means here, or NULL */
  /* Without a flag: the value that says how it is in any case; "" if that is
   * said without a value; NULL if nothing is taken. */
  const char *value;
  const char *reason; /* why, for the refusal; NULL with a flag */
} host_spelling;
const host_spelling *host_spelling_list(size_t *count);
/* The spelling that `text`, up to its '=', is in `command`, or NULL. */
const host_spelling *host_spelling_find(const char *text, uint32_t command);
/* True if `value` says how it is in any case. */
int host_spelling_allows(const host_spelling *spelling, const char *value);

/* The commands, in the order of help; name is NULL behind the last. */
typedef struct host_command {
  const char *name, *help;
  uint32_t bit;
} host_command;
extern const host_command host_commands[];

/*--- Reading a command line ------------------------------------------------*/

/* As a command line without flags has them. */
void host_options_defaults(host_options *options);
/* 0, or -1 and the sentence in *error. */
int host_options_parse(host_options *options, int argc, char **argv,
                       tern_error *error);
void host_options_help(const host_options *options, const char *program,
                       const tern_model *model);
/* 0 if these options make sense together before anything is opened. */
int host_options_check(const host_options *options, tern_error *error);
/* The bit of a command's name, or 0; and back. */
uint32_t host_options_command(const char *name);
const char *host_options_command_name(uint32_t bit);
/* True if an argument of `run` makes it chat. */
int host_options_say_chat(const char *text, uint32_t command);
/* The flag that is spelled nearest to `text`, or NULL if none is near. */
const char *host_options_nearest(const char *text, uint32_t command);
/* Puts in place of \n, \r, \t, \", \', \\ and \xHH what they stand for, but for
 * \x00; a backslash before anything else stays. `text` lies in argv, which may
 * be written, or is NULL. */
void host_unescape(const char *text);
/* "15043+1.5" or "15043-1.5": 0, or -1 and the sentence in *error. */
int host_parse_bias(const char *text, tern_logit_bias *bias, tern_error *error);
/* A list of numbers from 0 to `most`: "1,2,4". Returns how many were read into
 * `values`, at most `room`, or -1. */
int host_parse_list(const char *text, uint32_t most, uint32_t *values,
                    int room);

#ifdef __cplusplus
}
#endif

#endif /* TERN_SRC_HOST_OPTIONS_H */
