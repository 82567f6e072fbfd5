//===- ReadChat.cpp - Bodies of /v1/chat/completions ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Requests.h"

#include "tern/engine.h"

using namespace tern::server;

static void readLogprobs(Fields &fields, GenerationRequest &request) {
  request.hasLogprobs = fields.flag("logprobs").value_or(false);
  std::optional<int64_t> top = fields.integer("top_logprobs", 0, TERN_MAX_TOP);
  if (top && !request.hasLogprobs)
    fields.fail("top_logprobs", "top_logprobs needs \"logprobs\": true");
  request.top = static_cast<unsigned>(top.value_or(0));
}

/// "auto", "none", "required" or {"type": "function", "function": {"name"}}.
static void readChoice(Fields &fields, GenerationRequest &request) {
  const Json *choice = fields.take("tool_choice");
  bool hasTools = !request.chat.tools.empty();
  request.calls = hasTools ? CallChoice::Auto : CallChoice::None;
  if (!choice || *choice == "auto")
    return;
  if (*choice == "none") {
    request.calls = CallChoice::None;
    // Models that see tools call them.
    request.chat.tools.clear();
    return;
  }
  if (!hasTools)
    return fields.fail("tool_choice", "tool_choice needs tools");
  if (*choice == "required") {
    request.calls = CallChoice::Required;
    return;
  }
  auto function =
      choice->is_object() ? choice->find("function") : choice->end();
  if (!choice->is_object() || function == choice->end() ||
      !function->is_object() || !function->value("name", Json()).is_string())
    return fields.fail("tool_choice",
                       "tool_choice is " + shown(*choice) +
                           ", expected auto, none, required or {\"type\": "
                           "\"function\", \"function\": {\"name\": ...}}");
  request.calls = CallChoice::Named;
  request.call = (*function)["name"].get<std::string>();
}

static void readForm(Fields &fields, GenerationRequest &request,
                     ApiError &error) {
  const Json *format = fields.member("response_format");
  if (!format)
    return;
  Fields inner(*format, error, "response_format.");
  std::string type = inner.text("type").value_or("");
  if (type == "json_object") {
    request.form = AnswerForm::AnyObject;
  } else if (type == "json_schema") {
    request.form = AnswerForm::Schema;
    const Json *named = inner.member("json_schema");
    if (!named)
      return inner.fail("json_schema", "response_format.json_schema is "
                                       "missing, expected {\"name\", "
                                       "\"schema\"}");
    Fields members(*named, error, "response_format.json_schema.");
    members.ignore({"name", "description", "strict"});
    if (const Json *schema = members.member("schema"))
      request.schema = dump(*schema);
    else
      members.fail("schema", "response_format.json_schema.schema is missing");
    members.end();
  } else if (type != "text") {
    inner.fail("type", "response_format.type is '" + type +
                           "', expected text, json_object or json_schema");
  }
  inner.end();
}

/// Variables that templates ask for beside messages.
static void readVariables(Fields &fields, GenerationRequest &request,
                          ApiError &error) {
  const Json *variables = fields.member("chat_template_kwargs");
  if (!variables)
    return;
  Fields inner(*variables, error, "chat_template_kwargs.");
  if (std::optional<bool> thinking = inner.flag("enable_thinking"))
    request.chat.thinking = *thinking;
  inner.end();
}

std::optional<GenerationRequest>
tern::server::readChat(std::string_view body, const RequestLimits &limits,
                       ApiError &error) {
  auto read = [&](Fields &fields, GenerationRequest &request) {
    request.isChat = true;
    request.chat.messages = readMessages(fields);
    request.chat.tools = readTools(fields);
    readGeneration(fields, limits, request, error);
    readLogprobs(fields, request);
    readChoice(fields, request);
    readForm(fields, request, error);
    readVariables(fields, request, error);
    request.hasParallelCalls =
        fields.flag("parallel_tool_calls").value_or(true);
    if (const Json *kinds = fields.list("modalities"))
      if (*kinds != Json::array({"text"}))
        fields.fail("modalities", "modalities may be [\"text\"] only");
    for (const char *name :
         {"audio", "functions", "prediction", "web_search_options"})
      fields.mustBeOff(name);
    fields.mustBeOff("function_call", {"none"});
    fields.mustBeOff("reasoning_effort", {"none"});
    fields.mustBeOff("verbosity", {"medium"});
  };
  return readBody<GenerationRequest>(body, error, read);
}
