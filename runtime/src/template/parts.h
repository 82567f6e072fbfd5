/*===- parts.h - shared by the parts of the template language --------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Failing is a longjmp out of everything: all memory is one block of the
 * caller's, so there is nothing to give back on the way.
 */
#ifndef TERN_SRC_TEMPLATE_PARTS_H
#define TERN_SRC_TEMPLATE_PARTS_H

#include "tern/template.h"

#include <setjmp.h>

typedef struct tern_template engine;

/*--- Values ----------------------------------------------------------------*/

typedef enum value_kind {
  V_UNDEFINED,
  V_NONE,
  V_BOOL,
  V_INT,
  V_FLOAT,
  V_STRING,
  V_LIST,
  V_TUPLE,
  V_DICT,
  V_NAMESPACE,
  V_LOOP,
  V_FUNCTION, /* of the language: `index` in its table */
  V_METHOD,
  V_MACRO
} value_kind;

typedef struct value {
  value_kind kind;
  uint32_t bytes; /* of a string */
  union {
    int64_t integer; /* V_BOOL, V_INT */
    double number;
    const char *at;
    struct list *list;
    struct dict *dict;
    struct loop *loop;
    struct bound_method *method;
    struct macro *macro;
    size_t index;
  };
  const uint8_t *marks; /* of a string: NULL or one for each byte */
} value;

typedef struct list {
  uint32_t count;
  value *items;
} list;

typedef struct entry {
  value key; /* V_STRING */
  value value;
  struct entry *next;
} entry;

typedef struct dict {
  uint32_t count;
  entry *first, *last;
} dict;

typedef struct loop {
  uint32_t index, depth; /* from 0 */
  const list *items;
  value changed; /* what loop.changed() was told last */
  int was_told;
} loop;

typedef struct bound_method {
  value object;
  const struct template_entry *entry;
} bound_method;

typedef struct scope {
  struct scope *parent;
  dict names;
} scope;

typedef struct macro {
  const struct node *definition;
  scope *outer;
} macro;

/*--- The parsed form -------------------------------------------------------*/

typedef enum node_kind {
  N_CONSTANT,
  N_NAME,
  N_LIST, /* items */
  N_TUPLE,
  N_DICT,      /* items: key, value, key, ... */
  N_ATTRIBUTE, /* a.text */
  N_INDEX,     /* a[b] */
  N_SLICE,     /* a[items]: three, N_MISSING where left out */
  N_MISSING,
  N_CALL,    /* a(items) */
  N_KEYWORD, /* text=a, among the items of a call */
  N_FILTER,  /* a | [index](items) */
  N_TEST,    /* a is [index](items) */
  N_NOT,
  N_MINUS,
  N_PLUS,
  N_AND,
  N_OR,
  N_BINARY,  /* a op b */
  N_COMPARE, /* a, then items: N_OPERAND */
  N_OPERAND, /* op a */
  N_CHOICE,  /* b if a else c */

  N_TEXT,
  N_PRINT,
  N_IF,     /* items: N_BRANCH */
  N_BRANCH, /* a or NULL, body */
  N_FOR,    /* items: names; a: over what; b: only if; body; other: else */
  N_SET,    /* items: targets; a, or body */
  N_WITH,   /* items: N_KEYWORD; body */
  N_MACRO,  /* text; items: parameters; body */
  N_CALL_BLOCK,
  N_FILTER_BLOCK, /* a: filters of N_MISSING; body */
  N_GROUP,        /* body */
  N_BREAK,
  N_CONTINUE
} node_kind;

/* Operators are their characters: '+', '/' << 8 | '/', "in" and "not in". */
#define OP2(a, b) ((uint32_t)(a) << 8 | (uint32_t)(b))
#define OP_IN OP2('i', 'n')
#define OP_NOT_IN OP2('n', 'i')

typedef struct node {
  node_kind kind;
  uint32_t op, line, height, count; /* of items */
  size_t index;
  value text;
  struct node *a, *b, *c;
  struct node *items, *body, *other;
  struct node *next;
} node;

/*--- The engine ------------------------------------------------------------*/

