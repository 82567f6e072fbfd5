/*===- board.h - what main.c asks of a board -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A port to another board is these two functions, code that starts main, and a
 * linker script.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Sends bytes to wherever they are read: a serial port, a debugger. */
void board_write(const char *bytes, size_t count);

/* Reads no more after this. */
_Noreturn void board_exit(int status);

#ifdef COUNT
/* Instructions since the start, of emulators that count them: make count. */
uint64_t board_instructions(void);
#endif

int main(void);

#endif /* BOARD_H */
