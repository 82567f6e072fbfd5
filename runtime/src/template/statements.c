/*===- statements.c - parsing statements ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"
#include "plain_locale.h"

#include <string.h>

static node *parse_blocks(parser *p, const char *ends);

static void end_tag(parser *p) {
  if (p->token.kind != T_BLOCK_END)
    template_unexpected(p, "'%}'");
  template_advance(p);
}

/* Behind a body: the tag that ends it, whole. */
static void end_block(parser *p, const char *name) {
  if (!template_skip_name(p, name))
    template_unexpected(p, name);
  end_tag(p);
}

/* {% if %}, {% elif %} and {% else %} as a list of branches. */
static node *parse_if(parser *p) {
  node *n = template_node(p, N_IF), *last = NULL;
  for (int is_else = 0;; is_else = template_at_name(p, "else")) {
    node *branch = template_node(p, N_BRANCH);
    template_advance(p); /* if, elif, else */
    if (!is_else)
      branch->a = template_parse_tuple(p, 1);
    end_tag(p);
    branch->body = parse_blocks(p, is_else ? "endif" : "elif else endif");
    template_add(n, &last, branch);
    if (template_at_name(p, "endif"))
      break;
  }
  end_block(p, "endif");
  return n;
}

static void parse_names(parser *p, node *to, const char *what) {
  node *last = NULL;
  int with_brackets = template_skip_op(p, '(');
  do {
    node *name = template_node(p, N_NAME);
    name->text = template_take_name(p, what);
    template_add(to, &last, name);
  } while (template_skip_op(p, ','));
  if (with_brackets)
    template_expect_op(p, ')');
}

static node *parse_for(parser *p) {
  node *n = template_node(p, N_FOR);
  template_advance(p);
  parse_names(p, n, "a loop variable");
  if (!template_skip_name(p, "in"))
    template_unexpected(p, "'in'");
  n->a = template_parse_tuple(p, 0);
  if (template_skip_name(p, "if"))
    n->b = template_parse_expression(p, 1);
  if (template_at_name(p, "recursive"))
    template_fail(p->engine, "'recursive' loops are not supported");
  end_tag(p);
  n->body = parse_blocks(p, "else endfor");
  if (template_skip_name(p, "else")) {
    end_tag(p);
    n->other = parse_blocks(p, "endfor");
  }
  end_block(p, "endfor");
  return n;
}

/* A name, several, or an attribute of a namespace. */
static void parse_targets(parser *p, node *to) {
  node *last = NULL;
  do {
    node *target = template_node(p, N_NAME);
    target->text = template_take_name(p, "the name of a variable");
    if (template_skip_op(p, '.')) {
      node *attribute = template_node(p, N_ATTRIBUTE);
      attribute->a = target;
      attribute->text = template_take_name(p, "a name behind '.'");
      target = attribute;
    }
    template_add(to, &last, target);
  } while (template_skip_op(p, ','));
}

static node *parse_set(parser *p) {
  node *n = template_node(p, N_SET);
  template_advance(p);
  parse_targets(p, n);
  if (template_skip_op(p, '=')) {
    n->a = template_parse_tuple(p, 1);
    end_tag(p);
    return n;
  }
  if (n->count > 1)
    template_unexpected(p, "'='");
  if (template_at_op(p, '|')) {
    n->b = template_parse_filters(p, template_node(p, N_MISSING));
  }
  end_tag(p);
  n->body = parse_blocks(p, "endset");
  end_block(p, "endset");
  return n;
}

static void parse_parameters(parser *p, node *to) {
  node *last = NULL;
  template_expect_op(p, '(');
  while (template_more(p, to, ')')) {
    node *parameter = template_node(p, N_KEYWORD);
    parameter->text = template_take_name(p, "the name of a parameter");
    if (template_skip_op(p, '='))
      parameter->a = template_parse_expression(p, 1);
    template_add(to, &last, parameter);
    if (to->count > MOST_ARGUMENTS)
      template_fail(p->engine, "more than %u parameters", MOST_ARGUMENTS);
  }
  template_advance(p);
}

static node *parse_macro(parser *p) {
  node *n = template_node(p, N_MACRO);
  template_advance(p);
  n->text = template_take_name(p, "the name of a macro");
  parse_parameters(p, n);
  end_tag(p);
  n->body = parse_blocks(p, "endmacro");
  end_block(p, "endmacro");
  return n;
}

static node *parse_call_block(parser *p) {
  node *n = template_node(p, N_CALL_BLOCK);
  template_advance(p);
  n->text = template_string("caller", 6);
  if (template_at_op(p, '('))
    parse_parameters(p, n);
  n->a = template_parse_expression(p, 1);
  if (n->a->kind != N_CALL)
    template_fail(p->engine, "'call' wants a call of a macro");
  end_tag(p);
  n->body = parse_blocks(p, "endcall");
  end_block(p, "endcall");
  return n;
}

static node *parse_filter_block(parser *p) {
  node *n = template_node(p, N_FILTER_BLOCK);
  /* As if the name had '|' before it. */
  p->token.kind = T_OPERATOR;
  p->token.op = '|';
  n->a = template_parse_filters(p, template_node(p, N_MISSING));
  end_tag(p);
  n->body = parse_blocks(p, "endfilter");
  end_block(p, "endfilter");
  return n;
}

static node *parse_with(parser *p) {
  node *n = template_node(p, N_WITH), *last = NULL;
  template_advance(p);
  while (p->token.kind != T_BLOCK_END) {
    if (n->count && !template_skip_op(p, ','))
      template_unexpected(p, "',' or '%}'");
    node *item = template_node(p, N_KEYWORD);
    item->text = template_take_name(p, "the name of a variable");
    template_expect_op(p, '=');
    item->a = template_parse_expression(p, 1);
    template_add(n, &last, item);
  }
  end_tag(p);
  n->body = parse_blocks(p, "endwith");
  end_block(p, "endwith");
  return n;
}

