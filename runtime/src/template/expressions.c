/*===- expressions.c - parsing expressions --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <errno.h>
#include <stdlib.h>

/*--- The smallest parts ----------------------------------------------------*/

static node *parse_number(parser *p) {
  char digits[64];
  size_t n = 0;
  value text = p->token.text;
  for (uint32_t i = 0; i < text.bytes; ++i) {
    if (text.at[i] == '_')
      continue;
    if (n + 1 == sizeof(digits))
      template_fail(p->engine, "a number of too many digits");
    digits[n++] = text.at[i];
  }
  digits[n] = 0;
  errno = 0;
  value v = p->token.kind == T_INT ? template_int(strtoll(digits, NULL, 10))
                                   : template_float(strtod(digits, NULL));
  if (errno != 0)
    template_fail(p->engine, "the number %s is out of range", digits);
  node *result = template_constant(p, v);
  template_advance(p);
  return result;
}

/* Neighbours are one string. */
static node *parse_string(parser *p) {
  node *result =
      template_constant(p, template_unquote(p->engine, p->token.text));
  template_advance(p);
  builder all = {0};
  while (p->token.kind == T_STRING) {
    if (!all.at)
      template_append_value(p->engine, &all, result->text);
    template_append_value(p->engine, &all,
                          template_unquote(p->engine, p->token.text));
    result->text = template_built(&all);
    template_advance(p);
  }
  return result;
}

static node *parse_name(parser *p) {
  static const char *const reserved =
      "and else elif if in is not or for endfor endif";
  value name = p->token.text;
  value v = {0};
  if (template_word("true True", name) >= 0)
    v = template_bool(1);
  else if (template_word("false False", name) >= 0)
    v = template_bool(0);
  else if (template_word("none None", name) >= 0)
    v.kind = V_NONE;
  else if (template_word(reserved, name) >= 0)
    template_unexpected(p, "an expression");
  node *n = template_node(p, v.kind == V_UNDEFINED ? N_NAME : N_CONSTANT);
  n->text = v.kind == V_UNDEFINED ? name : v;
  template_advance(p);
  return n;
}

static node *parse_list(parser *p, uint32_t close) {
  node *n = template_node(p, close == ']' ? N_LIST : N_DICT), *last = NULL;
  template_advance(p);
  while (template_more(p, n, close)) {
    template_add(n, &last, template_parse_expression(p, 1));
    if (close == ']')
      continue;
    template_expect_op(p, ':');
    template_add(n, &last, template_parse_expression(p, 1));
  }
  template_advance(p);
  return n;
}

static node *parse_primary(parser *p) {
  node *n;
  switch (p->token.kind) {
  case T_INT:
  case T_FLOAT:
    return parse_number(p);
  case T_STRING:
    return parse_string(p);
  case T_NAME:
    return parse_name(p);
  default:
    break;
  }
  if (template_at_op(p, '['))
    return parse_list(p, ']');
  if (template_at_op(p, '{'))
    return parse_list(p, '}');
  if (!template_skip_op(p, '('))
    template_unexpected(p, "an expression");
  if (template_at_op(p, ')'))
    n = template_node(p, N_TUPLE);
  else
    n = template_parse_tuple(p, 1);
  template_expect_op(p, ')');
  return n;
}

/*--- What comes behind them ------------------------------------------------*/

/* Between '(' and ')'. */
void template_parse_arguments(parser *p, node *to) {
  node *last = NULL;
  int named = 0;
  template_expect_op(p, '(');
  while (template_more(p, to, ')')) {
    if (template_at_op(p, '*') || template_at_op(p, OP2('*', '*')))
      template_fail(p->engine, "'*' before an argument is not supported");
    node *item = template_parse_expression(p, 1);
    if (item->kind == N_NAME && template_at_op(p, '=')) {
      node *keyword = template_node(p, N_KEYWORD);
      template_advance(p);
      keyword->text = item->text;
      keyword->a = template_parse_expression(p, 1);
      item = keyword;
      named = 1;
    } else if (named) {
      template_fail(p->engine, "an argument without a name behind one with");
    }
    template_add(to, &last, item);
    if (to->count > MOST_ARGUMENTS)
      template_fail(p->engine, "more than %u arguments", MOST_ARGUMENTS);
  }
  template_advance(p);
}

