/*===- versions.c - code for several CPUs -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdio.h>
#include <string.h>

/* As --cpu named it: what its target has behind the triple. */
static const char *version_name(const tern_model *model) {
  const char *slash = strchr(model->target, '/');
  return slash ? slash + 1 : model->target;
}

void host_list_versions(const tern_model *const *models, unsigned count,
                        char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (unsigned i = 0; i < count && used < room; ++i) {
    int n = snprintf(text + used, room - used, "%s%s", i ? ", " : "",
                     version_name(models[i]));
    used += n > 0 ? (size_t)n : 0;
  }
}

int host_pick_version(host_program *program, const tern_model *const *models,
                      unsigned count) {
  const char *name = program->options.code;
  uint64_t have = tern_cpu_features();
  char text[sizeof(program->error.text)];
  program->versions = models;
  program->version_count = count;
  if (!name) {
    program->model = tern_cpu_pick(models, count, have, &program->error);
    return program->model ? 0 : -1;
  }
  for (unsigned i = 0; i < count; ++i) {
    if (strcmp(version_name(models[i]), name) != 0)
      continue;
    program->model = tern_cpu_pick(&models[i], 1, have, &program->error);
    if (program->model)
      return 0;
    memcpy(text, program->error.text, sizeof(text));
    return host_fail(&program->error, "--code %.60s: %.400s", name, text);
  }
  host_list_versions(models, count, text, sizeof(text));
  return host_fail(&program->error,
                   "--code %.60s: this program has no such code; it has %.400s",
                   name, text);
}
