/*===- render_templates.c - templates and variables to texts ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * For compare_templates.py: reads "A B\n", then A bytes of a template and B of
 * its variables as JSON, until the input ends; prints "0 N\n" and N bytes of
 *text or "1 N\n" and the sentence for each.
 */
#include "tern/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(int failed, const char *text, size_t bytes) {
  printf("%d %zu\n", failed, bytes);
  fwrite(text, 1, bytes, stdout);
}

int main(void) {
  size_t room = (size_t)32 << 20, text_bytes, json_bytes;
  void *memory = malloc(room);
  while (memory && scanf("%zu %zu", &text_bytes, &json_bytes) == 2) {
    char *input = malloc(text_bytes + json_bytes + 1);
    tern_template *parsed;
    tern_rendering out;
    tern_error error;
    getchar(); /* the end of the line */
    if (!input || fread(input, 1, text_bytes + json_bytes, stdin) !=
                      text_bytes + json_bytes)
      return 1;
    if (tern_template_parse(memory, room, input, text_bytes, &parsed, &error) ||
        tern_template_render(parsed, input + text_bytes, json_bytes, 1767225600,
                             &out, &error))
      answer(1, error.text, strlen(error.text));
    else
      answer(0, out.text, out.bytes);
    free(input);
  }
  free(memory);
  return memory && feof(stdin) ? 0 : 1;
}
