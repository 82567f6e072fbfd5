/*===- render.c - running statements --------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "parts.h"
#include "plain_locale.h"

#include <string.h>

static void set_variable(engine *e, value name, value content) {
  template_put(e, &e->scope->names, name, content);
}

static void set_targets(engine *e, const node *targets, uint32_t count,
                        value content) {
  const list *parts = NULL;
  if (count > 1) {
    parts = template_elements(e, content);
    if (parts->count != count)
      template_fail(e, "expected %u values to set, got %u", count,
                    parts->count);
  }
  for (uint32_t i = 0; targets; targets = targets->next, ++i) {
    value part = parts ? parts->items[i] : content;
    if (targets->kind == N_NAME) {
      set_variable(e, targets->text, part);
      continue;
    }
    value object = template_evaluate(e, targets->a);
    if (object.kind != V_NAMESPACE)
      template_fail(e, "only attributes of a namespace can be set");
    template_put(e, object.dict, targets->text, part);
  }
}

/* The text that `first` prints, as a string. */
static value captured(engine *e, const node *first) {
  builder text = {0};
  template_run(e, first, &text);
  return template_built(&text);
}

/* The filters of a block on what is in it. N_MISSING stands for that: it is
 * the template's node, and set for as long as the filters run. */
static value filtered(engine *e, node *filters, value input) {
  node *missing = filters;
  while (missing->a)
    missing = missing->a;
  missing->text = input;
  return template_evaluate(e, filters);
}

static void run_set(engine *e, const node *n) {
  value content;
  if (n->a) {
    content = template_evaluate(e, n->a);
  } else {
    scope *outside = e->scope;
    e->scope = template_open_scope(e, outside);
    content = captured(e, n->body);
    e->scope = outside;
    if (n->b)
      content = filtered(e, n->b, content);
  }
  set_targets(e, n->items, n->count, content);
}

static flow run_if(engine *e, const node *n, builder *out) {
  for (const node *branch = n->items; branch; branch = branch->next)
    if (!branch->a || template_truth(template_evaluate(e, branch->a)))
      return template_run(e, branch->body, out);
  return FLOW_NEXT;
}

/* The elements that the condition of the loop holds for. */
static list *chosen_elements(engine *e, const node *n, scope *outside) {
  list *all = template_elements(e, template_evaluate(e, n->a));
  if (!n->b)
    return all;
  list *chosen = template_list(e, V_LIST, all->count).list;
  chosen->count = 0;
  for (uint32_t i = 0; i < all->count; ++i) {
    e->scope = template_open_scope(e, outside);
    set_targets(e, n->items, n->count, all->items[i]);
    if (template_truth(template_evaluate(e, n->b)))
      chosen->items[chosen->count++] = all->items[i];
  }
  e->scope = outside;
  return chosen;
}

static flow run_for(engine *e, const node *n, builder *out) {
  scope *outside = e->scope;
  loop *around = e->loop;
  list *items = chosen_elements(e, n, outside);
  value object = {0};
  object.kind = V_LOOP;
  object.loop = template_take(e, sizeof(loop));
  object.loop->items = items;
  object.loop->depth = around ? around->depth + 1 : 0;
  flow how = FLOW_NEXT;
  for (uint32_t i = 0; i < items->count && how != FLOW_BREAK; ++i) {
    e->scope = template_open_scope(e, outside);
    e->loop = object.loop;
    object.loop->index = i;
    set_targets(e, n->items, n->count, items->items[i]);
    set_variable(e, template_string("loop", 4), object);
    how = template_run(e, n->body, out);
  }
  e->loop = around;
  e->scope = outside;
  if (items->count == 0) {
    e->scope = template_open_scope(e, outside);
    how = template_run(e, n->other, out);
    e->scope = outside;
    return how;
  }
  return FLOW_NEXT;
}

static flow run_with(engine *e, const node *n, builder *out) {
  scope *outside = e->scope, *inside = template_open_scope(e, outside);
  for (const node *item = n->items; item; item = item->next)
    template_put(e, &inside->names, item->text, template_evaluate(e, item->a));
  e->scope = inside;
  flow how = template_run(e, n->body, out);
  e->scope = outside;
  return how;
}

static value macro_of(engine *e, const node *n) {
  value v = {0};
  v.kind = V_MACRO;
  v.macro = template_take(e, sizeof(macro));
  v.macro->definition = n;
  v.macro->outer = e->scope;
  return v;
}

static void run_call_block(engine *e, const node *n, builder *out) {
  arguments given;
  value caller = macro_of(e, n), called = template_evaluate(e, n->a->a);
  if (called.kind != V_MACRO)
    template_fail(e, "'call' wants a macro, not %s",
                  template_kind_name(called));
  template_arguments(e, n->a->items, &given);
  template_append_value(e, out,
                        template_call_macro(e, called.macro, &given, &caller));
}

static flow run_one(engine *e, const node *n, builder *out) {
  switch (n->kind) {
  case N_TEXT:
    template_append_value(e, out, n->text);
    break;
  case N_PRINT:
    template_append_value(e, out, template_text(e, template_evaluate(e, n->a)));
    break;
  case N_IF:
    return run_if(e, n, out);
  case N_FOR:
    return run_for(e, n, out);
  case N_SET:
    run_set(e, n);
    break;
  case N_WITH:
    return run_with(e, n, out);
  case N_MACRO:
    set_variable(e, n->text, macro_of(e, n));
    break;
  case N_CALL_BLOCK:
    run_call_block(e, n, out);
    break;
  case N_FILTER_BLOCK:
    template_append_value(
        e, out, template_text(e, filtered(e, n->a, captured(e, n->body))));
    break;
  case N_GROUP:
    return template_run(e, n->body, out);
  case N_BREAK:
    return FLOW_BREAK;
  case N_CONTINUE:
    return FLOW_CONTINUE;
  default:
    break;
  }
  return FLOW_NEXT;
}

flow template_run(engine *e, const node *first, builder *out) {
  flow how = FLOW_NEXT;
  template_enter(e);
  for (const node *n = first; n && how == FLOW_NEXT; n = n->next) {
    template_spend(e, 1);
    e->line = n->line;
    how = run_one(e, n, out);
  }
  template_leave(e);
  return how;
}

/*--- The whole -------------------------------------------------------------*/

static value render(engine *e, const char *json, size_t bytes) {
  builder out = {0};
  value variables = template_read_json(e, json, bytes);
  e->globals = template_open_scope(e, NULL);
  e->globals->names = *variables.dict;
  /* A name the template sets hides a variable and lives as long as a render.
   */
  e->scope = template_open_scope(e, e->globals);
  template_run(e, e->body, &out);
  return template_built(&out);
}

int tern_template_render(tern_template *parsed, const char *json,
                         size_t json_bytes, int64_t now,
                         tern_rendering *rendering, tern_error *error) {
  engine *e = parsed;
  e->used = e->parsed;
  e->steps = TERN_TEMPLATE_STEPS;
  e->depth = 0;
  e->line = 1;
  e->loop = NULL;
  e->now = now;
  e->error = error;
  int result = -1;
  locale_t before = template_use_plain_locale();
  if (setjmp(e->failed) == 0) {
    value text = render(e, json, json_bytes);
    rendering->text = text.at;
    rendering->marks = text.marks;
    rendering->bytes = text.bytes;
    result = 0;
  }
  uselocale(before);
  return result;
}
