/*===- start_hosted.c - a board with an operating system -----------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

void board_write(const char *bytes, size_t count) {
  fwrite(bytes, 1, count, stdout);
  fflush(stdout);
}

_Noreturn void board_exit(int status) { exit(status); }
