/*===- memory.h - what the core needs of a C library -----------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * All of it. Compilers call these on their own, so every target has them, but a
 * target without a C library has no <string.h> to declare them.
 */
#ifndef TERN_SRC_CORE_MEMORY_H
#define TERN_SRC_CORE_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif /* TERN_SRC_CORE_MEMORY_H */
