/*===- memory.c - what models call of a C library ------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Leave this out where there is a C library: its functions are faster.
 */
#include <stddef.h>
#include <stdint.h>

/* Compilers would make calls of themselves of plain loops. */
#define BYTE(pointer) ((volatile unsigned char *)(pointer))

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  size_t i = 0;
  if ((((uintptr_t)to | (uintptr_t)from) & 3) == 0)
    for (; i + 4 <= bytes; i += 4)
      *(volatile uint32_t *)((char *)to + i) =
          *(const uint32_t *)((const char *)from + i);
  for (; i < bytes; ++i)
    BYTE(to)[i] = ((const unsigned char *)from)[i];
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  if ((uintptr_t)to < (uintptr_t)from)
    return memcpy(to, from, bytes); /* which goes upwards */
  for (size_t i = bytes; i > 0; --i)
    BYTE(to)[i - 1] = ((const unsigned char *)from)[i - 1];
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    BYTE(to)[i] = (unsigned char)value;
  return to;
}

int memcmp(const void *left, const void *right, size_t bytes) {
  const unsigned char *a = left, *b = right;
  for (size_t i = 0; i < bytes; ++i)
    if (a[i] != b[i])
      return a[i] < b[i] ? -1 : 1;
  return 0;
}

#ifdef __arm__
/* As the ABI of ARM calls them; the numbers are alignments. */
void __aeabi_memcpy(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
}
void __aeabi_memcpy4(void *, const void *, size_t)
    __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memcpy8(void *, const void *, size_t)
    __attribute__((alias("__aeabi_memcpy")));
void __aeabi_memmove(void *to, const void *from, size_t bytes) {
  memmove(to, from, bytes);
}
void __aeabi_memmove4(void *, const void *, size_t)
    __attribute__((alias("__aeabi_memmove")));
void __aeabi_memset(void *to, size_t bytes, int value) {
  memset(to, value, bytes);
}
void __aeabi_memset4(void *, size_t, int)
    __attribute__((alias("__aeabi_memset")));
void __aeabi_memclr(void *to, size_t bytes) { memset(to, 0, bytes); }
void __aeabi_memclr4(void *, size_t) __attribute__((alias("__aeabi_memclr")));
void __aeabi_memclr8(void *, size_t) __attribute__((alias("__aeabi_memclr")));
#endif
