/*===- utf8.h - characters from bytes --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_CORE_UTF8_H
#define TERN_SRC_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes one character of at least one byte. *length is 1 and the answer
 * UTF8_INVALID when it is not valid UTF-8. */
#define UTF8_INVALID 0xFFFFFFFFu
uint32_t tern_utf8_decode(const uint8_t *at, size_t bytes, uint32_t *length);
/* Writes a code point below 0x110000; returns the number of bytes. */
uint32_t tern_utf8_encode(uint8_t *to, uint32_t code);

/* The value of a hexadecimal digit; 16: it is none. */
static inline uint32_t tern_hex_digit(char c) {
  return c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                : 16;
}

#endif /* TERN_SRC_CORE_UTF8_H */
