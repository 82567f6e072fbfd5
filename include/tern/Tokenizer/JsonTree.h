//===- tern/Tokenizer/JsonTree.h - JSON, read in one go ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOKENIZER_JSONTREE_H
#define TERN_TOKENIZER_JSONTREE_H

#include "nlohmann/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tern {

/// Makes values of a text. json::parse does so too, but if it is watched by a
/// callback it walks over all members of an object or array whenever an object
/// in it ends: a header of 40,000 tensors then takes minutes.
class JsonTree : public nlohmann::json_sax<nlohmann::json> {
public:
  /// False for what is not valid; `error` says why.
  bool parse(std::string_view text);

  nlohmann::json root;
  std::string error;
  /// A name that an object has twice; empty if there is none.
  std::string twice;
  /// One whose values say different things, where null says nothing. The last
  /// is kept, as most readers do.
  std::string ambiguous;

protected:
  /// May change the array whose end was read; `name` is the last that was read.
  virtual void arrayEnded(nlohmann::json & /*array*/,
                          const std::string & /*name*/) {}

private:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string &) override {
    return put(value);
  }
  bool string(std::string &value) override { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t &) override { return false; }
  bool start_object(size_t) override;
  bool key(std::string &name) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t, const std::string &,
                   const nlohmann::json::exception &exception) override;

  void compareRepeated();
  bool put(nlohmann::json value);
  bool open(nlohmann::json value);

  /// Where the next value goes, in an object or at the root.
  nlohmann::json *place = &root;
  /// Objects and arrays that have begun.
  std::vector<nlohmann::json *> opened;
  std::string lastName;
  struct Repeated {
    std::string name;
    nlohmann::json before;
    const nlohmann::json *now;
  };
  std::vector<Repeated> repeated;
};

} // namespace tern

#endif // TERN_TOKENIZER_JSONTREE_H
