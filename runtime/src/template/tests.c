/*===- tests.c - what can be asked with 'is' ------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <string.h>

typedef int test_fn(engine *e, value v, const value *argument);

/* v % by == 0, of numbers. */
static int is_multiple(engine *e, value v, value by) {
  return template_equal(e, template_binary(e, '%', v, by), template_int(0));
}

static int is_defined(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind != V_UNDEFINED;
}
static int is_undefined(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_UNDEFINED;
}
static int is_none(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_NONE;
}
static int is_true(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_BOOL && v.integer;
}
static int is_false(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_BOOL && !v.integer;
}
static int is_boolean(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_BOOL;
}
static int is_integer(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_INT;
}
static int is_float(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_FLOAT;
}
static int is_number(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return template_is_number(v);
}
static int is_string(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_STRING;
}
static int is_mapping(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return v.kind == V_DICT;
}
static int is_iterable(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return template_is_list(v) || v.kind == V_STRING || v.kind == V_DICT ||
         v.kind == V_UNDEFINED || v.kind == V_LOOP;
}
static int is_sequence(engine *e, value v, const value *a) {
  (void)e, (void)a;
  return template_is_list(v) || v.kind == V_STRING || v.kind == V_DICT ||
         v.kind == V_UNDEFINED;
}
static int is_callable(engine *e, value v, const value *a) {
  (void)e, (void)a;
  /* Of an undefined value Python says so, too. */
  return v.kind == V_UNDEFINED || v.kind == V_FUNCTION || v.kind == V_METHOD ||
         v.kind == V_MACRO;
}

/* At least one letter, and all of them of the case. */
static int is_of_case(engine *e, value v, int how) {
  value text = template_text(e, v);
  return template_same(text, template_case(e, text, how)) &&
         !template_same(text,
                        template_case(e, text, CASE_UPPER + CASE_LOWER - how));
}
static int is_lower(engine *e, value v, const value *a) {
  (void)a;
  return is_of_case(e, v, CASE_LOWER);
}
static int is_upper(engine *e, value v, const value *a) {
  (void)a;
  return is_of_case(e, v, CASE_UPPER);
}

static int is_even(engine *e, value v, const value *a) {
  (void)a;
  return is_multiple(e, v, template_int(2));
}
static int is_odd(engine *e, value v, const value *a) {
  (void)a;
  return template_equal(e, template_binary(e, '%', v, template_int(2)),
                        template_int(1));
}
static int is_divisible(engine *e, value v, const value *a) {
  return is_multiple(e, v, *a);
}
static int is_equal(engine *e, value v, const value *a) {
  return template_equal(e, v, *a);
}
static int is_same(engine *e, value v, const value *a) {
  return v.kind == a->kind && template_equal(e, v, *a);
}
static int is_unequal(engine *e, value v, const value *a) {
  return !template_equal(e, v, *a);
}
static int is_less(engine *e, value v, const value *a) {
  return template_compare(e, v, *a) < 0;
}
static int is_at_most(engine *e, value v, const value *a) {
  return template_compare(e, v, *a) <= 0;
}
static int is_greater(engine *e, value v, const value *a) {
  return template_compare(e, v, *a) > 0;
}
static int is_at_least(engine *e, value v, const value *a) {
  return template_compare(e, v, *a) >= 0;
}
static int is_in(engine *e, value v, const value *a) {
  return template_contains(e, *a, v);
}

static const struct test {
  const char *names; /* with blanks between */
  int arguments;
  test_fn *run;
} tests[] = {
    {"defined", 0, is_defined},
    {"undefined", 0, is_undefined},
    {"none", 0, is_none},
    {"true", 0, is_true},
    {"false", 0, is_false},
    {"boolean", 0, is_boolean},
    {"integer", 0, is_integer},
    {"float", 0, is_float},
    {"number", 0, is_number},
    {"string", 0, is_string},
    {"mapping", 0, is_mapping},
    {"iterable", 0, is_iterable},
    {"sequence", 0, is_sequence},
    {"callable", 0, is_callable},
    {"lower", 0, is_lower},
    {"upper", 0, is_upper},
    {"even", 0, is_even},
    {"odd", 0, is_odd},
    {"divisibleby", 1, is_divisible},
    {"eq equalto ==", 1, is_equal},
    {"ne !=", 1, is_unequal},
    {"sameas", 1, is_same},
    {"lt lessthan <", 1, is_less},
    {"le <=", 1, is_at_most},
    {"gt greaterthan >", 1, is_greater},
    {"ge >=", 1, is_at_least},
    {"in", 1, is_in},
};

int template_test_index(value name) {
  for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); ++i)
    if (template_word(tests[i].names, name) >= 0)
      return (int)i;
  return -1;
}

int template_test(engine *e, size_t index, value input, const value *argument) {
  const struct test *t = &tests[index];
  if ((argument != NULL) != t->arguments)
    template_fail(e, "the test '%.*s' takes %s argument",
                  (int)strcspn(t->names, " "), t->names,
                  t->arguments ? "an" : "no");
  return t->run(e, input, argument);
}
