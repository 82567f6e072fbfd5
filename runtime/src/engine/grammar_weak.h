/*===- grammar_weak.h - a program may be without grammars -------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Who includes this does not pull grammars, a third of a program's code, out of
 * their archive: the linker of a program that is to have them does
 * (-u tern_grammars), and others are without them.
 */
#ifndef TERN_SRC_ENGINE_GRAMMAR_WEAK_H
#define TERN_SRC_ENGINE_GRAMMAR_WEAK_H

#include "tern/grammar.h"
#include "tern/tools.h"

/* NULL in such a program; grammar/all.c has the list. */
extern void (*const tern_grammars[])(void);

#pragma weak tern_calls_form
#pragma weak tern_constraint_bytes
#pragma weak tern_constraint_close
#pragma weak tern_constraint_forget
#pragma weak tern_constraint_open
#pragma weak tern_grammar_is_same
#pragma weak tern_grammar_release
#pragma weak tern_grammar_retain
#pragma weak tern_grammar_from_rules
#pragma weak tern_grammar_from_schema
#pragma weak tern_grammar_options_init
#pragma weak tern_grammars
#pragma weak tern_matcher_accept
#pragma weak tern_matcher_accept_bytes
#pragma weak tern_matcher_close
#pragma weak tern_matcher_mask
#pragma weak tern_matcher_may_end
#pragma weak tern_matcher_open
#pragma weak tern_vocabulary_close
#pragma weak tern_vocabulary_open

#endif /* TERN_SRC_ENGINE_GRAMMAR_WEAK_H */
