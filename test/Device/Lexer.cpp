//===- Lexer.cpp - Words of PTX ------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lexer.h"

#include <cctype>
#include <cstring>

using namespace tern::ptx;

static bool isWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || std::strchr("_$%.", c);
}

std::vector<Token> tern::ptx::readTokens(const std::string &text) {
  std::vector<Token> tokens;
  unsigned line = 1;
  for (size_t i = 0; i < text.size() && text[i];) {
    char c = text[i];
    if (c == '\n')
      ++line;
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++i;
      continue;
    }
    if (text.compare(i, 2, "//") == 0) {
      while (i < text.size() && text[i] != '\n')
        ++i;
      continue;
    }
    if (text.compare(i, 2, "/*") == 0) {
      size_t close = text.find("*/", i);
      if (close == std::string::npos)
        throw Fault("line " + std::to_string(line) + ": an open comment");
      for (; i != close + 2; ++i)
        line += text[i] == '\n';
      continue;
    }
    size_t from = i++;
    if (c == '"') {
      while (i < text.size() && text[i] != '"')
        ++i;
      ++i;
    } else if (isWord(c)) {
      while (i < text.size() &&
             (isWord(text[i]) || text.compare(i, 2, "::") == 0))
        i += text[i] == ':' ? 2 : 1;
    }
    tokens.push_back({text.substr(from, i - from), line});
  }
  return tokens;
}

const std::string &Tokens::peek(unsigned ahead) const {
  static const std::string none;
  return size_t(end - at) > ahead ? at[ahead].text : none;
}

std::string Tokens::take() {
  if (isEmpty())
    fail("expected more");
  lastLine = at->line;
  return (at++)->text;
}

bool Tokens::takeIf(const std::string &text) {
  if (isEmpty() || at->text != text)
    return false;
  take();
  return true;
}

void Tokens::expect(const std::string &text) {
  if (!takeIf(text))
    fail("expected " + text + ", got " + (isEmpty() ? "the end" : at->text));
}

void Tokens::fail(const std::string &text) const {
  throw Fault("line " + std::to_string(line()) + ": " + text);
}

bool tern::ptx::isNumber(const std::string &text) {
  return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])));
}

uint64_t Tokens::takeNumber() {
  bool isNegative = takeIf("-");
  std::string word = take();
  if (!isNumber(word))
    fail("expected a number, got " + word);
  const char *from = word.c_str();
  int base = 0;
  if (word.size() > 2 && std::strchr("fFdD", word[1]) && word[0] == '0') {
    from += 2;
    base = 16;
  } else if (word.size() > 2 && (word[1] == 'b' || word[1] == 'B')) {
    from += 2;
    base = 2;
  }
  char *stop;
  uint64_t value = std::strtoull(from, &stop, base);
  if (*stop == 'U' || *stop == 'u')
    ++stop;
  if (*stop)
    fail("expected a number, got " + word);
  return isNegative ? -value : value;
}