struct tern_template {
  char *memory;
  size_t room, used, parsed; /* `parsed`: what parsing took */
  node *body;
  uint64_t steps;
  uint32_t depth, line;
  scope *globals, *scope;
  loop *loop; /* the innermost one */
  int64_t now;
  const char *subject; /* of sentences, if it is no template */
  tern_error *error;
  jmp_buf failed;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
_Noreturn void
template_fail(engine *e, const char *format, ...);
void *template_take(engine *e, size_t bytes); /* zeroed */
void template_spend(engine *e, uint64_t steps);
void template_enter(engine *e);
static inline void template_leave(engine *e) { --e->depth; }

/* Bytes and marks that grow. */
typedef struct builder {
  char *at;
  uint8_t *marks;
  uint32_t bytes, room;
} builder;
void template_append(engine *e, builder *to, const char *at,
                     const uint8_t *marks, size_t bytes);
void template_append_value(engine *e, builder *to, value string);
void template_append_text(engine *e, builder *to, const char *text);
value template_built(const builder *from);

value template_string(const char *at, size_t bytes);
value template_part(value string, size_t from, size_t to);
value template_bool(int truth);
value template_int(int64_t integer);
value template_float(double number);
value template_list(engine *e, value_kind kind, size_t count);
value template_pair(engine *e, value first, value second);
value template_dict(engine *e, value_kind kind);
/* NULL when there is none. */
value *template_find(engine *e, const dict *from, value key);
void template_put(engine *e, dict *to, value key, value content);
int template_same(value a, value b); /* strings, byte by byte */
int template_is(value string, const char *text);
/* Position of a word in a list of words with blanks between, or -1. */
int template_word(const char *words, value word);
static inline int template_is_list(value v) {
  return v.kind == V_LIST || v.kind == V_TUPLE;
}
static inline int template_is_number(value v) {
  return v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_BOOL;
}
static inline double template_number(value v) {
  return v.kind == V_FLOAT ? v.number : (double)v.integer;
}

/*--- Parsing ---------------------------------------------------------------*/

typedef enum token_kind {
  T_END,
  T_TEXT,
  T_BLOCK_BEGIN,
  T_BLOCK_END,
  T_PRINT_BEGIN,
  T_PRINT_END,
  T_NAME,
  T_STRING, /* with its quotes */
  T_INT,
  T_FLOAT,
  T_OPERATOR
} token_kind;

typedef struct token {
  token_kind kind;
  uint32_t op, line;
  value text;
} token;

typedef struct lexer {
  engine *engine;
  const char *start, *at, *end;
  const char *counted; /* lines are counted up to here */
  uint32_t line;
  char inside;   /* 0: between tags, '%', '{' */
  uint32_t open; /* brackets */
} lexer;
token template_lex(lexer *l);
/* The value of a T_STRING. */
value template_unquote(engine *e, value quoted);

typedef struct parser {
  engine *engine;
  lexer lexer;
  token token;
} parser;
void template_advance(parser *p);
int template_at_op(const parser *p, uint32_t op);
int template_at_name(const parser *p, const char *name);
int template_skip_op(parser *p, uint32_t op);
int template_skip_name(parser *p, const char *name);
void template_expect_op(parser *p, uint32_t op);
/* True if an item comes next, behind a comma unless it is `list`'s first, in a
   list that `close` ends. */
int template_more(parser *p, const node *list, uint32_t close);
_Noreturn void template_unexpected(parser *p, const char *wanted);
node *template_node(parser *p, node_kind kind);
/* A node on top of one that is parsed already: nests without recursion. */
node *template_above(parser *p, node_kind kind, node *a);
node *template_constant(parser *p, value v);
void template_add(node *to, node **last, node *item);
node *template_parse_expression(parser *p, int with_choice);
/* One or several with commas between. */
node *template_parse_tuple(parser *p, int with_choice);
node *template_parse_filters(parser *p, node *operand);
void template_parse_arguments(parser *p, node *to);
value template_take_name(parser *p, const char *what);

/*--- Rendering -------------------------------------------------------------*/

value template_evaluate(engine *e, const node *n);
value template_binary(engine *e, uint32_t op, value a, value b);
value template_comparison(engine *e, const node *n);
value template_sign(engine *e, const node *n);
typedef enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE } flow;
flow template_run(engine *e, const node *first, builder *out);

scope *template_open_scope(engine *e, scope *parent);
value template_look_up(engine *e, value name);
value template_attribute(engine *e, value object, value name);
/* As a.b does it: methods of a mapping come before its keys. */
value template_member(engine *e, value object, value name);
value template_item(engine *e, value object, value key);
/* By a path "a.b.0", as filters take. A part that is undefined is *missing,
 * unless that is NULL; of what is undefined no part is taken. */
value template_path(engine *e, value object, value path, const value *missing);
value template_slice(engine *e, value object, const value *bounds);

