/*===- document.c - JSON that is read as a whole ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "document.h"

#include "../template/plain_locale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEYS 20000u

typedef struct json_reader {
  grammar_compiler *c;
  const char *name, *begin, *at, *end;
  uint32_t depth;
} json_reader;

static void refuse(json_reader *r, const char *expected) {
  size_t at = (size_t)(r->at - r->begin);
  r->c->is_cut = r->at == r->end;
  if (r->at == r->end)
    grammar_fail(r->c, "%s: byte %zu: expected %s, got the end", r->name, at,
                 expected);
  if (*r->at > 0x20 && *r->at < 0x7F)
    grammar_fail(r->c, "%s: byte %zu: expected %s, got '%c'", r->name, at,
                 expected, *r->at);
  grammar_fail(r->c, "%s: byte %zu: expected %s, got the byte 0x%02X", r->name,
               at, expected, (uint8_t)*r->at);
}

static void skip(json_reader *r) {
  while (r->at < r->end &&
         (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    ++r->at;
}

static int takes(json_reader *r, const char *text) {
  size_t bytes = strlen(text);
  if ((size_t)(r->end - r->at) < bytes || memcmp(r->at, text, bytes) != 0)
    return 0;
  r->at += bytes;
  return 1;
}

/*--- Strings and numbers ---------------------------------------------------*/

static uint32_t read_hex(json_reader *r) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++r->at) {
    uint32_t digit = tern_hex_digit(r->at < r->end ? *r->at : 0);
    if (digit == 16)
      refuse(r, "four hexadecimal digits");
    value = value << 4 | digit;
  }
  return value;
}

static uint32_t read_escape(json_reader *r) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (!takes(r, "u")) {
    const char *found = r->at < r->end && *r->at ? strchr(names, *r->at) : NULL;
    if (!found)
      refuse(r, "an escape");
    ++r->at;
    return (uint8_t)values[found - names];
  }
  uint32_t value = read_hex(r);
  if (value < 0xD800 || value >= 0xE000)
    return value;
  uint32_t low = value < 0xDC00 && takes(r, "\\u") ? read_hex(r) : 0;
  if (low < 0xDC00 || low >= 0xE000)
    refuse(r, "the second half of a surrogate pair");
  return 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
}

/* The quote is read. */
static void read_string(json_reader *r, const char **text, uint32_t *bytes) {
  const char *close = r->at;
  while (close < r->end && *close != '"')
    close += *close == '\\' && r->end - close > 1 ? 2 : 1;
  char *out = grammar_allocate(r->c, (uint64_t)(close - r->at) + 5, 1);
  uint32_t count = 0, character;
  while (!takes(r, "\"")) {
    if (r->at == r->end || (uint8_t)*r->at < 0x20)
      refuse(r, "the rest of a string");
    if (takes(r, "\\")) {
      count += (uint32_t)grammar_encode(read_escape(r), out + count);
      continue;
    }
    size_t n = grammar_decode(r->at, (size_t)(r->end - r->at), &character);
    if (n == 0)
      refuse(r, "UTF-8");
    memcpy(out + count, r->at, n);
    count += (uint32_t)n;
    r->at += n;
  }
  *text = out;
  *bytes = count;
}

static void skip_digits(json_reader *r) {
  if (r->at == r->end || *r->at < '0' || *r->at > '9')
    refuse(r, "a digit");
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
    ++r->at;
}

static void read_number(json_reader *r, grammar_json *value) {
  const char *from = r->at;
  takes(r, "-");
  if (!takes(r, "0"))
    skip_digits(r);
  if (takes(r, "."))
    skip_digits(r);
  if (takes(r, "e") || takes(r, "E")) {
    if (!takes(r, "+"))
      takes(r, "-");
    skip_digits(r);
  }
  value->bytes = (uint32_t)(r->at - from);
  value->text = from;
}

/*--- Values ----------------------------------------------------------------*/

grammar_json *json_make(grammar_compiler *c, json_kind kind,
                        const grammar_json *like) {
  grammar_json *value = grammar_allocate(c, 1, sizeof(*value));
  if (like) {
    value->parent = like->parent;
    value->key = like->key;
    value->key_bytes = like->key_bytes;
    value->index = like->index;
  }
  value->kind = kind;
  return value;
}

