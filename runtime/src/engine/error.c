/*===- error.c - why a call failed -----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "engine.h"

#include "../host/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[sizeof(((tern_error *)0)->text)];

const char *tern_engine_error(void) { return sentence; }

int engine_fail(int result, const char *format, ...) {
  char text[sizeof(sentence)];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  /* An argument may be the sentence itself. */
  snprintf(sentence, sizeof(sentence), "%s", text);
  return result;
}

int engine_pass_on(const tern_error *error) {
  int result = strcmp(error->text, HOST_NO_MEMORY) == 0 ? TERN_ENGINE_FAILED
                                                        : TERN_ENGINE_INVALID;
  return engine_fail(result, "%s", error->text);
}
