/*===- amx.h - AMX on a processor without it --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Linked or preloaded: AMX-TILE and AMX-INT8 instructions, which raise SIGILL,
 * are executed by its handler, and libc's syscall() grants the permission that
 * Linux wants to be asked for first. A fault of the program (a shape that does
 * not fit, no permission) ends it with a line that says which. On a processor
 * with AMX the library does nothing.
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_TEST_EMULATION_AMX_H
#define TERN_TEST_EMULATION_AMX_H

#ifdef __cplusplus
extern "C" {
#endif

/* arch_prctl's requests and the number of the tiles' state. */
enum {
  AMX_GET_PERMISSION = 0x1022,
  AMX_REQUEST_PERMISSION = 0x1023,
  AMX_TILE_DATA = 18
};

/* 1 if instructions are emulated, 0 if the processor has them. */
int amx_is_emulated(void);

/* Of this process, by the emulation. */
unsigned long amx_products(void); /* of tiles, executed so far */
void amx_refuse(int refuses);     /* the permission, from now on */

#ifdef __cplusplus
}
#endif

#endif
