//===- Regex.cpp - The patterns of pre-tokenizers -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Regex.h"

#include <algorithm>
#include <map>

namespace tern {
namespace {

constexpr size_t maxPattern = 1 << 14;
constexpr int maxNesting = 32;
constexpr uint32_t maxRepeat = 1000;

Regex node(RegexNode::Kind kind) {
  auto result = std::make_unique<RegexNode>();
  result->kind = kind;
  return result;
}

Regex setNode(RegexNode::Kind kind, CharacterSet set) {
  Regex result = node(kind);
  result->set = std::move(set);
  return result;
}

/// ASCII letters in both cases, and what else folds to them in Unicode.
CharacterSet anyCase(const CharacterSet &set) {
  CharacterSet result = set;
  for (uint32_t lower = 'a'; lower <= 'z'; ++lower)
    if (set.contains(lower) || set.contains(lower - 32)) {
      result.add(lower, lower);
      result.add(lower - 32, lower - 32);
      if (lower == 's')
        result.add(0x17F, 0x17F);
      if (lower == 'k')
        result.add(0x212A, 0x212A);
    }
  return result;
}

class Parser {
public:
  Parser(const std::string &pattern, std::string &error)
      : text(codePoints(pattern)), error(error) {}

  Regex parse() {
    Regex result = choice(0);
    if (ok() && at < text.size())
      fail("')' without '('");
    return ok() ? std::move(result) : nullptr;
  }

private:
  Regex choice(int depth);
  Regex sequence(int depth);
  Regex repeated(int depth);
  Regex atom(int depth);
  Regex group(int depth);
  CharacterSet bracket(int depth);
  CharacterSet escape();
  CharacterSet property(bool negative);
  uint32_t hexadecimal(size_t digits);
  bool quantifier(uint32_t &least, uint32_t &most);
  bool number(uint32_t &value);

  bool ok() const { return error.empty(); }
  void fail(const std::string &what) {
    if (ok())
      error = what;
  }
  void refuse(const std::string &what) {
    fail("'" + what + "' is not supported");
  }
  bool done() const { return at >= text.size(); }
  uint32_t peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : endOfText;
  }
  bool take(const char *wanted) {
    size_t length = 0;
    for (; wanted[length]; ++length)
      if (peek(length) != static_cast<uint8_t>(wanted[length]))
        return false;
    at += length;
    return true;
  }

