/*===- parser.c - tokens and nodes ----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

/*--- Tokens ----------------------------------------------------------------*/

void template_advance(parser *p) {
  p->token = template_lex(&p->lexer);
  p->engine->line = p->token.line;
}

int template_at_op(const parser *p, uint32_t op) {
  if (p->token.kind != T_OPERATOR)
    return 0;
  return (p->token.op ? p->token.op : (uint32_t)*p->token.text.at) == op;
}

int template_at_name(const parser *p, const char *name) {
  return p->token.kind == T_NAME && template_is(p->token.text, name);
}

int template_skip_op(parser *p, uint32_t op) {
  int is = template_at_op(p, op);
  if (is)
    template_advance(p);
  return is;
}

int template_skip_name(parser *p, const char *name) {
  int is = template_at_name(p, name);
  if (is)
    template_advance(p);
  return is;
}

void template_unexpected(parser *p, const char *wanted) {
  value t = p->token.text;
  if (p->token.kind == T_END || p->token.kind == T_TEXT)
    template_fail(p->engine, "expected %s", wanted);
  template_fail(p->engine, "expected %s, got '%.*s'", wanted,
                (int)(t.bytes < 60 ? t.bytes : 60), t.at);
}

void template_expect_op(parser *p, uint32_t op) {
  char wanted[] = {'\'', (char)op, '\'', 0};
  if (!template_skip_op(p, op))
    template_unexpected(p, wanted);
}

int template_more(parser *p, const node *list, uint32_t close) {
  if (template_at_op(p, close))
    return 0;
  if (list->count && !template_skip_op(p, ','))
    template_unexpected(p, close == ')'   ? "',' or ')'"
                           : close == ']' ? "',' or ']'"
                                          : "',' or '}'");
  return !template_at_op(p, close);
}

value template_take_name(parser *p, const char *what) {
  value name = p->token.text;
  if (p->token.kind != T_NAME)
    template_unexpected(p, what);
  template_advance(p);
  return name;
}

/*--- Nodes -----------------------------------------------------------------*/

node *template_node(parser *p, node_kind kind) {
  node *n = template_take(p->engine, sizeof(*n));
  n->kind = kind;
  n->line = p->token.line;
  return n;
}

void template_add(node *to, node **last, node *item) {
  if (*last)
    (*last)->next = item;
  else
    to->items = item;
  *last = item;
  ++to->count;
}

node *template_above(parser *p, node_kind kind, node *a) {
  node *n = template_node(p, kind);
  n->a = a;
  n->height = (a ? a->height : 0) + 1;
  if (n->height > TERN_TEMPLATE_DEPTH / 4)
    template_fail(p->engine, "an expression of more than %u parts",
                  TERN_TEMPLATE_DEPTH / 4);
  return n;
}

node *template_constant(parser *p, value v) {
  node *n = template_node(p, N_CONSTANT);
  n->text = v;
  return n;
}
