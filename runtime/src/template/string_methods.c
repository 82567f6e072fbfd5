/*===- string_methods.c - methods of strings ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"

#include <string.h>

static value text_of(engine *e, const char *method, value v) {
  if (v.kind != V_STRING)
    template_fail(e, "%s: expected a string, got %s", method,
                  template_kind_name(v));
  template_spend(e, v.bytes / 64);
  return v;
}

static int64_t number_or(engine *e, const char *method, value v,
                         int64_t missing) {
  if (v.kind == V_UNDEFINED)
    return missing;
  if (v.kind != V_INT)
    template_fail(e, "%s: expected a whole number, got %s", method,
                  template_kind_name(v));
  return v.integer;
}

static const value *set_or_none(engine *e, const value *a) {
  if (a->kind == V_UNDEFINED || a->kind == V_NONE)
    return NULL;
  text_of(e, "strip", *a);
  return a;
}

static value strip_sides(engine *e, const char *method, value s, const value *a,
                         int sides) {
  const value *set = set_or_none(e, a);
  text_of(e, method, s);
  return template_strip(e, s, sides, set);
}
static value strip(engine *e, value s, const value *a) {
  return strip_sides(e, "strip", s, a, STRIP_LEFT | STRIP_RIGHT);
}
static value lstrip(engine *e, value s, const value *a) {
  return strip_sides(e, "lstrip", s, a, STRIP_LEFT);
}
static value rstrip(engine *e, value s, const value *a) {
  return strip_sides(e, "rstrip", s, a, STRIP_RIGHT);
}

static value split(engine *e, value s, const value *a) {
  return template_split(e, text_of(e, "split", s), set_or_none(e, a),
                        number_or(e, "split", a[1], -1));
}

/* From the right: all are cut, and the first ones put together again. */
static value rsplit(engine *e, value s, const value *a) {
  const value *separator = set_or_none(e, a);
  int64_t most = number_or(e, "rsplit", a[1], -1);
  value all = template_split(e, text_of(e, "rsplit", s), separator, -1);
  if (most < 0 || all.list->count <= (uint64_t)most + 1)
    return all;
  uint32_t joined = all.list->count - (uint32_t)most;
  value first = all.list->items[0], last = all.list->items[joined - 1];
  size_t from = separator ? 0 : (size_t)(first.at - s.at);
  value head = template_part(s, from, (size_t)(last.at - s.at) + last.bytes);
  value v = template_list(e, V_LIST, (size_t)most + 1);
  v.list->items[0] = head;
  for (uint32_t i = 1; i < v.list->count; ++i)
    v.list->items[i] = all.list->items[joined - 1 + i];
  return v;
}

static value splitlines(engine *e, value s, const value *a) {
  return template_lines(e, text_of(e, "splitlines", s), template_truth(a[0]));
}

/* Around the first or last place where the separator stands. */
static value parts_around(engine *e, value s, value part, int from_end) {
  value v = template_list(e, V_TUPLE, 3);
  size_t found = NOT_FOUND, at = 0;
  text_of(e, "partition", s);
  if (text_of(e, "partition", part).bytes == 0)
    template_fail(e, "partition: the separator is empty");
  while ((at = template_search(e, s, part, at)) != NOT_FOUND) {
    found = at++;
    if (!from_end)
      break;
  }
  for (int i = 0; i < 3; ++i)
    v.list->items[i] = template_string("", 0);
  if (found == NOT_FOUND) {
    v.list->items[from_end ? 2 : 0] = s;
    return v;
  }
  v.list->items[0] = template_part(s, 0, found);
  v.list->items[1] = part;
  v.list->items[2] = template_part(s, found + part.bytes, s.bytes);
  return v;
}
static value partition(engine *e, value s, const value *a) {
  return parts_around(e, s, a[0], 0);
}
static value rpartition(engine *e, value s, const value *a) {
  return parts_around(e, s, a[0], 1);
}