static node *parse_index(parser *p, node *object) {
  node *bounds[3] = {NULL, NULL, NULL};
  int part = 0;
  while (!template_at_op(p, ']')) {
    if (template_skip_op(p, ':')) {
      if (++part > 2)
        template_fail(p->engine, "a slice has at most three parts");
    } else if (bounds[part]) {
      template_unexpected(p, "']'");
    } else {
      bounds[part] = template_parse_expression(p, 1);
    }
  }
  if (part == 0 && !bounds[0])
    template_unexpected(p, "an expression");
  template_advance(p);
  node *n = template_above(p, part ? N_SLICE : N_INDEX, object), *last = NULL;
  n->b = bounds[0];
  for (int i = 0; part && i < 3; ++i)
    template_add(n, &last, bounds[i] ? bounds[i] : template_node(p, N_MISSING));
  return n;
}

static node *parse_postfix(parser *p, node *n) {
  for (;;) {
    if (template_skip_op(p, '.')) {
      node *of = template_above(p, N_ATTRIBUTE, n);
      if (p->token.kind == T_INT) {
        of->kind = N_INDEX;
        of->b = parse_number(p);
      } else {
        of->text = template_take_name(p, "a name behind '.'");
      }
      n = of;
    } else if (template_skip_op(p, '[')) {
      n = parse_index(p, n);
    } else if (template_at_op(p, '(')) {
      if (n->kind == N_ATTRIBUTE && !template_is_method(n->text))
        template_fail(p->engine, "unknown method '%.*s'",
                      (int)(n->text.bytes < 60 ? n->text.bytes : 60),
                      n->text.at);
      n = template_above(p, N_CALL, n);
      template_parse_arguments(p, n);
    } else {
      return n;
    }
  }
}

/* Named arguments of filters are known by their tables. */
static void check_names(parser *p, const node *n, const char *known) {
  for (const node *item = n->items; item; item = item->next)
    if (item->kind == N_KEYWORD && template_parameter(known, item->text) < 0)
      template_fail(p->engine, "'%.*s' has no argument '%.*s'",
                    (int)n->text.bytes, n->text.at, (int)item->text.bytes,
                    item->text.at);
}

static node *parse_filter(parser *p, node *operand) {
  node *n = template_above(p, N_FILTER, operand);
  n->text = template_take_name(p, "the name of a filter");
  int index = template_filter_index(n->text);
  if (index < 0)
    template_fail(p->engine, "unknown filter '%.*s'",
                  (int)(n->text.bytes < 60 ? n->text.bytes : 60), n->text.at);
  n->index = (size_t)index;
  if (template_at_op(p, '('))
    template_parse_arguments(p, n);
  check_names(p, n, template_filter_entry(n->index)->parameters);
  return n;
}

static node *parse_test(parser *p, node *operand) {
  node *negated =
      template_skip_name(p, "not") ? template_above(p, N_NOT, NULL) : NULL;
  node *n = template_above(p, N_TEST, operand), *last = NULL;
  n->text = template_take_name(p, "the name of a test");
  int index = template_test_index(n->text);
  if (index < 0)
    template_fail(p->engine, "unknown test '%.*s'",
                  (int)(n->text.bytes < 60 ? n->text.bytes : 60), n->text.at);
  n->index = (size_t)index;
  token_kind kind = p->token.kind;
  if (template_at_op(p, '('))
    template_parse_arguments(p, n);
  else if (kind == T_STRING || kind == T_INT || kind == T_FLOAT ||
           template_at_op(p, '[') || template_at_op(p, '{') ||
           (kind == T_NAME &&
            template_word("else or and is if in not", p->token.text) < 0))
    template_add(n, &last, parse_postfix(p, parse_primary(p)));
  if (n->count > 1)
    template_fail(p->engine, "the test '%.*s' takes one argument at most",
                  (int)n->text.bytes, n->text.at);
  if (!negated)
    return n;
  negated->a = n;
  negated->height = n->height + 1;
  return negated;
}

node *template_parse_filters(parser *p, node *n) {
  for (;;) {
    if (template_skip_op(p, '|'))
      n = parse_filter(p, n);
    else if (template_skip_name(p, "is"))
      n = parse_test(p, n);
    else if (template_at_op(p, '(') && n->kind != N_CONSTANT)
      n = parse_postfix(p, n);
    else
      return n;
  }
}

