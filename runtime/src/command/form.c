/*===- form.c - the form that answers are to have ---------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "form.h"

#include "../engine/grammar_weak.h"

#include <stdlib.h>

static const char *path_of(const host_program *program) {
  const host_options *o = &program->options;
  return o->grammar ? o->grammar : o->schema;
}

int command_form_open(command_form *form, host_program *program) {
  const char *path = path_of(program);
  if (!path)
    return 0;
  if (!tern_grammars)
    return host_fail(&program->error,
                     "this program was compiled without grammars; tern compile "
                     "--grammars adds them, and tern run and chat have them");
  if (host_read_file(program, path, &form->text, &form->bytes) != 0)
    return -1;
  tern_grammar *grammar =
      command_form_grammar(form, program, TERN_THOUGHT_NONE);
  command_form_release(grammar);
  return grammar ? 0 : -1;
}

void command_form_close(command_form *form) { free(form->text); }

tern_grammar *command_form_grammar(const command_form *form,
                                   host_program *program,
                                   enum tern_thought thought) {
  tern_grammar_options options;
  tern_grammar *grammar;
  tern_error why;
  if (!form->text)
    return NULL;
  tern_grammar_options_init(&options);
  options.thought = thought;
  grammar =
      program->options.grammar
          ? tern_grammar_from_rules(form->text, form->bytes, &options, &why)
          : tern_grammar_from_schema(form->text, form->bytes, &options, &why);
  if (!grammar)
    host_fail(&program->error, "%s: %.400s", path_of(program), why.text);
  return grammar;
}

void command_form_release(tern_grammar *grammar) {
  if (grammar)
    tern_grammar_release(grammar);
}
