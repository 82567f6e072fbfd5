/*===- escape.c - backslashes in texts of the command line ------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void host_unescape(const char *text) {
  static const char names[] = "nrt\"'\\", meanings[] = "\n\r\t\"'\\";
  char *to = (char *)text, *end;
  for (const char *at = to; at && *at; ++at) {
    const char *name = at[0] == '\\' && at[1] ? strchr(names, at[1]) : NULL;
    char digits[3] = {0};
    if (name) {
      *to++ = meanings[name - names];
      ++at;
      continue;
    }
    if (at[0] == '\\' && at[1] == 'x' && isxdigit((unsigned char)at[2]) &&
        isxdigit((unsigned char)at[3])) {
      memcpy(digits, at + 2, 2);
      long byte = strtol(digits, &end, 16);
      if (byte != 0) {
        *to++ = (char)byte;
        at += 3;
        continue;
      }
    }
    *to++ = *at;
  }
  if (to)
    *to = 0;
}
