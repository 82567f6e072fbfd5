//===- Lexer.h - Words of PTX -----------------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_LEXER_H
#define TERN_TEST_DEVICE_LEXER_H

#include "Ptx.h"

namespace tern::ptx {

struct Token {
  std::string text; ///< empty at the end
  unsigned line = 0;
};

/// Words, numbers and single characters; comments are left out.
std::vector<Token> readTokens(const std::string &text);

/// The tokens of a statement, or of a module, one by one.
class Tokens {
public:
  Tokens(const Token *from, const Token *to) : at(from), end(to) {}

  bool isEmpty() const { return at == end; }
  const std::string &peek(unsigned ahead = 0) const;
  unsigned line() const { return at != end ? at->line : lastLine; }
  std::string take();
  /// Takes the next one if it is `text`.
  bool takeIf(const std::string &text);
  void expect(const std::string &text);
  [[noreturn]] void fail(const std::string &text) const;
  /// A number of any spelling; floats as their bits.
  uint64_t takeNumber();
  const Token *position() const { return at; }

private:
  const Token *at, *end;
  unsigned lastLine = 0;
};

bool isNumber(const std::string &text);

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_LEXER_H
