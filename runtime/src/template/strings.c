/*===- strings.c - text by characters -------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "../core/utf8.h"
#include "parts.h"

#include <string.h>

/* A byte that is not part of a valid sequence is a character of its own. */
uint32_t template_decode(value s, size_t at, uint32_t *length) {
  uint32_t code =
      tern_utf8_decode((const uint8_t *)s.at + at, s.bytes - at, length);
  return code == UTF8_INVALID ? 0xFFFD : code;
}

/* The characters that Python's str.strip takes away. */
int template_is_space(uint32_t c) {
  return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 ||
         c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/* Takes steps for one character: sixteen make one without a set, as each is
 * looked for in the whole of it. */
static int in_set(engine *e, value s, size_t at, uint32_t length,
                  const value *set) {
  uint32_t ignored;
  if (!set) {
    template_spend(e, at % 16 < length);
    return template_is_space(template_decode(s, at, &ignored));
  }
  if (length == 1 && (uint8_t)s.at[at] < 0x80) {
    template_spend(e, 1 + set->bytes / 64);
    return memchr(set->at, s.at[at], set->bytes) != NULL;
  }
  template_spend(e, 1 + set->bytes / 8);
  for (uint32_t i = 0, n; i < set->bytes; i += n) {
    template_decode(*set, i, &n);
    if (n == length && memcmp(set->at + i, s.at + at, n) == 0)
      return 1;
  }
  return 0;
}

value template_strip(engine *e, value s, int sides, const value *set) {
  size_t from = 0, to = s.bytes;
  uint32_t length;
  while ((sides & STRIP_LEFT) && from < to) {
    template_decode(s, from, &length);
    if (!in_set(e, s, from, length, set))
      break;
    from += length;
  }
  while ((sides & STRIP_RIGHT) && to > from) {
    size_t at = to - 1;
    while (at > from && ((uint8_t)s.at[at] & 0xC0) == 0x80)
      --at;
    template_decode(s, at, &length);
    if (at + length != to) {
      at = to - 1;
      length = 1;
    }
    if (!in_set(e, s, at, length, set))
      break;
    to = at;
  }
  return template_part(s, from, to);
}

value template_characters(engine *e, value s) {
  value v = template_list(e, V_LIST, template_length(e, s));
  /* Bytes that continue nothing were not counted, but are characters. */
  size_t count = 0, room = v.list->count;
  uint32_t length;
  for (size_t at = 0; at < s.bytes; at += length, ++count)
    template_decode(s, at, &length);
  if (count != room)
    v = template_list(e, V_LIST, count);
  count = 0;
  for (size_t at = 0; at < s.bytes; at += length) {
    template_decode(s, at, &length);
    v.list->items[count++] = template_part(s, at, at + length);
  }
  template_spend(e, count / 8);
  return v;
}

size_t template_search(engine *e, value s, value part, size_t from) {
  if (from > s.bytes || part.bytes > s.bytes - from)
    return NOT_FOUND;
  const char *found =
      part.bytes ? memmem(s.at + from, s.bytes - from, part.at, part.bytes)
                 : s.at + from;
  size_t at = found ? (size_t)(found - s.at) : NOT_FOUND;
  template_spend(e, 2 + ((found ? at : s.bytes) - from) / 64);
  return at;
}

/* "" is found before each character and at the end. */
value template_replace(engine *e, value s, value from, value to, int64_t most) {
  builder out = {0};
  size_t at = 0;
  while (most != 0 && at <= s.bytes) {
    size_t found = template_search(e, s, from, at);
    if (found == NOT_FOUND)
      break;
    template_append_value(e, &out, template_part(s, at, found));
    template_append_value(e, &out, to);
    at = found + from.bytes;
    most -= most > 0;
    if (from.bytes == 0) {
      uint32_t length = 1;
      if (at < s.bytes) {
        template_decode(s, at, &length);
        template_append_value(e, &out, template_part(s, at, at + length));
      }
      at += length;
    }
  }
  if (at < s.bytes)
    template_append_value(e, &out, template_part(s, at, s.bytes));
  return template_built(&out);
}

/* A list that grows. */
static void push(engine *e, list *to, uint32_t *room, value item) {
  if (to->count == *room) {
    *room = *room ? 2 * *room : 8;
    value *items = template_take(e, *room * sizeof(value));
    if (to->count)
      memcpy(items, to->items, to->count * sizeof(value));
    to->items = items;
  }
  to->items[to->count++] = item;
}

static value split_at_space(engine *e, value s, int64_t most) {
  value v = template_list(e, V_LIST, 0);
  uint32_t room = 0, length;
  for (value rest = template_strip(e, s, STRIP_LEFT, NULL); rest.bytes;) {
    size_t at = 0;
    if (most == 0) {
      push(e, v.list, &room, template_strip(e, rest, STRIP_RIGHT, NULL));
      break;
    }
    while (at < rest.bytes &&
           !template_is_space(template_decode(rest, at, &length)))
      at += length;
    push(e, v.list, &room, template_part(rest, 0, at));
    template_spend(e, 1 + at / 16);
    rest = template_strip(e, template_part(rest, at, rest.bytes), STRIP_LEFT,
                          NULL);
    most -= most > 0;
  }
  return v;
}

value template_split(engine *e, value s, const value *separator, int64_t most) {
  if (!separator)
    return split_at_space(e, s, most);
  if (separator->bytes == 0)
    template_fail(e, "split: the separator is empty");
  value v = template_list(e, V_LIST, 0);
  uint32_t room = 0;
  size_t at = 0, found;
  while (most != 0 &&
         (found = template_search(e, s, *separator, at)) != NOT_FOUND) {
    push(e, v.list, &room, template_part(s, at, found));
    at = found + separator->bytes;
    most -= most > 0;
  }
  push(e, v.list, &room, template_part(s, at, s.bytes));
  return v;
}

value template_within(engine *e, value s, const value *bounds, size_t *before) {
  int64_t ends[2], count = template_length(e, s);
  for (int i = 0; i < 2; ++i) {
    value v = bounds[i];
    ends[i] = i ? count : 0;
    if (v.kind == V_UNDEFINED || v.kind == V_NONE)
      continue;
    if (v.kind != V_INT && v.kind != V_BOOL)
      template_fail(e, "the bounds of a part are whole numbers");
    ends[i] = v.integer < 0 ? v.integer + count : v.integer;
    ends[i] = ends[i] < 0 ? 0 : ends[i];
  }
  *before = ends[0] > count ? NOT_FOUND : 0;
  size_t at[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    uint32_t length;
    for (int64_t c = 0; c < ends[i] && at[i] < s.bytes; ++c, at[i] += length)
      template_decode(s, at[i], &length);
  }
  template_spend(e, s.bytes / 16);
  if (*before == 0)
    *before = at[0];
  return template_part(s, at[0], at[1] < at[0] ? at[0] : at[1]);
}

value template_justify(engine *e, value s, int64_t width, value fill, int how) {
  builder out = {0};
  int64_t length = template_length(e, s), before = 0;
  if (width <= length)
    return s;
  int64_t missing = width - length;
  if (how)
    before = how == 1 ? missing : missing / 2 + (missing & width & 1);
  for (int64_t i = 0; i < before; ++i)
    template_append_value(e, &out, fill);
  template_append_value(e, &out, s);
  for (int64_t i = before; i < missing; ++i)
    template_append_value(e, &out, fill);
  return template_built(&out);
}

value template_lines(engine *e, value s, int with_ends) {
  value v = template_list(e, V_LIST, 0);
  uint32_t room = 0, length;
  for (size_t from = 0, at = 0; from < s.bytes; from = at) {
    size_t end = s.bytes;
    for (at = from; at < s.bytes; at += length) {
      uint32_t c = template_decode(s, at, &length);
      if ((c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
          c == 0x2028 || c == 0x2029) {
        end = at;
        at += length;
        at += c == '\r' && at < s.bytes && s.at[at] == '\n';
        break;
      }
    }
    push(e, v.list, &room, template_part(s, from, with_ends ? at : end));
    template_spend(e, 1 + (at - from) / 16);
  }
  return v;
}

/*--- Case, of the alphabets whose cases lie regularly ----------------------*/

static uint32_t lower_of(uint32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
      (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F))
    return c + 32;
  if (c >= 0x400 && c <= 0x40F)
    return c + 80;
  if (((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177) ||
       (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
       (c >= 0x4D0 && c <= 0x52F)) &&
      c % 2 == 0)
    return c + 1;
  if ((c >= 0x139 && c <= 0x148) && c % 2 == 1)
    return c + 1;
  return c;
}

static uint32_t upper_of(uint32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7) ||
      (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F))
    return c - 32;
  if (c == 0x3C2)
    return 0x3A3;
  if (c >= 0x450 && c <= 0x45F)
    return c - 80;
  return c > 0x80 && c != 0x131 && lower_of(c - 1) == c ? c - 1 : c;
}