  std::vector<uint32_t> text;
  size_t at = 0;
  bool ignoreCase = false;
  std::string &error;
};

Regex Parser::choice(int depth) {
  Regex result = node(RegexNode::Choice);
  if (depth > maxNesting) {
    fail("it is nested too deep");
    return result;
  }
  do
    result->children.push_back(sequence(depth));
  while (ok() && take("|"));
  return result;
}

Regex Parser::sequence(int depth) {
  Regex result = node(RegexNode::Sequence);
  while (ok() && !done() && peek() != '|' && peek() != ')')
    result->children.push_back(repeated(depth));
  return result;
}

bool Parser::number(uint32_t &value) {
  size_t from = at;
  for (value = 0; peek() >= '0' && peek() <= '9' && value <= maxRepeat; ++at)
    value = value * 10 + (peek() - '0');
  return at > from;
}

/// ?, *, +, {2}, {2,}, {2,3} or {,3}; false when there is none.
bool Parser::quantifier(uint32_t &least, uint32_t &most) {
  least = 0;
  most = unlimited;
  if (take("*"))
    return true;
  if (take("+")) {
    least = 1;
    return true;
  }
  if (take("?")) {
    most = 1;
    return true;
  }
  if (!take("{"))
    return false;
  bool hasLeast = number(least);
  most = least;
  bool hasMost = take(",") ? number(most) : hasLeast;
  if (!hasMost)
    most = unlimited;
  if ((!hasLeast && !hasMost) || !take("}"))
    fail("'{' is not followed by numbers and '}'");
  if (least > maxRepeat || (most != unlimited && most > maxRepeat) ||
      most < least)
    fail("a number in braces is too large");
  return ok();
}

Regex Parser::repeated(int depth) {
  Regex inner = atom(depth);
  bool braces = peek() == '{';
  uint32_t least, most;
  if (!ok() || !quantifier(least, most))
    return inner;
  Regex result = node(RegexNode::Repeat);
  result->least = least;
  result->most = most;
  result->greedy = !take("?");
  bool possessive = result->greedy && peek() == '+';
  if (braces && peek() == '+')
    refuse("}+");
  if (possessive)
    ++at;
  if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{')
    fail("a repeat of a repeat is not supported");
  if (inner->kind == RegexNode::Ahead)
    fail("a repeat of a look-ahead is not supported");
  if (possessive && inner->kind != RegexNode::Characters)
    fail("'++' behind a group is not supported");
  if (!ok() || !possessive) {
    result->children.push_back(std::move(inner));
    return result;
  }
  // Nothing is given back: as many as there are, so none follows. That of x?+
  // holds for its second choice only.
  CharacterSet others = inner->set.complement();
  others.add(endOfText, endOfText);
  Regex none = setNode(RegexNode::Ahead, std::move(others));
  if (most == 1) {
    Regex either = node(RegexNode::Choice);
    either->children.push_back(std::move(inner));
    either->children.push_back(std::move(none));
    return either;
  }
  result->children.push_back(std::move(inner));
  Regex both = node(RegexNode::Sequence);
  both->children.push_back(std::move(result));
  both->children.push_back(std::move(none));
  return both;
}

Regex Parser::group(int depth) {
  bool before = ignoreCase;
  bool ahead = false, negative = false;
  if (take("?:") || peek() != '?') {
  } else if (take("?i:")) {
    ignoreCase = true;
  } else if (take("?=")) {
    ahead = true;
  } else if (take("?!")) {
    ahead = negative = true;
  } else {
    std::string shown = "(?";
    appendUtf8(shown, peek(1) < endOfText ? peek(1) : ' ');
    refuse(shown);
  }
  Regex inner = choice(depth + 1);
  if (!take(")"))
    fail("'(' without ')'");
  ignoreCase = before;
  if (!ok() || !ahead)
    return inner;
  const RegexNode *only = inner.get();
  while (only->kind <= RegexNode::Choice && only->kind >= RegexNode::Sequence &&
         only->children.size() == 1)
    only = only->children[0].get();
  if (only->kind != RegexNode::Characters) {
    fail("a look-ahead to more than one character is not supported");
    return inner;
  }
  CharacterSet set = negative ? only->set.complement() : only->set;
  if (negative)
    set.add(endOfText, endOfText);
  return setNode(RegexNode::Ahead, std::move(set));
}

Regex Parser::atom(int depth) {
  if (take("("))
    return group(depth);
  CharacterSet set;
  if (take("$")) {
    set.add('\n', '\n');
    set.add(endOfText, endOfText);
    return setNode(RegexNode::Ahead, std::move(set));
  }
  uint32_t code = peek();
  if (code == '^' || code == '*' || code == '+' || code == '?' || code == '{')
    refuse(std::string(1, char(code)));
  if (take("[")) {
    set = bracket(depth + 1);
  } else if (take("\\")) {
    set = escape();
  } else if (take(".")) {
    set = CharacterSet('\n').complement();
  } else {
    set = CharacterSet(code);
    ++at;
  }
  if (ignoreCase)
    set = anyCase(set);
  return setNode(RegexNode::Characters, std::move(set));
}

uint32_t Parser::hexadecimal(size_t digits) {
  uint32_t value = 0;
  size_t from = at;
  for (; at - from < digits && !done(); ++at) {
    uint32_t c = peek() | 32;
    if (c >= '0' && c <= '9')
      value = value * 16 + (c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + (c - 'a' + 10);
    else
      break;
  }
  if (at == from || value >= endOfText)
    fail("a character's number is not one");
  return value;
}

CharacterSet Parser::property(bool negative) {
  std::string name;
  if (take("{"))
    while (!done() && peek() != '}' && name.size() < 40)
      appendUtf8(name, text[at++]);
  if (!take("}"))
    fail("'\\p' is not followed by a name in braces");
  std::optional<CharacterSet> set = generalCategory(name);
  if (!set) {
    refuse("\\p{" + name + "}");
    return {};
  }
  return negative ? set->complement() : *set;
}

/// The part behind a backslash.
CharacterSet Parser::escape() {
  static const std::map<uint32_t, uint32_t> plain = {
      {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}};
  uint32_t code = peek();
  if (done()) {
    fail("nothing follows the last '\\'");
    return {};
  }
  ++at;
  auto found = plain.find(code);
  if (found != plain.end())
    return CharacterSet(found->second);
  switch (code) {
  case 's':
    return whiteSpace();
  case 'S':
    return whiteSpace().complement();
  case 'd':
    return *generalCategory("Nd");
  case 'D':
    return generalCategory("Nd")->complement();
  case 'p':
  case 'P':
    return property(code == 'P');
  case 'u':
    return CharacterSet(hexadecimal(4));
  case 'x': {
    bool braces = take("{");
    uint32_t value = hexadecimal(braces ? 8 : 2);
    if (braces && !take("}"))
      fail("'\\x{' without '}'");
    return CharacterSet(value);
  }
  default:
    break;
  }
  // Letters and digits mean something; other characters mean themselves.
  bool letter = (code | 32) >= 'a' && (code | 32) <= 'z';
  if (letter || (code >= '0' && code <= '9'))
    refuse(std::string("\\") + char(code));
  return CharacterSet(code);
}

/// Behind '[': ranges, escapes and further sets.
CharacterSet Parser::bracket(int depth) {
  CharacterSet set;
  bool negative = take("^");
  if (depth > maxNesting)
    fail("it is nested too deep");
  for (bool first = true; ok() && (first || peek() != ']'); first = false) {
    if (done()) {
      fail("'[' without ']'");
      break;
    }
    if (peek() == '&' && peek(1) == '&')
      refuse("&&");
    if (peek() == '[' && peek(1) == ':')
      refuse("[:");
    if (take("[")) {
      set.add(bracket(depth + 1));
      continue;
    }
    CharacterSet low = take("\\") ? escape() : CharacterSet(text[at++]);
    auto one = [](const CharacterSet &s) {
      return s.getRanges().size() == 1 &&
             s.getRanges()[0].first == s.getRanges()[0].second;
    };
    if (one(low) && peek() == '-' && peek(1) != ']' && peek(1) != endOfText) {
      ++at;
      CharacterSet high = take("\\") ? escape() : CharacterSet(text[at++]);
      if (!one(high) || high.getRanges()[0].first < low.getRanges()[0].first) {
        fail("a range of characters ends before it begins");
        break;
      }
      low.add(low.getRanges()[0].first, high.getRanges()[0].first);
    }
    set.add(low);
  }
  take("]");
  if (ignoreCase)
    set = anyCase(set);
  return negative ? set.complement() : set;
}

} // namespace

Regex parseRegex(const std::string &pattern, std::string &error) {
  error.clear();
  if (pattern.size() > maxPattern) {
    error = "it is longer than " + std::to_string(maxPattern) + " bytes";
    return nullptr;
  }
  return Parser(pattern, error).parse();
}

Regex literalRegex(const std::string &text) {
  Regex result = node(RegexNode::Sequence);
  for (uint32_t code : codePoints(text))
    result->children.push_back(characterRegex(CharacterSet(code)));
  return result;
}

Regex characterRegex(CharacterSet set) {
  return setNode(RegexNode::Characters, std::move(set));
}

} // namespace tern
