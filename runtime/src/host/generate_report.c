/*===- generate_report.c - how long generating took -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdio.h>

static void footer_line(const char *what, uint64_t tokens,
                        int64_t nanoseconds) {
  double ms = (double)nanoseconds * 1e-6;
  if (tokens == 0)
    return;
  fprintf(stderr,
          "%-12s %10.2f ms / %5llu tokens (%8.2f ms each, %9.2f tokens/s)\n",
          what, ms, (unsigned long long)tokens, ms / (double)tokens,
          ms > 0 ? (double)tokens * 1e3 / ms : 0.0);
}

void host_generator_footer(const host_generator *generator) {
  if (generator->program->options.quiet)
    return;
  fputc('\n', stderr);
  host_generator_timing(generator);
}

void host_generator_timing(const host_generator *generator) {
  footer_line("prompt eval", generator->prompt_tokens, generator->prompt_time);
  footer_line("eval", generator->steps, generator->step_time);
  footer_line("total", generator->prompt_tokens + generator->steps,
              generator->prompt_time + generator->step_time);
}

void host_print_counters(const host_program *program, const char *what,
                         const uint64_t *counters, uint64_t tokens) {
  const tern_model *model = program->model;
  uint64_t held = 0, had_read = 0;
  if (tokens == 0)
    return;
  fprintf(stderr, "\nweight bytes per token, %s (%llu tokens)\n", what,
          (unsigned long long)tokens);
  fprintf(stderr, "%-20s %14s %14s %10s\n", "projection", "held", "read",
          "not read");
  for (uint32_t p = 0; p <= model->projection_count; ++p) {
    int last = p == model->projection_count;
    uint64_t h = last ? held : counters[2 * p];
    uint64_t r = last ? had_read : counters[2 * p + 1];
    held += last ? 0 : h;
    had_read += last ? 0 : r;
    fprintf(stderr, "%-20s %14.0f %14.0f %9.1f%%\n",
            last ? "all" : model->projection_names[p],
            (double)h / (double)tokens, (double)r / (double)tokens,
            h ? 100.0 * (1.0 - (double)r / (double)h) : 0.0);
  }
}
