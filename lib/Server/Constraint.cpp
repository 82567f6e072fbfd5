//===- Constraint.cpp - Forms of answers, and calls in them ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Constraint.h"

using namespace tern::server;

/// True if the template itself begins the answer with a thought.
static bool opensThought(const GenerationRequest &request, const Model &model) {
  ApiError ignored;
  std::string text = model.render(request.chat, ignored).value_or("");
  size_t end = text.find_last_not_of(" \n");
  constexpr std::string_view tag = "<think>";
  return end != text.npos && end + 1 >= tag.size() &&
         text.compare(end + 1 - tag.size(), tag.size(), tag) == 0;
}

static Grammar compileGrammar(const GenerationRequest &request,
                              const Model &model, bool isCall,
                              tern_error &why) {
  tern_grammar_options options;
  tern_grammar_options_init(&options);
  options.thought = request.chat.thinking > 0 || opensThought(request, model)
                        ? TERN_THOUGHT_ALLOWED
                        : TERN_THOUGHT_NONE;
  const std::string &tools = request.chat.tools, &schema = request.schema;
  if (isCall)
    return Grammar(tern_grammar_from_tools(
        model.info.calls_form, tools.data(), tools.size(),
        request.call.empty() ? nullptr : request.call.c_str(),
        request.hasParallelCalls, &options, &why));
  if (request.form == AnswerForm::AnyObject)
    return Grammar(tern_grammar_any_object(&options, &why));
  return Grammar(
      tern_grammar_from_schema(schema.data(), schema.size(), &options, &why));
}

Grammar tern::server::makeGrammar(const GenerationRequest &request,
                                  const Model &model, ApiError &error) {
  bool hasTools = request.calls != CallChoice::None;
  bool isCall = hasTools && request.calls != CallChoice::Auto;
  bool hasForm = request.form != AnswerForm::Text;
  if (hasTools && model.info.calls_form == TERN_CALLS_NONE)
    error = {400,
             "the template of the model " + model.name +
                 " has no form for calls of tools",
             "tools", "unsupported_parameter"};
  else if (hasTools && hasForm)
    error = {400, "an answer has a response_format or may call tools, not both",
             "response_format", ""};
  if (!error.message.empty() || (!isCall && !hasForm))
    return nullptr;
  tern_error why = {};
  Grammar grammar = compileGrammar(request, model, isCall, why);
  if (!grammar)
    error = {400, why.text, isCall ? "tools" : "response_format", ""};
  return grammar;
}

bool tern::server::openReader(const GenerationRequest &request,
                              const Model &model, uint64_t seed,
                              AnswerReader &reader, ApiError &error) {
  bool mayCall = request.calls != CallChoice::None;
  tern_error why = {};
  const std::string &tools = request.chat.tools;
  reader.reset(tern_answer_reader_open(mayCall ? model.info.calls_form
                                               : uint32_t(TERN_CALLS_NONE),
                                       mayCall ? tools.data() : nullptr,
                                       mayCall ? tools.size() : 0, seed, &why));
  if (!reader)
    error = {500, why.text, "tools", ""};
  return reader != nullptr;
}
