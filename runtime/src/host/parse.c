/*===- parse.c - reading a command line -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void host_options_defaults(host_options *options) {
  memset(options, 0, sizeof(*options));
  options->command = COMMAND_RUN;
  options->limit = options->repeat_last_n = UNSET_LIMIT;
  options->seed = -1;
  options->device = -1;
  options->repetitions = 5;
  options->top_k = -1;
  options->temperature = options->top_p = UNSET_NUMBER;
  options->min_p = options->repeat_penalty = UNSET_NUMBER;
  options->batch_list = "1";
  options->depth_list = "0";
  options->format = "md";
  options->load = "auto";
}

/* The flag of `command` that is called text[0..length). */
static const host_flag *flag_named(const char *text, size_t length,
                                   uint32_t command) {
  size_t count;
  const host_flag *flags = host_flag_list(&count);
  for (size_t i = 0; i < count; ++i) {
    const char *names[] = {flags[i].name, flags[i].alias};
    for (int n = 0; n < 2 && (flags[i].commands & command); ++n)
      if (names[n] && host_flag_is(names[n], text, length))
        return &flags[i];
  }
  return NULL;
}

/* The flag that `text` is, up to its '=' if it has one; *spelling is the way
 * other programs have it, if it is spelled so. */
static const host_flag *find_flag(const char *text, uint32_t command,
                                  const host_spelling **spelling) {
  const host_flag *f = flag_named(text, strcspn(text, "="), command);
  *spelling = f ? NULL : host_spelling_find(text, command);
  if (*spelling && (*spelling)->flag)
    f = flag_named((*spelling)->flag, strlen((*spelling)->flag), command);
  return f;
}

/* Digits, signs, point and exponent: no blanks, no hexadecimals, no names. */
static int is_plain_number(const char *text) {
  return *text && text[strspn(text, "0123456789+-.eE")] == 0;
}

/* True if `value` is one of "a|b|c". */
static int is_choice(const char *choices, const char *value) {
  size_t length = strlen(value);
  for (const char *at = choices;; ++at) {
    size_t choice = strcspn(at, "|");
    if (choice == length && memcmp(at, value, length) == 0)
      return 1;
    at += choice;
    if (!*at)
      return 0;
  }
}

static int set_flag(host_options *options, const host_flag *f,
                    const char *value, tern_error *error) {
  char *field = (char *)options + f->offset;
  char *end = NULL;
  errno = 0;
  if (f->kind == FLAG_TEXT) {
    if (strchr(f->value, '|') && !is_choice(f->value, value))
      return host_fail(error, "%s %s: expected %s", f->name, value, f->value);
    memcpy(field, &value, sizeof(value));
    return 0;
  }
  if (f->kind == FLAG_LIST) {
    host_list *list = (host_list *)(void *)field;
    if (list->count == TERN_MAX_STOPS)
      return host_fail(error, "%s is given more than %u times", f->name,
                       TERN_MAX_STOPS);
    if (!*value)
      return host_fail(error, "%s needs a text that is not empty", f->name);
    list->at[list->count++] = value;
    return 0;
  }
  if (f->kind == FLAG_INTEGER) {
    int64_t number = strtoll(value, &end, 10);
    if (is_plain_number(value) && !*end && errno == 0 &&
        (double)number >= f->low && (double)number <= f->high) {
      memcpy(field, &number, sizeof(number));
      return 0;
    }
  } else {
    double number = strtod(value, &end);
    if (is_plain_number(value) && !*end && number >= f->low &&
        number <= f->high) {
      memcpy(field, &number, sizeof(number));
      return 0;
    }
  }
  return host_fail(error, "%s %s: expected %s from %.16g to %.16g", f->name,
                   value, f->kind == FLAG_INTEGER ? "an integer" : "a number",
                   f->low, f->high);
}

/* Why `text`, which is no flag of `command`, is refused. */
static int refuse(const char *text, uint32_t command, tern_error *error) {
  const char *name = host_options_command_name(command);
  int length = (int)strcspn(text, "=");
  const host_spelling *spelling;
  if (text[0] != '-')
    return host_fail(error, "unexpected '%s'; a text is given with -p", text);
  for (const host_command *c = host_commands; c->name; ++c)
    if (find_flag(text, c->bit, &spelling))
      return host_fail(error, "%s has no flag '%.*s', but %s has", name, length,
                       text, c->name);
  const char *near = host_options_nearest(text, command);
  if (near)
    return host_fail(error, "%s has no flag '%s'; did you mean %s?", name, text,
                     near);
  return host_fail(error, "%s has no flag '%s'", name, text);
}

/* The argument behind argv[*at], or behind its '='; NULL if there is none. */
static const char *take_value(const host_flag *f, int argc, char **argv,
                              int *at) {
  const char *joined = strchr(argv[*at], '=');
  const char *bare = f ? host_flag_bare(f) : NULL;
  if (joined)
    return joined + 1;
  if (bare && (*at + 1 >= argc || argv[*at + 1][0] == '-'))
    return bare;
  return *at + 1 < argc ? argv[++*at] : NULL;
}

