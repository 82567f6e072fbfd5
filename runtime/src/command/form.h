/*===- form.h - the form that answers are to have --------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_COMMAND_FORM_H
#define TERN_SRC_COMMAND_FORM_H

#include "../host/host.h"
#include "tern/grammar.h"

/* The file of --grammar or --json-schema; all fields 0: neither is given. */
typedef struct command_form {
  char *text;
  size_t bytes;
} command_form;

/* Reads the file, and compiles it once so that mistakes are told before there
 * is an answer. 0, or -1 with the sentence in program->error. */
int command_form_open(command_form *form, host_program *program);
void command_form_close(command_form *form);
/* For an answer; NULL where none is asked for, or with the sentence. To be
 * released by tern_grammar_release. */
tern_grammar *command_form_grammar(const command_form *form,
                                   host_program *program,
                                   enum tern_thought thought);
void command_form_release(tern_grammar *grammar);

#endif /* TERN_SRC_COMMAND_FORM_H */
