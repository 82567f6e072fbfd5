/*===- operators.c - what operators do ------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <math.h>

static value repeated(engine *e, value v, int64_t times) {
  builder text = {0};
  if (v.kind == V_STRING) {
    for (int64_t i = 0; i < times && v.bytes; ++i) {
      template_spend(e, 1);
      template_append_value(e, &text, v);
    }
    return template_built(&text);
  }
  uint32_t count = v.list->count;
  if (times < 0 || count == 0)
    times = 0;
  if (count && times > UINT32_MAX / (int64_t)count)
    template_fail(e, "a list repeated %lld times is too long",
                  (long long)times);
  value all = template_list(e, v.kind, (size_t)times * count);
  for (uint32_t i = 0; i < all.list->count; ++i)
    all.list->items[i] = v.list->items[i % count];
  return all;
}

static value joined_lists(engine *e, value a, value b) {
  value all = template_list(e, a.kind, (size_t)a.list->count + b.list->count);
  for (uint32_t i = 0; i < all.list->count; ++i)
    all.list->items[i] =
        i < a.list->count ? a.list->items[i] : b.list->items[i - a.list->count];
  return all;
}

static value joined_text(engine *e, value a, value b) {
  builder text = {0};
  value x = template_text(e, a), y = template_text(e, b);
  if (x.bytes == 0 || y.bytes == 0)
    return x.bytes ? x : y;
  template_append_value(e, &text, x);
  template_append_value(e, &text, y);
  return template_built(&text);
}

static value float_operation(engine *e, uint32_t op, double x, double y) {
  if (y == 0 && (op == '/' || op == '%' || op == OP2('/', '/')))
    template_fail(e, "division by zero");
  switch (op) {
  case '+':
    return template_float(x + y);
  case '-':
    return template_float(x - y);
  case '*':
    return template_float(x * y);
  case '/':
    return template_float(x / y);
  case '%': {
    double rest = fmod(x, y);
    if (rest == 0)
      return template_float(copysign(0.0, y));
    return template_float(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
  }
  case OP2('/', '/'):
    return template_float(floor(x / y));
  default: {
    double power = pow(x, y);
    if (!isfinite(power))
      template_fail(e, "a power is no number or too large");
    return template_float(power);
  }
  }
}

static int64_t int_power(engine *e, int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (int64_t i = 0; i < exponent; ++i) {
    template_spend(e, 1);
    if (__builtin_mul_overflow(result, base, &result))
      template_fail(e, "a number is too large");
    if (base == 0 || base == 1)
      break;
  }
  return result;
}

static value int_operation(engine *e, uint32_t op, int64_t x, int64_t y) {
  int64_t result = 0;
  int overflow = 0;
  switch (op) {
  case '+':
    overflow = __builtin_add_overflow(x, y, &result);
    break;
  case '-':
    overflow = __builtin_sub_overflow(x, y, &result);
    break;
  case '*':
    overflow = __builtin_mul_overflow(x, y, &result);
    break;
  case OP2('*', '*'):
    if (y < 0)
      return float_operation(e, op, (double)x, (double)y);
    result = int_power(e, x, y);
    break;
  default:
    if (y == 0 || op == '/')
      return float_operation(e, op, (double)x, (double)y);
    if (y == -1) { /* the only quotient that may not fit */
      overflow = op != '%' && __builtin_sub_overflow(0, x, &result);
      break;
    }
    result = x % y;
    if (op == '%')
      result += result != 0 && (result < 0) != (y < 0) ? y : 0;
    else
      result = x / y - (result != 0 && (result < 0) != (y < 0));
  }
  if (overflow)
    template_fail(e, "a number is too large");
  return template_int(result);
}

value template_binary(engine *e, uint32_t op, value a, value b) {
  if (op == '~')
    return joined_text(e, a, b);
  if (template_is_number(a) && template_is_number(b)) {
    if (a.kind == V_FLOAT || b.kind == V_FLOAT)
      return float_operation(e, op, template_number(a), template_number(b));
    return int_operation(e, op, a.integer, b.integer);
  }
  if (op == '%' && a.kind == V_STRING)
    return template_format(e, a, b);
  if (op == '+' && a.kind == V_STRING && b.kind == V_STRING)
    return joined_text(e, a, b);
  if (op == '+' && template_is_list(a) && a.kind == b.kind)
    return joined_lists(e, a, b);
  if (op == '*' && (a.kind == V_STRING || template_is_list(a)) &&
      (b.kind == V_INT || b.kind == V_BOOL))
    return repeated(e, a, b.integer);
  if (op == '*' && (b.kind == V_STRING || template_is_list(b)) &&
      (a.kind == V_INT || a.kind == V_BOOL))
    return repeated(e, b, a.integer);
  char text[3] = {(char)(op > 0xFF ? op >> 8 : op), (char)(op > 0xFF ? op : 0),
                  0};
  template_fail(e, "'%s' between %s and %s", text, template_kind_name(a),
                template_kind_name(b));
}

/* a < b < c means a < b and b < c. */
value template_comparison(engine *e, const node *n) {
  value left = template_evaluate(e, n->a);
  for (const node *operand = n->items; operand; operand = operand->next) {
    value right = template_evaluate(e, operand->a);
    int holds;
    switch (operand->op) {
    case OP2('=', '='):
      holds = template_equal(e, left, right);
      break;
    case OP2('!', '='):
      holds = !template_equal(e, left, right);
      break;
    case OP_IN:
      holds = template_contains(e, right, left);
      break;
    case OP_NOT_IN:
      holds = !template_contains(e, right, left);
      break;
    case '<':
      holds = template_compare(e, left, right) < 0;
      break;
    case '>':
      holds = template_compare(e, left, right) > 0;
      break;
    case OP2('<', '='):
      holds = template_compare(e, left, right) <= 0;
      break;
    default:
      holds = template_compare(e, left, right) >= 0;
    }
    if (!holds)
      return template_bool(0);
    left = right;
  }
  return template_bool(1);
}

value template_sign(engine *e, const node *n) {
  value v = template_evaluate(e, n->a);
  if (!template_is_number(v))
    template_fail(e, "%s has no sign", template_kind_name(v));
  if (v.kind == V_FLOAT)
    return n->kind == N_MINUS ? template_float(-v.number) : v;
  return n->kind == N_MINUS ? int_operation(e, '-', 0, v.integer)
                            : template_int(v.integer);
}
