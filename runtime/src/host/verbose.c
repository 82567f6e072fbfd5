/*===- verbose.c - how a program runs, for people ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "gpu_weak.h"
#include "host.h"

#include <stdio.h>

void host_describe_pages(const host_program *program, char *text, size_t room) {
  const tern_artifact *artifact = &program->artifact;
  uint64_t huge = tern_huge_page_bytes("");
  tern_pages pages;
  if (tern_memory_pages(artifact->weights, artifact->weights_bytes, &pages) !=
      0)
    snprintf(text, room, "not known");
  else if (pages.huge_bytes == 0)
    snprintf(text, room, "%.1f MB in small pages",
             (double)pages.resident_bytes * 1e-6);
  else
    snprintf(text, room, "%.1f of %.1f MB in pages of %.0f MiB",
             (double)pages.huge_bytes * 1e-6,
             (double)pages.resident_bytes * 1e-6, (double)huge / 1048576.0);
}

void host_say_program(const host_program *program) {
  const tern_placement *placement = &program->placement;
  char pages[256];
  if (program->gpu) {
    tern_gpu_describe(program->gpu, pages, sizeof(pages));
    fprintf(stderr, "%s: code for %s; %s\n", program->name,
            program->model->target, pages);
    tern_gpu_describe_memory(program->gpu, (uint32_t)program->options.context,
                             pages, sizeof(pages));
    fprintf(stderr, "%s: on the GPU: %s\n", program->name, pages);
    return;
  }
  host_describe_pages(program, pages, sizeof(pages));
  char versions[256];
  fprintf(stderr, "%s: code for %s, %u threads\n", program->name,
          program->model->target, tern_pool_threads(program->pool));
  host_list_versions(program->versions, program->version_count, versions,
                     sizeof(versions));
  if (program->version_count > 1)
    fprintf(stderr, "%s: the best of its code for %s%s\n", program->name,
            versions, program->options.code ? ", but for --code" : "");
  fprintf(
      stderr, "%s: weights: %s; %s%s\n", program->name, pages,
      placement->copied_bytes ? "copied, as " : "mapped: ", placement->reason);
}

void host_say_choices(const host_program *program) {
  char text[128];
  if (tern_gpu_describe_choices(program->gpu, text, sizeof(text)))
    fprintf(stderr, "%s: on the GPU: %s\n", program->name, text);
}