/* Marks the answer for training; here it is just its content. */
static node *parse_generation(parser *p) {
  node *n = template_node(p, N_GROUP);
  template_advance(p);
  end_tag(p);
  n->body = parse_blocks(p, "endgeneration");
  end_block(p, "endgeneration");
  return n;
}

static node *parse_jump(parser *p) {
  node *n =
      template_node(p, template_at_name(p, "break") ? N_BREAK : N_CONTINUE);
  template_advance(p);
  end_tag(p);
  return n;
}

static const struct statement {
  const char *name;
  node *(*parse)(parser *p);
} statements[] = {
    {"if", parse_if},           {"for", parse_for},
    {"set", parse_set},         {"macro", parse_macro},
    {"call", parse_call_block}, {"filter", parse_filter_block},
    {"with", parse_with},       {"generation", parse_generation},
    {"break", parse_jump},      {"continue", parse_jump},
};

static node *parse_statement(parser *p) {
  value name = p->token.text;
  if (p->token.kind != T_NAME)
    template_unexpected(p, "the name of a statement");
  for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i)
    if (template_is(name, statements[i].name))
      return statements[i].parse(p);
  template_fail(p->engine,
                name.bytes > 3 && memcmp(name.at, "end", 3) == 0
                    ? "'%.*s' ends nothing that is open"
                    : "unknown statement '%.*s'",
                (int)(name.bytes < 60 ? name.bytes : 60), name.at);
}

static node *parse_print(parser *p) {
  node *n = template_node(p, N_PRINT);
  template_advance(p);
  n->a = template_parse_tuple(p, 1);
  if (p->token.kind != T_PRINT_END)
    template_unexpected(p, "'}}'");
  template_advance(p);
  return n;
}

/* Up to a tag that begins with one of the names, which is not read; NULL: to
 * the end of the template. */
static node *parse_blocks(parser *p, const char *ends) {
  node list = {0}, *last = NULL;
  uint32_t line = p->token.line;
  template_enter(p->engine);
  for (;;) {
    node *n = NULL;
    if (p->token.kind == T_END) {
      if (!ends)
        break;
      p->engine->line = line;
      template_fail(p->engine, "a block that begins here has no '%s'",
                    strrchr(ends, ' ') ? strrchr(ends, ' ') + 1 : ends);
    } else if (p->token.kind == T_TEXT) {
      n = template_node(p, N_TEXT);
      n->text = p->token.text;
      template_advance(p);
    } else if (p->token.kind == T_PRINT_BEGIN) {
      n = parse_print(p);
    } else {
      template_advance(p);
      if (ends && p->token.kind == T_NAME &&
          template_word(ends, p->token.text) >= 0)
        break;
      n = parse_statement(p);
    }
    template_add(&list, &last, n);
  }
  template_leave(p->engine);
  return list.items;
}

/*--- The whole -------------------------------------------------------------*/

size_t tern_template_bytes(size_t text_bytes) {
  if (text_bytes > TERN_TEMPLATE_MAX_BYTES)
    return 0;
  /* At worst each byte is a node, as in "[[[[". */
  return sizeof(engine) + (text_bytes + 64) * (sizeof(node) + 48);
}

/* Line ends become "\n" and one at the very end goes, as in Jinja. */
static value take_source(engine *e, const char *text, size_t bytes) {
  char *copy = template_take(e, bytes + 1);
  size_t n = 0;
  for (size_t i = 0; i < bytes; ++i) {
    if (text[i] == '\r' && i + 1 < bytes && text[i + 1] == '\n')
      continue;
    copy[n++] = text[i] == '\r' ? '\n' : text[i];
  }
  if (n > 0 && copy[n - 1] == '\n')
    --n;
  return template_string(copy, n);
}

static void parse_whole(engine *e, const char *text, size_t bytes) {
  value source = take_source(e, text, bytes);
  parser p = {0};
  p.engine = e;
  p.lexer.engine = e;
  p.lexer.start = p.lexer.at = p.lexer.counted = source.at;
  p.lexer.end = source.at + source.bytes;
  p.lexer.line = 1;
  template_advance(&p);
  e->body = parse_blocks(&p, NULL);
  e->parsed = e->used;
}

int tern_template_parse(void *memory, size_t bytes, const char *text,
                        size_t text_bytes, tern_template **parsed,
                        tern_error *error) {
  static const char *const too_large =
      "the chat template is larger than what it may be";
  *parsed = NULL;
  size_t skip = (0 - (uintptr_t)memory) & 15;
  size_t own = (sizeof(engine) + 15) & ~(size_t)15;
  if (text_bytes > TERN_TEMPLATE_MAX_BYTES || !memory || bytes < own + skip) {
    memcpy(error->text, too_large, strlen(too_large) + 1);
    return -1;
  }
  engine *e = (engine *)(void *)((char *)memory + skip);
  memset(e, 0, sizeof(*e));
  e->memory = (char *)e + own;
  e->room = bytes - skip - own;
  if (e->room > UINT32_MAX)
    e->room = UINT32_MAX;
  e->error = error;
  e->line = 1;
  e->steps = TERN_TEMPLATE_STEPS;
  int result = -1;
  locale_t before = template_use_plain_locale();
  if (setjmp(e->failed) == 0) {
    parse_whole(e, text, text_bytes);
    *parsed = e;
    result = 0;
  }
  uselocale(before);
  return result;
}