static uint32_t hash_of(const char *text, size_t bytes) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < bytes; ++i)
    hash = (hash ^ (uint8_t)text[i]) * 16777619u;
  return hash;
}

static void append(grammar_json *into, grammar_json *value) {
  value->index = into->count++;
  if (into->last)
    into->last->next = value;
  else
    into->first = value;
  into->last = value;
}

grammar_json *json_put(grammar_compiler *c, grammar_json *into, const char *key,
                       size_t key_bytes, const grammar_json *value) {
  grammar_json *copy = grammar_allocate(c, 1, sizeof(*copy));
  *copy = *value;
  copy->next = NULL;
  if (key) {
    copy->key = key;
    copy->key_bytes = (uint32_t)key_bytes;
    copy->key_hash = hash_of(key, key_bytes);
  }
  copy->parent = into;
  append(into, copy);
  return copy;
}

static grammar_json *read_value(json_reader *r, const grammar_json *parent);

static void read_key(json_reader *r, const grammar_json *object,
                     grammar_json *key) {
  skip(r);
  if (!takes(r, "\""))
    refuse(r, "the name of a member");
  read_string(r, &key->key, &key->key_bytes);
  key->key_hash = hash_of(key->key, key->key_bytes);
  if (object->count >= MOST_KEYS)
    grammar_fail(r->c, "%s: an object has more than %u members", r->name,
                 MOST_KEYS);
  for (const grammar_json *i = object->first; i; i = i->next)
    if (i->key_hash == key->key_hash && i->key_bytes == key->key_bytes &&
        memcmp(i->key, key->key, key->key_bytes) == 0)
      refuse(r, "members whose names differ");
  skip(r);
  if (!takes(r, ":"))
    refuse(r, "':'");
}

static void read_members(json_reader *r, grammar_json *value) {
  int is_object = value->kind == JSON_OBJECT;
  const char *close = is_object ? "}" : "]";
  if (++r->depth > GRAMMAR_NESTING)
    grammar_fail(r->c, "%s: there are more than %u values inside each other",
                 r->name, GRAMMAR_NESTING);
  skip(r);
  if (!takes(r, close)) {
    do {
      grammar_json key = {0};
      if (is_object)
        read_key(r, value, &key);
      grammar_json *member = read_value(r, value);
      member->key = key.key;
      member->key_bytes = key.key_bytes;
      member->key_hash = key.key_hash;
      append(value, member);
      skip(r);
    } while (takes(r, ","));
    if (!takes(r, close))
      refuse(r, is_object ? "',' or '}'" : "',' or ']'");
  }
  --r->depth;
}

static int read_word(json_reader *r, grammar_json *value) {
  static const char *const words[] = {"null", "false", "true"};
  for (unsigned i = 0; i < 3; ++i)
    if (takes(r, words[i])) {
      value->kind = (json_kind)i;
      return 1;
    }
  return 0;
}

static grammar_json *read_value(json_reader *r, const grammar_json *parent) {
  grammar_json *value = grammar_allocate(r->c, 1, sizeof(*value));
  value->parent = parent;
  skip(r);
  value->raw = r->at;
  if (read_word(r, value)) {
    /* null, false or true */
  } else if (takes(r, "\"")) {
    value->kind = JSON_STRING;
    read_string(r, &value->text, &value->bytes);
  } else if (takes(r, "{") || takes(r, "[")) {
    value->kind = r->at[-1] == '{' ? JSON_OBJECT : JSON_ARRAY;
    read_members(r, value);
  } else if (r->at < r->end &&
             (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))) {
    value->kind = JSON_NUMBER;
    read_number(r, value);
  } else {
    refuse(r, "a value");
  }
  value->raw_bytes = (size_t)(r->at - value->raw);
  return value;
}

const grammar_json *grammar_read_json(grammar_compiler *c, const char *name,
                                      const char *text, size_t bytes) {
  json_reader r = {c, name, text, text, text + bytes, 0};
  const grammar_json *value = read_value(&r, NULL);
  skip(&r);
  if (r.at != r.end)
    refuse(&r, "the end");
  return value;
}

