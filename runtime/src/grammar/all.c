/*===- all.c - all that an engine calls of grammars -------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * An engine calls grammars by weak names (engine/grammar_weak.h), so a program
 * of archives has them if its linker is asked for this one (-u tern_grammars).
 */
#include "tern/grammar.h"
#include "tern/tools.h"

typedef void (*function)(void);

/* Of no use to other programs: their linkers need not be asked. */
__attribute__((visibility("hidden"))) extern const function tern_grammars[];

const function tern_grammars[] = {
    (function)tern_calls_form,         (function)tern_constraint_open,
    (function)tern_grammar_from_rules, (function)tern_grammar_from_schema,
    (function)tern_matcher_mask,       (function)tern_matcher_open,
    (function)tern_vocabulary_open,
};
