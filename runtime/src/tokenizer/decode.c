/*===- decode.c - tokens to text -------------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "table.h"

const char *tern_tokenizer_token(const tern_tokenizer *tokenizer, int32_t token,
                                 size_t *bytes, uint32_t *flags) {
  uint32_t count = 0, bits = 0;
  const uint8_t *result = NULL;
  if (tokenizer && tokenizer->table && token >= 0 &&
      (uint32_t)token < tokenizer->header.vocab_size) {
    bits = table_flags(tokenizer, (uint32_t)token);
    if (bits & TERN_TOKEN_EXISTS)
      result = table_token(tokenizer, (uint32_t)token, &count);
  }
  if (bytes)
    *bytes = count;
  if (flags)
    *flags = result ? bits : 0;
  return (const char *)result;
}

const char *tern_tokenizer_decode(const tern_tokenizer *tokenizer,
                                  int32_t token, uint32_t *begun,
                                  size_t *bytes) {
  size_t count;
  uint32_t flags;
  const char *text = tern_tokenizer_token(tokenizer, token, &count, &flags);
  if (flags & TERN_TOKEN_SPECIAL)
    count = 0; /* a control token is no text */
  if (count > 0 && begun && !*begun) {
    flags = tokenizer->header.flags;
    size_t most = flags & TERN_TOKENIZER_STRIP_SPACES  ? count
                  : flags & TERN_TOKENIZER_STRIP_SPACE ? 1
                                                       : 0;
    for (; most > 0 && *text == ' '; --most) {
      ++text;
      --count;
    }
    *begun = count > 0 || !(flags & TERN_TOKENIZER_STRIP_AGAIN);
  }
  if (bytes)
    *bytes = count;
  return text;
}

int32_t tern_tokenizer_find(const tern_tokenizer *tokenizer, const char *bytes,
                            size_t count) {
  if (!tokenizer || !tokenizer->table || !bytes)
    return -1;
  const table_list lists[] = {TABLE_ADDED, TABLE_LATE, TABLE_PLAIN};
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
    int32_t id =
        tern_table_find(tokenizer, lists[i], (const uint8_t *)bytes, count);
    if (id >= 0)
      return id;
  }
  return -1;
}
