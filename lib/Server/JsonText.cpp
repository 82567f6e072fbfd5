//===- JsonText.cpp - JSON that strangers sent ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "JsonText.h"

#include <set>
#include <vector>

using namespace tern::server;

namespace {

/// Sees a text before anything is made of it, since what is made of it may take
/// the square of its length: a list of objects by nlohmann's parser with a
/// callback, an object by members in their order.
class TextCheck final : public nlohmann::json_sax<Json> {
public:
  std::string fault; ///< empty: there is none beside the grammar's

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t &name) override {
    if (!names.back().insert(name).second)
      return fail("has the name '" + name + "' twice");
    if (names.back().size() > maxJsonMembers)
      return fail("has an object of more than " +
                  std::to_string(maxJsonMembers) + " members");
    return true;
  }
  bool parse_error(size_t, const std::string &,
                   const nlohmann::detail::exception &) override {
    return fail("is no valid JSON in UTF-8");
  }

private:
  bool fail(const std::string &why) {
    fault = why;
    return false;
  }
  bool open() {
    names.emplace_back();
    return names.size() <= maxJsonDepth ||
           fail("has more than " + std::to_string(maxJsonDepth) +
                " levels of lists and objects");
  }
  bool close() {
    names.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> names; ///< of what is open; lists: none
};

} // namespace

std::optional<Json> tern::server::parseObject(std::string_view text,
                                              ApiError &error) {
  error = ApiError();
  TextCheck check;
  if (text.empty()) {
    error.message = "the body is empty, expected a JSON object";
    return std::nullopt;
  }
  if (!Json::sax_parse(text, &check)) {
    error.message = "the body " + check.fault;
    return std::nullopt;
  }
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_object())
    return value;
  error.message = std::string("the body is JSON, but of the type ") +
                  value.type_name() + ", expected an object";
  return std::nullopt;
}

std::string tern::server::dump(const Json &value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