static value justified(engine *e, const char *method, value s, const value *a,
                       int how) {
  value fill = a[1].kind == V_UNDEFINED ? template_string(" ", 1)
                                        : text_of(e, method, a[1]);
  if (template_length(e, fill) != 1)
    template_fail(e, "%s: expected one character to fill up with", method);
  return template_justify(e, text_of(e, method, s),
                          number_or(e, method, a[0], 0), fill, how);
}
static value ljust(engine *e, value s, const value *a) {
  return justified(e, "ljust", s, a, 0);
}
static value rjust(engine *e, value s, const value *a) {
  return justified(e, "rjust", s, a, 1);
}
static value center(engine *e, value s, const value *a) {
  return justified(e, "center", s, a, 2);
}
/* Zeros, behind a sign. */
static value zfill(engine *e, value s, const value *a) {
  int64_t width = number_or(e, "zfill", a[0], 0);
  width = width < 0 ? 0 : width;
  builder out = {0};
  size_t sign = text_of(e, "zfill", s).bytes && (*s.at == '-' || *s.at == '+');
  template_append_value(e, &out, template_part(s, 0, sign));
  template_append_value(e, &out,
                        template_justify(e, template_part(s, sign, s.bytes),
                                         width - (int64_t)sign,
                                         template_string("0", 1), 1));
  return template_built(&out);
}

/* `how`: 0 begins, 1 ends. A tuple of strings: with any of them. */
static int has_end(engine *e, value s, value part, int how) {
  if (part.kind == V_TUPLE) {
    for (uint32_t i = 0; i < part.list->count; ++i)
      if (has_end(e, s, text_of(e, "startswith", part.list->items[i]), how))
        return 1;
    return 0;
  }
  text_of(e, how ? "endswith" : "startswith", part);
  template_spend(e, part.bytes / 64);
  return part.bytes <= s.bytes &&
         memcmp(s.at + (how ? s.bytes - part.bytes : 0), part.at, part.bytes) ==
             0;
}

static value has_end_within(engine *e, value s, const value *a, int how) {
  size_t before;
  s = template_within(e, text_of(e, how ? "endswith" : "startswith", s), a + 1,
                      &before);
  return template_bool(has_end(e, s, a[0], how) && before != NOT_FOUND);
}
static value startswith(engine *e, value s, const value *a) {
  return has_end_within(e, s, a, 0);
}
static value endswith(engine *e, value s, const value *a) {
  return has_end_within(e, s, a, 1);
}
static value removeprefix(engine *e, value s, const value *a) {
  text_of(e, "removeprefix", a[0]);
  return has_end(e, text_of(e, "removeprefix", s), a[0], 0)
             ? template_part(s, a[0].bytes, s.bytes)
             : s;
}
static value removesuffix(engine *e, value s, const value *a) {
  text_of(e, "removesuffix", a[0]);
  return has_end(e, text_of(e, "removesuffix", s), a[0], 1)
             ? template_part(s, 0, s.bytes - a[0].bytes)
             : s;
}

static value upper(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "upper", s), CASE_UPPER);
}
static value lower(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "lower", s), CASE_LOWER);
}
static value title(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "title", s), CASE_TITLE);
}
static value capitalize(engine *e, value s, const value *a) {
  (void)a;
  return template_case(e, text_of(e, "capitalize", s), CASE_CAPITALIZE);
}

static value replace(engine *e, value s, const value *a) {
  return template_replace(
      e, text_of(e, "replace", s), text_of(e, "replace", a[0]),
      text_of(e, "replace", a[1]), number_or(e, "replace", a[2], -1));
}

/* Of the first or last place in a part of the string, in characters; -1: none.
 */
static int64_t place(engine *e, value s, const value *a, int from_end) {
  size_t found = NOT_FOUND, at = 0, before;
  text_of(e, "find", s);
  text_of(e, "find", a[0]);
  value inside = template_within(e, s, a + 1, &before);
  if (before == NOT_FOUND)
    return -1;
  while ((at = template_search(e, inside, a[0], at)) != NOT_FOUND) {
    found = at++;
    if (!from_end)
      break;
  }
  if (found == NOT_FOUND)
    return -1;
  return template_length(e, template_part(s, 0, before + found));
}
static value find(engine *e, value s, const value *a) {
  return template_int(place(e, s, a, 0));
}
static value rfind(engine *e, value s, const value *a) {
  return template_int(place(e, s, a, 1));
}

static value found_place(engine *e, int64_t at) {
  if (at < 0)
    template_fail(e, "index: it is not there");
  return template_int(at);
}
static value index_of(engine *e, value s, const value *a) {
  return found_place(e, place(e, s, a, 0));
}
static value rindex_of(engine *e, value v, const value *a) {
  return found_place(e, place(e, v, a, 1));
}

static value count(engine *e, value s, const value *a) {
  int64_t n = 0;
  size_t at = 0, before;
  text_of(e, "count", a[0]);
  s = template_within(e, s, a + 1, &before);
  if (a[0].bytes == 0)
    return template_int(
        before == NOT_FOUND ? 0 : (int64_t)template_length(e, s) + 1);
  while ((at = template_search(e, s, a[0], at)) != NOT_FOUND) {
    ++n;
    at += a[0].bytes;
  }
  return template_int(n);
}