const grammar_json *grammar_read_part(grammar_compiler *c, const char *name,
                                      const char **at, const char *end) {
  json_reader r = {c, name, *at, *at, end, 0};
  const grammar_json *value = read_value(&r, NULL);
  *at = r.at;
  return value;
}

/*--- Looking ---------------------------------------------------------------*/

const grammar_json *json_find_bytes(const grammar_json *object, const char *key,
                                    size_t bytes) {
  if (!object || object->kind != JSON_OBJECT)
    return NULL;
  uint32_t hash = hash_of(key, bytes);
  for (const grammar_json *i = object->first; i; i = i->next)
    if (i->key_hash == hash && i->key_bytes == bytes &&
        memcmp(i->key, key, bytes) == 0)
      return i;
  return NULL;
}

const grammar_json *json_find(const grammar_json *object, const char *key) {
  return json_find_bytes(object, key, strlen(key));
}

const grammar_json *json_find_key(const grammar_json *object, const char *key) {
  const grammar_json *i = object->first;
  while (i && i->key != key)
    i = i->next;
  return i;
}

int json_is(const grammar_json *value, const char *text) {
  return value && value->kind == JSON_STRING && value->bytes == strlen(text) &&
         memcmp(value->text, text, value->bytes) == 0;
}

double json_number(const grammar_json *value) {
  char text[64];
  if (value->kind != JSON_NUMBER || value->bytes >= sizeof(text))
    return NAN;
  memcpy(text, value->text, value->bytes);
  text[value->bytes] = 0;
  locale_t before = template_use_plain_locale();
  double number = strtod(text, NULL);
  uselocale(before);
  return number;
}

int json_equal(const grammar_json *a, const grammar_json *b) {
  if (a->kind != b->kind || a->count != b->count)
    return 0;
  if ((a->kind == JSON_NUMBER || a->kind == JSON_STRING) &&
      a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0)
    return 1;
  if (a->kind == JSON_STRING)
    return 0;
  if (a->kind == JSON_NUMBER) {
    double x = json_number(a), y = json_number(b);
    return x >= y && x <= y;
  }
  const grammar_json *other = b->first;
  for (const grammar_json *i = a->first; i; i = i->next) {
    if (a->kind == JSON_OBJECT)
      other = json_find_bytes(b, i->key, i->key_bytes);
    if (!other || !json_equal(i, other))
      return 0;
    if (a->kind == JSON_ARRAY)
      other = other->next;
  }
  return 1;
}

json_place json_place_of(const grammar_json *value) {
  json_place place = {"#"};
  const grammar_json *chain[GRAMMAR_NESTING + 2];
  size_t depth = 0, used = 1;
  for (; value && value->parent && depth <= GRAMMAR_NESTING;
       value = value->parent)
    chain[depth++] = value;
  while (depth--) {
    char *at = place.text + used;
    size_t room = sizeof(place.text) - used;
    int n = chain[depth]->key
                ? snprintf(at, room, "/%.*s", (int)chain[depth]->key_bytes,
                           chain[depth]->key)
                : snprintf(at, room, "/%u", chain[depth]->index);
    used += n < 0 ? 0 : (size_t)n;
    if (used >= sizeof(place.text))
      break;
  }
  return place;
}

const grammar_expression *json_spell(grammar_compiler *c, const char *text,
                                     size_t bytes) {
  static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
  char *out = grammar_allocate(c, 6 * (uint64_t)bytes + 3, 1);
  size_t count = 0;
  out[count++] = '"';
  for (size_t i = 0; i < bytes; ++i) {
    const char *found = text[i] ? strchr(plain, text[i]) : NULL;
    if (found) {
      out[count++] = '\\';
      out[count++] = names[found - plain];
    } else if ((uint8_t)text[i] < 0x20) {
      count += (size_t)snprintf(out + count, 7, "\\u%04x", (uint8_t)text[i]);
    } else {
      out[count++] = text[i];
    }
  }
  out[count++] = '"';
  return grammar_bytes(c, out, count);
}