/* Of a flag that is none here: 0 if it says how it is in any case. */
static int take_spelling(const host_spelling *spelling, int argc, char **argv,
                         int *at, tern_error *error) {
  const char *text = argv[*at];
  int length = (int)strcspn(text, "=");
  if (spelling->value && !*spelling->value) {
    if (text[length])
      return host_fail(error, "%.*s takes no value", length, text);
    return 0;
  }
  if (spelling->value &&
      host_spelling_allows(spelling, take_value(NULL, argc, argv, at)))
    return 0;
  return host_fail(error, "%.*s: %s", length, text, spelling->reason);
}

static int take_flag(host_options *options, int argc, char **argv, int *at,
                     tern_error *error) {
  const host_spelling *spelling;
  const host_flag *f = find_flag(argv[*at], options->command, &spelling);
  if (!f)
    return spelling ? take_spelling(spelling, argc, argv, at, error)
                    : refuse(argv[*at], options->command, error);
  if (f->kind == FLAG_SWITCH) {
    int on = 1;
    if (strchr(argv[*at], '='))
      return host_fail(error, "%s takes no value", f->name);
    memcpy((char *)options + f->offset, &on, sizeof(on));
    return 0;
  }
  const char *value = take_value(f, argc, argv, at);
  return value ? set_flag(options, f, value, error)
               : host_fail(error, "%s needs a value: %s %s", f->name, f->name,
                           f->value);
}

int host_options_parse(host_options *options, int argc, char **argv,
                       tern_error *error) {
  int i = 1;
  host_options_defaults(options);
  uint32_t command = argc > 1 ? host_options_command(argv[1]) : 0;
  if (command) {
    options->command = command;
    i = 2;
  }
  for (int k = i; k < argc; ++k)
    if (host_options_say_chat(argv[k], options->command))
      options->command = COMMAND_CHAT;
  for (; i < argc; ++i)
    if (!host_options_say_chat(argv[i], options->command) &&
        take_flag(options, argc, argv, &i, error) != 0)
      return -1;
  /* llama.cpp's "until the context is full" ends at an end token, too. */
  if (options->limit == -2)
    options->limit = -1;
  if (options->escape) {
    host_unescape(options->prompt);
    host_unescape(options->system);
    for (int64_t k = 0; k < options->stops.count; ++k)
      host_unescape(options->stops.at[k]);
  }
  return 0;
}

int host_parse_bias(const char *text, tern_logit_bias *bias,
                    tern_error *error) {
  char *end = NULL;
  errno = 0;
  long long token = strtoll(text, &end, 10);
  const char *sign = end;
  double value = strtod(sign, &end);
  if (is_plain_number(text) && text[0] != '-' && text[0] != '+' &&
      (*sign == '+' || *sign == '-') && !*end && errno == 0 &&
      token <= INT32_MAX && value >= -1e6 && value <= 1e6) {
    bias->token = (int32_t)token;
    bias->value = (float)value;
    return 0;
  }
  return host_fail(error,
                   "--logit-bias %s: expected ID+X or ID-X, a token and a "
                   "number from 0 to 1000000",
                   text);
}

int host_options_check(const host_options *o, tern_error *error) {
  tern_logit_bias bias;
  int texts = (o->prompt != NULL) + (o->file != NULL) + (o->ids != NULL);
  if (texts > 1)
    return host_fail(error, "-p, -f and --ids exclude each other");
  if (o->help || o->version)
    return 0;
  for (int64_t i = 0; i < o->biases.count; ++i)
    if (host_parse_bias(o->biases.at[i], &bias, error) != 0)
      return -1;
  if (o->command == COMMAND_RUN && texts == 0 && isatty(STDIN_FILENO))
    return host_fail(error, "give a text with -p, -f or --ids");
  if (o->grammar && o->schema)
    return host_fail(error, "--grammar and --json-schema exclude each other");
  if (o->system && o->system_file)
    return host_fail(error, "--system and --system-prompt-file exclude each "
                            "other");
  if (o->kl && !o->kl_base)
    return host_fail(error, "--kl needs the file of another model's logits: "
                            "--kl-base FILE, written without --kl");
  if (o->command == COMMAND_PPL && !o->file && !o->kl)
    return host_fail(error, "ppl needs a text: -f FILE");
  return 0;
}

int host_parse_list(const char *text, uint32_t most, uint32_t *values,
                    int room) {
  int count = 0;
  for (;;) {
    char *end;
    if (*text < '0' || *text > '9' || count == room)
      return -1;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || value > most)
      return -1;
    values[count++] = (uint32_t)value;
    if (*end == 0)
      return count;
    if (*end != ',')
      return -1;
    text = end + 1;
  }
}
