/*===- help.c - help of compiled programs -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdio.h>
#include <string.h>

/* In two columns, the right one broken between words. */
static void print_flag(const char *left, const char *help) {
  int wide = strlen(left) > 22;
  printf("  %-22s%s", left, wide ? "\n" : "  ");
  int column = wide ? 0 : 26;
  while (*help) {
    int word = (int)strcspn(help, " ");
    if (column == 0 || column + 1 + word > 80) {
      printf("%s%26s", column ? "\n" : "", "");
      column = 26;
    }
    printf("%s%.*s", column > 26 ? " " : "", word, help);
    column += word + (column > 26);
    help += word + (help[word] == ' ');
  }
  putchar('\n');
}

/* Spellings that differ by one letter, one exchange of neighbours or one dash
 * are one apart. Names longer than this are no flags. */
#define LONGEST 32u

static unsigned smallest(unsigned a, unsigned b, unsigned c) {
  unsigned least = a < b ? a : b;
  return least < c ? least : c;
}

static unsigned distance(const char *a, size_t n, const char *b, size_t m) {
  unsigned rows[3][LONGEST + 1];
  for (size_t j = 0; j <= m; ++j)
    rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= n; ++i) {
    unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3];
    const unsigned *two_above = rows[(i + 1) % 3];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= m; ++j) {
      row[j] = smallest(above[j] + 1, row[j - 1] + 1,
                        above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
          two_above[j - 2] + 1 < row[j])
        row[j] = two_above[j - 2] + 1;
    }
  }
  return rows[n % 3][m];
}

/* The nearest one up to now. */
typedef struct candidate {
  const char *text;
  size_t length;
  const char *name;
  unsigned apart;
} candidate;

static void consider(candidate *best, const char *name, size_t length,
                     const char *meaning) {
  if (length < 4 || length > LONGEST)
    return;
  unsigned apart = distance(best->text, best->length, name, length);
  if (apart < best->apart) {
    best->apart = apart;
    best->name = meaning;
  }
}

const char *host_options_nearest(const char *text, uint32_t command) {
  size_t length = strcspn(text, "="), count;
  /* Fewer differences than that are few. */
  candidate best = {text, length, NULL, (unsigned)(length / 3) + 1};
  if (length < 3 || length > LONGEST)
    return NULL;
  const host_flag *flags = host_flag_list(&count);
  for (size_t i = 0; i < count; ++i) {
    const char *names[] = {flags[i].name, flags[i].alias};
    for (int n = 0; n < 2 && (flags[i].commands & command); ++n)
      if (names[n])
        consider(&best, names[n], strlen(names[n]), names[n]);
  }
  const host_spelling *others = host_spelling_list(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!others[i].flag || !(others[i].commands & command))
      continue;
    for (const char *name = others[i].names; *name;) {
      size_t size = strcspn(name, " ");
      consider(&best, name, size, others[i].flag);
      name += size + (name[size] == ' ');
    }
  }
  return best.name;
}

static void list_flags(uint32_t command) {
  size_t count;
  const host_flag *flags = host_flag_list(&count);
  for (size_t i = 0; i < count; ++i) {
    const host_flag *f = &flags[i];
    char left[64];
    if (!(f->commands & command))
      continue;
    snprintf(left, sizeof(left), "%s%s%s%s%s", f->name, f->alias ? ", " : "",
             f->alias ? f->alias : "", f->value ? " " : "",
             f->value ? f->value : "");
    print_flag(left, f->help);
  }
}

void host_options_help(const host_options *options, const char *program,
                       const tern_model *model) {
  if (options->command == COMMAND_RUN) {
    printf("usage: %s [run|chat|ppl|bench] [flags]\n\n", program);
    printf("%s, compiled by tern for %s.\n\ncommands:\n", model->name,
           model->target);
    for (const host_command *c = host_commands; c->name; ++c)
      printf("  %-6s %s\n", c->name, c->help);
    printf("\n'%s COMMAND --help' lists the flags of a command. ", program);
  } else {
    printf("usage: %s %s [flags]\n\n", program,
           host_options_command_name(options->command));
  }
  printf("Flags of %s:\n\n", host_options_command_name(options->command));
  list_flags(options->command);
  printf("\nText goes to standard output, all else to standard error. Exit "
         "status: 0 done,\n1 failed, 2 wrong usage, 130 interrupted.\n");
}
