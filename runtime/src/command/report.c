/*===- report.c - how long a command took -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "writer.h"

#include <stdio.h>

static void print_line(const char *what, uint64_t tokens,
                       uint64_t nanoseconds) {
  double ms = (double)nanoseconds * 1e-6;
  if (tokens == 0)
    return;
  fprintf(stderr,
          "%-12s %10.2f ms / %5llu tokens (%8.2f ms each, %9.2f tokens/s)\n",
          what, ms, (unsigned long long)tokens, ms / (double)tokens,
          ms > 0 ? (double)tokens * 1e3 / ms : 0.0);
}

void command_print_timing(const command_writer *writer) {
  print_line("prompt eval", writer->prompt_tokens, writer->prompt_time);
  print_line("eval", writer->steps, writer->step_time);
  print_line("total", writer->prompt_tokens + writer->steps,
             writer->prompt_time + writer->step_time);
}

void command_print_footer(const command_writer *writer) {
  if (writer->program->options.quiet)
    return;
  fputc('\n', stderr);
  command_print_timing(writer);
}

static void print_bytes(const char *name, uint64_t held, uint64_t read,
                        uint64_t tokens) {
  fprintf(stderr, "%-20s %14.0f %14.0f %9.1f%%\n", name,
          (double)held / (double)tokens, (double)read / (double)tokens,
          held ? 100.0 * (1.0 - (double)read / (double)held) : 0.0);
}

void command_print_weights(const char *what, const tern_weight_count *counts,
                           const tern_weight_count *before, size_t count,
                           uint64_t tokens) {
  uint64_t all_held = 0, all_read = 0;
  if (tokens == 0)
    return;
  fprintf(stderr, "\nweight bytes per token, %s (%llu tokens)\n", what,
          (unsigned long long)tokens);
  fprintf(stderr, "%-20s %14s %14s %10s\n", "projection", "held", "read",
          "not read");
  for (size_t p = 0; p < count; ++p) {
    uint64_t held = counts[p].held_bytes, read = counts[p].read_bytes;
    held -= before ? before[p].held_bytes : 0;
    read -= before ? before[p].read_bytes : 0;
    all_held += held;
    all_read += read;
    print_bytes(counts[p].name, held, read, tokens);
  }
  print_bytes("all", all_held, all_read, tokens);
}