/* Classes of characters; those beyond ASCII are letters or nothing. */
static int is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static int is_letter(uint32_t c) {
  return template_is_word(c) && c != '_' && !is_digit(c);
}
static int is_letter_or_digit(uint32_t c) {
  return is_letter(c) || is_digit(c);
}
static int is_ascii(uint32_t c) { return c < 0x80; }

static value all_are(engine *e, const char *method, value s,
                     int (*is)(uint32_t)) {
  uint32_t length;
  text_of(e, method, s);
  template_spend(e, s.bytes / 16);
  for (size_t at = 0; at < s.bytes; at += length)
    if (!is(template_decode(s, at, &length)))
      return template_bool(0);
  return template_bool(s.bytes != 0);
}
static value isdigit_(engine *e, value s, const value *a) {
  (void)a;
  return all_are(e, "isdigit", s, is_digit);
}
static value isalpha_(engine *e, value s, const value *a) {
  (void)a;
  return all_are(e, "isalpha", s, is_letter);
}
static value isalnum_(engine *e, value s, const value *a) {
  (void)a;
  return all_are(e, "isalnum", s, is_letter_or_digit);
}
static value isascii_(engine *e, value s, const value *a) {
  (void)a;
  return template_bool(text_of(e, "isascii", s).bytes == 0 ||
                       all_are(e, "isascii", s, is_ascii).integer);
}
static value is_of_case(engine *e, const char *method, value s, int how) {
  text_of(e, method, s);
  return template_bool(
      template_same(s, template_case(e, s, how)) &&
      !template_same(s, template_case(e, s, CASE_UPPER + CASE_LOWER - how)));
}
static value islower_(engine *e, value s, const value *a) {
  (void)a;
  return is_of_case(e, "islower", s, CASE_LOWER);
}
static value isupper_(engine *e, value s, const value *a) {
  (void)a;
  return is_of_case(e, "isupper", s, CASE_UPPER);
}
static value isspace_(engine *e, value s, const value *a) {
  (void)a;
  text_of(e, "isspace", s);
  return template_bool(s.bytes &&
                       template_strip(e, s, STRIP_LEFT, NULL).bytes == 0);
}

static value join(engine *e, value s, const value *a) {
  builder out = {0};
  const list *items = template_elements(e, a[0]);
  text_of(e, "join", s);
  for (uint32_t i = 0; i < items->count; ++i) {
    if (i)
      template_append_value(e, &out, s);
    template_append_value(e, &out, text_of(e, "join", items->items[i]));
  }
  return template_built(&out);
}

static const template_entry entries[] = {
    {"strip", "chars", strip},
    {"lstrip", "chars", lstrip},
    {"rstrip", "chars", rstrip},
    {"split", "sep maxsplit", split},
    {"rsplit", "sep maxsplit", rsplit},
    {"splitlines", "keepends", splitlines},
    {"partition", "!sep", partition},
    {"rpartition", "!sep", rpartition},
    {"ljust", "!width fillchar", ljust},
    {"rjust", "!width fillchar", rjust},
    {"center", "!width fillchar", center},
    {"zfill", "!width", zfill},
    {"startswith", "!prefix start end", startswith},
    {"endswith", "!suffix start end", endswith},
    {"removeprefix", "!prefix", removeprefix},
    {"removesuffix", "!suffix", removesuffix},
    {"upper", "", upper},
    {"lower", "", lower},
    {"casefold", "", lower},
    {"title", "", title},
    {"capitalize", "", capitalize},
    {"replace", "!old !new count", replace},
    {"find", "!sub start end", find},
    {"rfind", "!sub start end", rfind},
    {"index", "!value start end", index_of},
    {"rindex", "!value start end", rindex_of},
    {"count", "!value start end", count},
    {"isdigit", "", isdigit_},
    {"isdecimal", "", isdigit_},
    {"isnumeric", "", isdigit_},
    {"isascii", "", isascii_},
    {"islower", "", islower_},
    {"isupper", "", isupper_},
    {"isalpha", "", isalpha_},
    {"isalnum", "", isalnum_},
    {"isspace", "", isspace_},
    {"format", "", NULL}, /* takes any arguments */
    {"join", "!iterable", join},
};

const template_entry *template_string_method(value name) {
  for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); ++i)
    if (template_is(name, entries[i].name))
      return &entries[i];
  return NULL;
}