/*--- Operators, the tightest first -----------------------------------------*/

static node *parse_unary(parser *p, int with_filters) {
  node *n;
  template_enter(p->engine);
  if (template_at_op(p, '-') || template_at_op(p, '+')) {
    node_kind kind = template_at_op(p, '-') ? N_MINUS : N_PLUS;
    template_advance(p);
    n = template_above(p, kind, parse_unary(p, 0));
  } else {
    n = parse_postfix(p, parse_primary(p));
  }
  if (with_filters)
    n = template_parse_filters(p, n);
  template_leave(p->engine);
  return n;
}

/* Levels of operators that group to the left; '~' binds tighter than '+'. */
static const uint32_t levels[4][4] = {
    {'+', '-'}, {'~'}, {'*', '/', OP2('/', '/'), '%'}, {OP2('*', '*')}};

static node *parse_binary(parser *p, int level) {
  if (level == 4)
    return parse_unary(p, 1);
  node *n = parse_binary(p, level + 1);
  for (;;) {
    uint32_t op = 0;
    for (int i = 0; i < 4 && !op; ++i)
      if (levels[level][i] && template_at_op(p, levels[level][i]))
        op = levels[level][i];
    if (!op)
      return n;
    template_advance(p);
    n = template_above(p, N_BINARY, n);
    n->op = op;
    n->b = parse_binary(p, level + 1);
  }
}

static uint32_t skip_comparison(parser *p) {
  static const uint32_t ops[] = {OP2('=', '='), OP2('!', '='), OP2('<', '='),
                                 OP2('>', '='), '<',           '>'};
  for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i)
    if (template_skip_op(p, ops[i]))
      return ops[i];
  if (template_skip_name(p, "in"))
    return OP_IN;
  if (!template_at_name(p, "not"))
    return 0;
  parser before = *p;
  template_advance(p);
  if (template_skip_name(p, "in"))
    return OP_NOT_IN;
  *p = before;
  return 0;
}

static node *parse_comparison(parser *p) {
  node *n = parse_binary(p, 0), *last = NULL;
  uint32_t op;
  while ((op = skip_comparison(p)) != 0) {
    if (!last)
      n = template_above(p, N_COMPARE, n);
    node *operand = template_node(p, N_OPERAND);
    operand->op = op;
    operand->a = parse_binary(p, 0);
    template_add(n, &last, operand);
  }
  return n;
}

static node *parse_not(parser *p) {
  if (!template_skip_name(p, "not"))
    return parse_comparison(p);
  template_enter(p->engine);
  node *n = template_above(p, N_NOT, parse_not(p));
  template_leave(p->engine);
  return n;
}

static node *parse_and(parser *p) {
  node *n = parse_not(p);
  while (template_skip_name(p, "and")) {
    n = template_above(p, N_AND, n);
    n->b = parse_not(p);
  }
  return n;
}

static node *parse_or(parser *p) {
  node *n = parse_and(p);
  while (template_skip_name(p, "or")) {
    n = template_above(p, N_OR, n);
    n->b = parse_and(p);
  }
  return n;
}

node *template_parse_expression(parser *p, int with_choice) {
  template_enter(p->engine);
  node *n = parse_or(p);
  while (with_choice && template_skip_name(p, "if")) {
    node *choice = template_above(p, N_CHOICE, n);
    choice->b = n;
    choice->a = parse_or(p);
    if (template_skip_name(p, "else"))
      choice->c = template_parse_expression(p, 1);
    n = choice;
  }
  template_leave(p->engine);
  return n;
}

node *template_parse_tuple(parser *p, int with_choice) {
  node *n = template_parse_expression(p, with_choice), *last = NULL;
  if (!template_at_op(p, ','))
    return n;
  node *tuple = template_node(p, N_TUPLE);
  template_add(tuple, &last, n);
  while (template_skip_op(p, ',')) {
    if (p->token.kind == T_BLOCK_END || p->token.kind == T_PRINT_END ||
        template_at_op(p, ')') || template_at_op(p, '='))
      break;
    template_add(tuple, &last, template_parse_expression(p, with_choice));
  }
  return tuple;
}