/* All of these have two bytes at most, and so have their other cases. */
static void append_as(engine *e, builder *to, value s, size_t at,
                      uint32_t length, uint32_t code, uint32_t wanted) {
  char out[2] = {(char)wanted, 0};
  if (code == wanted || length > 2) {
    template_append_value(e, to, template_part(s, at, at + length));
    return;
  }
  if (length == 2) {
    out[0] = (char)(0xC0 | wanted >> 6);
    out[1] = (char)(0x80 | (wanted & 0x3F));
  }
  template_append(e, to, out, s.marks ? s.marks + at : NULL, length);
}

/* Beyond ASCII: letters but for signs, spaces and pictures. */
int template_is_word(uint32_t c) {
  if (c < 0x80)
    return c == '_' || (c >= '0' && c <= '9') || lower_of(c) != c ||
           upper_of(c) != c;
  if (c < 0xC0)
    return c == 0xAA || c == 0xB5 || c == 0xBA || c == 0xB2 || c == 0xB3 ||
           c == 0xB9 || (c >= 0xBC && c <= 0xBE);
  return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c < 0x2070) &&
         !(c >= 0x20A0 && c < 0x2100) && !(c >= 0x2190 && c < 0x2460) &&
         !(c >= 0x2500 && c < 0x2C00) && !(c >= 0x3000 && c < 0x3005) &&
         !(c >= 0x3008 && c < 0x3021) && !(c >= 0xFF01 && c < 0xFF10) &&
         !(c >= 0xFE00 && c < 0xFE70) && !(c >= 0x1F000 && c < 0x20000);
}

static int is_word(uint32_t c) {
  return c > 0x7F
             ? !template_is_space(c)
             : (c >= '0' && c <= '9') || lower_of(c) != c || upper_of(c) != c;
}

value template_case(engine *e, value s, int how) {
  builder out = {0};
  int at_start = 1;
  uint32_t length;
  for (size_t at = 0; at < s.bytes; at += length) {
    uint32_t code = template_decode(s, at, &length);
    int up = how == CASE_UPPER || (how >= CASE_TITLE && at_start);
    /* The two German and Greek ones that do not come alone. */
    if (code == 0xDF && up) {
      template_append(e, &out, how == CASE_UPPER ? "SS" : "Ss",
                      s.marks ? s.marks + at : NULL, 2);
    } else {
      append_as(e, &out, s, at, length, code,
                up ? upper_of(code) : lower_of(code));
    }
    at_start = how == CASE_TITLE ? !is_word(code) : 0;
    template_spend(e, at % 16 < length);
  }
  return template_built(&out);
}
