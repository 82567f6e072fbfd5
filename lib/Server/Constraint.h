//===- Constraint.h - Forms of answers, and calls in them -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_SERVER_CONSTRAINT_H
#define TERN_LIB_SERVER_CONSTRAINT_H

#include "Model.h"

#include "tern/grammar.h"
#include "tern/tools.h"

#include <memory>

namespace tern::server {

struct GrammarDeleter {
  void operator()(tern_grammar *grammar) const {
    tern_grammar_release(grammar);
  }
};
using Grammar = std::unique_ptr<tern_grammar, GrammarDeleter>;

struct AnswerReaderDeleter {
  void operator()(tern_answer_reader *reader) const {
    tern_answer_reader_close(reader);
  }
};
using AnswerReader = std::unique_ptr<tern_answer_reader, AnswerReaderDeleter>;

/// Of response_format or tool_choice; null if there is none, or with *error.
Grammar makeGrammar(const GenerationRequest &request, const Model &model,
                    ApiError &error);

/// Finds thoughts and, if there are tools, calls in an answer. False with
/// *error if that is not possible.
bool openReader(const GenerationRequest &request, const Model &model,
                uint64_t seed, AnswerReader &reader, ApiError &error);

} // namespace tern::server

#endif // TERN_LIB_SERVER_CONSTRAINT_H