/* Arguments of a call: first those by position, then those by name. */
#define MOST_ARGUMENTS 16u
typedef struct arguments {
  uint32_t count, named;
  value values[MOST_ARGUMENTS], names[MOST_ARGUMENTS];
} arguments;
void template_arguments(engine *e, const node *items, arguments *to);
/* Sorts arguments by the words of `parameters`; what is missing is undefined.
 */
#define MOST_PARAMETERS 6u
/* The place of a name among the words of `parameters`, or -1. A '!' before a
 * word says that the argument is required. */
int template_parameter(const char *parameters, value name);
void template_bind(engine *e, const char *what, const char *parameters,
                   const arguments *from, value *to);
value template_call(engine *e, value function, const arguments *given);
value template_call_macro(engine *e, const macro *m, const arguments *given,
                          const value *caller);

/* Entries of the tables of filters, tests, functions and methods. */
typedef value template_fn(engine *e, value input, const value *arguments);
typedef struct template_entry {
  const char *name, *parameters;
  template_fn *run;
} template_entry;
/* The index in the table or -1. */
int template_filter_index(value name);
int template_test_index(value name);
int template_function_index(value name);
int template_is_method(value name); /* of a value of any kind */
const template_entry *template_filter_entry(size_t index);
/* NULL where the object has no such method. */
const template_entry *template_method_entry(value object, value name);
const template_entry *template_string_method(value name);
const template_entry *template_list_entry(size_t index);
size_t template_list_entries(void);
const template_entry *template_group_entry(size_t index);
size_t template_group_entries(void);
value template_filter(engine *e, size_t index, value input,
                      const arguments *given);
int template_test(engine *e, size_t index, value input, const value *argument);
value template_call_function(engine *e, size_t index, const arguments *given);
value template_call_method(engine *e, const bound_method *m,
                           const arguments *given);

/*--- Values, worked on -----------------------------------------------------*/

int template_truth(value v);
int template_equal(engine *e, value a, value b);
int template_compare(engine *e, value a, value b); /* -1, 0, 1 */
/* Returns true if Python could look it up: no list and no mapping. */
int template_is_key(value v);
int template_contains(engine *e, value container, value item);
const char *template_kind_name(value v);
/* The printed form of a value; inside lists strings are quoted. */
value template_text(engine *e, value v);
void template_write_float(engine *e, builder *to, double number);
/* The elements of what can be iterated, or NULL. */
list *template_elements(engine *e, value v);
uint32_t template_length(engine *e, value v);

value template_json(engine *e, value v, const value *options);
value template_read_json(engine *e, const char *json, size_t bytes);

/* Part of an element by an attribute of a filter: a path or a number; itself
 * when none is asked for. */
value template_element_part(engine *e, value v, value attribute,
                            const value *missing);
int template_hashed(engine *e, value v); /* fails unless template_is_key */
value template_sorted(engine *e, const list *items, const value *keys,
                      int backwards);

/* Text: by characters, not bytes. */
uint32_t template_decode(value string, size_t at, uint32_t *length);
int template_is_space(uint32_t code);
value template_strip(engine *e, value string, int sides, const value *set);
value template_characters(engine *e, value string);
value template_replace(engine *e, value string, value from, value to,
                       int64_t most);
value template_split(engine *e, value string, const value *separator,
                     int64_t most);
/* Characters [from, to) of a string, counted as Python does; bounds that are
 * none or undefined are its ends. */
value template_within(engine *e, value string, const value *bounds,
                      size_t *before);
/* Formats as the operator % of strings does, with values in turn (a tuple) or
 * by name (a mapping). */
value template_format(engine *e, value format, value values);
/* Formats as str.format does, without format specifications. */
value template_fill(engine *e, value format, const arguments *given);
/* Lines as str.splitlines has them, with or without their ends. */
value template_lines(engine *e, value string, int with_ends);
/* Filled up to `width` characters behind (0), before (1) or on both sides (2).
 */
value template_justify(engine *e, value string, int64_t width, value fill,
                       int how);
/* Returns true for a letter, a digit or '_'. */
int template_is_word(uint32_t code);
size_t template_search(engine *e, value string, value part, size_t from);
#define NOT_FOUND ((size_t)-1)
enum { STRIP_LEFT = 1, STRIP_RIGHT = 2 };
enum { CASE_UPPER, CASE_LOWER, CASE_TITLE, CASE_CAPITALIZE };
value template_case(engine *e, value string, int how);

#endif /* TERN_SRC_TEMPLATE_PARTS_H */
