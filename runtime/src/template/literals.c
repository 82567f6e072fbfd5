/*===- literals.c - texts and strings of a template ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

typedef struct taker {
  int (*take)(void *data, const char *text, size_t bytes);
  void *data;
} taker;

/* The parser bounds how deep nodes lie inside each other. */
static int walk(const node *first, const taker *to) {
  int result = 0;
  for (const node *n = first; n && !result; n = n->next) {
    int is_key = n->kind == N_INDEX && n->b->kind == N_CONSTANT;
    if (n->kind == N_TEXT ||
        (n->kind == N_CONSTANT && n->text.kind == V_STRING))
      result = to->take(to->data, n->text.at, n->text.bytes);
    const node *const inside[] = {
        n->a, is_key ? NULL : n->b, n->c, n->items, n->body, n->other};
    for (size_t i = 0; i < sizeof(inside) / sizeof(*inside) && !result; ++i)
      result = walk(inside[i], to);
  }
  return result;
}

int tern_template_literals(const tern_template *parsed,
                           int (*take)(void *data, const char *text,
                                       size_t bytes),
                           void *data) {
  taker to = {take, data};
  return walk(parsed->body, &to);
}
