//===- ReadMessages.cpp - Messages as templates want them -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Requests.h"

using namespace tern::server;

namespace {

/// One message after the other; faults name the message.
class MessageReader {
public:
  explicit MessageReader(Fields &fields) : fields(fields) {}
  Json read(const Json &message, size_t index);

private:
  void fail(const std::string &what) { fields.fail("messages", where + what); }
  void readContent(const Json &message, Json &out);
  std::string joinParts(const Json &parts);
  void readCalls(const Json &message, Json &out);
  Json readCall(const Json &call);

  Fields &fields;
  std::string where;
};

} // namespace

/// A list of parts, all of which are text.
std::string MessageReader::joinParts(const Json &parts) {
  std::string text;
  for (const Json &part : parts) {
    auto type = part.is_object() ? part.find("type") : part.end();
    auto found = part.is_object() ? part.find("text") : part.end();
    if (!part.is_object() || type == part.end() || *type != "text" ||
        found == part.end() || !found->is_string()) {
      fail("content has a part that is no {\"type\": \"text\", \"text\": "
           "\"...\"}; this server reads text only");
      return "";
    }
    text += found->get<std::string>();
  }
  return text;
}

void MessageReader::readContent(const Json &message, Json &out) {
  auto content = message.find("content");
  if (content == message.end() || content->is_null()) {
    if (out["role"] != "assistant")
      fail("content is missing");
    out["content"] = "";
  } else if (content->is_array()) {
    out["content"] = joinParts(*content);
  } else if (content->is_string()) {
    out["content"] = *content;
  } else {
    fail("content is " + shown(*content) +
         ", expected a string or a list of parts");
  }
}

/// Arguments come as a text of JSON; templates write objects.
Json MessageReader::readCall(const Json &call) {
  auto function = call.is_object() ? call.find("function") : call.end();
  if (!call.is_object() || function == call.end() || !function->is_object() ||
      !function->contains("name") || !(*function)["name"].is_string()) {
    fail("tool_calls has one without a function with a name");
    return nullptr;
  }
  Json out = {{"type", "function"}};
  if (call.contains("id") && call["id"].is_string())
    out["id"] = call["id"];
  Json arguments = Json::object();
  auto given = function->find("arguments");
  if (given != function->end() && given->is_string()) {
    ApiError ignored;
    std::string text = given->get<std::string>();
    std::optional<Json> parsed = parseObject(text, ignored);
    if (!parsed && !text.empty())
      fail("tool_calls has arguments that are no JSON object");
    arguments = parsed.value_or(Json::object());
  } else if (given != function->end() && given->is_object()) {
    arguments = *given;
  }
  out["function"] = {{"name", (*function)["name"]},
                     {"arguments", std::move(arguments)}};
  return out;
}

void MessageReader::readCalls(const Json &message, Json &out) {
  auto calls = message.find("tool_calls");
  if (calls == message.end() || calls->is_null())
    return;
  if (!calls->is_array())
    return fail("tool_calls is " + shown(*calls) + ", expected a list");
  if (out["role"] != "assistant")
    return fail("tool_calls belong to the role assistant");
  Json list = Json::array();
  for (const Json &call : *calls)
    list.push_back(readCall(call));
  out["tool_calls"] = std::move(list);
}

Json MessageReader::read(const Json &message, size_t index) {
  where = "messages[" + std::to_string(index) + "].";
  Json out = Json::object();
  auto role = message.is_object() ? message.find("role") : message.end();
  if (!message.is_object() || role == message.end() || !role->is_string()) {
    fail("role is missing");
    return out;
  }
  std::string name = role->get<std::string>();
  if (name == "developer")
    name = "system";
  if (name != "system" && name != "user" && name != "assistant" &&
      name != "tool")
    fail("role is " + shown(*role) +
         ", expected system, developer, user, assistant or tool");
  out["role"] = name;
  readContent(message, out);
  readCalls(message, out);
  for (const auto &[key, value] : message.items()) {
    bool isText = key == "name" || key == "tool_call_id" ||
                  (key == "reasoning_content" && name == "assistant");
    if (isText && value.is_string())
      out[key] = value;
    else if (key != "role" && key != "content" && key != "tool_calls" &&
             !value.is_null() && !(key == "annotations" && value.empty()))
      fail("there is no member '" + key + "' here, or it is of another type");
  }
  return out;
}

std::string tern::server::readMessages(Fields &fields) {
  const Json *messages = fields.list("messages");
  if (!messages || messages->empty()) {
    fields.fail("messages", "messages is missing or empty, expected a list of "
                            "at least one message");
    return "";
  }
  MessageReader reader(fields);
  Json list = Json::array();
  for (size_t i = 0; i < messages->size() && !fields.failed(); ++i)
    list.push_back(reader.read((*messages)[i], i));
  return dump(list);
}

std::string tern::server::readTools(Fields &fields) {
  const Json *tools = fields.list("tools");
  if (!tools || tools->empty())
    return "";
  for (const Json &tool : *tools) {
    auto function = tool.is_object() ? tool.find("function") : tool.end();
    if (!tool.is_object() || tool.value("type", Json()) != "function" ||
        function == tool.end() || !function->is_object() ||
        !function->value("name", Json()).is_string()) {
      fields.fail("tools", "tools has one that is no {\"type\": \"function\", "
                           "\"function\": {\"name\": ...}}");
      return "";
    }
  }
  return dump(*tools);
}
