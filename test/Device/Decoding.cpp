//===- Decoding.cpp - From a statement to an instruction -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decoding.h"

#include <algorithm>
#include <cstring>

using namespace tern::ptx;

bool tern::ptx::readType(const std::string &word, Type &type) {
  static const std::map<std::string, Type> types = {
      {"pred", {Kind::Predicate, 1, 1}}, {"b8", {Kind::Bits, 8, 1}},
      {"b16", {Kind::Bits, 16, 1}},      {"b32", {Kind::Bits, 32, 1}},
      {"b64", {Kind::Bits, 64, 1}},      {"u8", {Kind::Unsigned, 8, 1}},
      {"u16", {Kind::Unsigned, 16, 1}},  {"u32", {Kind::Unsigned, 32, 1}},
      {"u64", {Kind::Unsigned, 64, 1}},  {"s8", {Kind::Signed, 8, 1}},
      {"s16", {Kind::Signed, 16, 1}},    {"s32", {Kind::Signed, 32, 1}},
      {"s64", {Kind::Signed, 64, 1}},    {"f16", {Kind::Float, 16, 1}},
      {"f32", {Kind::Float, 32, 1}},     {"f64", {Kind::Float, 64, 1}},
      {"bf16", {Kind::BFloat, 16, 1}},   {"f16x2", {Kind::Float, 16, 2}},
      {"bf16x2", {Kind::BFloat, 16, 2}}, {"u16x2", {Kind::Unsigned, 16, 2}},
      {"f32x2", {Kind::Float, 32, 2}},   {"s16x2", {Kind::Signed, 16, 2}}};
  auto found = types.find(word);
  if (found == types.end())
    return false;
  type = found->second;
  return true;
}

unsigned tern::ptx::bytesOf(Type type) { return type.bits * type.parts / 8; }

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

Register Names::addRegister(const std::string &name, uint8_t bits) {
  Register added;
  added.bits = bits;
  added.index = kernel.registerCount++;
  uint32_t bytes = bits == 1 ? 8 : bits == 64 ? 8 * kLanes : 4 * kLanes;
  added.offset = kernel.registerBytes;
  kernel.registerBytes += bytes;
  scopes.back()[name] = added;
  return added;
}

const Register *Names::find(const std::string &name) const {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    auto found = scope->find(name);
    if (found != scope->end())
      return &found->second;
  }
  return nullptr;
}

const Variable *Names::findVariable(const std::string &name) const {
  auto found = variables.find(name);
  if (found != variables.end())
    return &found->second;
  auto ofModule = module.variables.find(name);
  if (ofModule != module.variables.end() &&
      (ofModule->second.space == Space::Global ||
       ofModule->second.space == Space::Constant))
    return &ofModule->second;
  return nullptr;
}

/// Lanes of one value lie in the pool as in a register.
Operand Names::constant(uint64_t value, uint8_t bits) {
  Operand operand;
  operand.bits = bits;
  operand.isConstant = true;
  if (bits == 1)
    value = value ? ~uint64_t(0) : 0;
  if (bits == 16)
    value &= 0xFFFF;
  std::vector<uint8_t> &pool = kernel.constants;
  auto [found, isNew] =
      constants.insert({{value, bits}, uint32_t((pool.size() + 7) / 8 * 8)});
  operand.offset = found->second;
  if (!isNew)
    return operand;
  size_t size = bits == 64 ? 8 : 4, count = bits == 1 ? 1 : kLanes;
  pool.resize(operand.offset + size * count);
  for (size_t lane = 0; lane < count; ++lane)
    std::memcpy(&pool[operand.offset + lane * size], &value, size);
  return operand;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

static std::vector<std::string> splitAtDots(const std::string &word) {
  std::vector<std::string> parts(1);
  for (char c : word)
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

static std::string textOf(Tokens statement) {
  std::string text;
  while (!statement.isEmpty()) {
    std::string word = statement.take();
    bool isTight = text.empty() || std::strchr(",;]})+", word[0]) ||
                   std::strchr("[{(@!+-", text.back());
    text += (isTight ? "" : " ") + word;
  }
  return text;
}

Decoding::Decoding(Names &names, Tokens statement) : names(names) {
  in.line = statement.line();
  in.text = uint32_t(names.kernel.texts.size());
  in.guard.bits = 0;
  names.kernel.texts.push_back(textOf(statement));
  if (statement.takeIf("@")) {
    Argument guard;
    guard.isNegated = statement.takeIf("!");
    guard.name = statement.take();
    in.guard = predicate(guard);
  }
  modifiers = splitAtDots(statement.take());
  opcode = modifiers[0];
  modifiers.erase(modifiers.begin());
  while (!statement.isEmpty()) {
    arguments.push_back(readArgument(statement));
    if (!statement.isEmpty())
      statement.expect(",");
  }
}

Argument Decoding::readArgument(Tokens &tokens) {
  Argument argument;
  if (tokens.takeIf("_")) {
    argument.form = Argument::Sink;
  } else if (tokens.takeIf("{")) {
    argument.form = Argument::List;
    while (!tokens.takeIf("}")) {
      argument.parts.push_back(readArgument(tokens));
      tokens.takeIf(",");
    }
  } else if (tokens.takeIf("[")) {
    argument = readArgument(tokens);
    argument.form = Argument::Address;
    tokens.expect("]");
  } else if (tokens.peek() == "-" || isNumber(tokens.peek())) {
    argument.form = Argument::Number;
    argument.number = tokens.takeNumber();
  } else {
    argument.isNegated = tokens.takeIf("!");
    argument.name = tokens.take();
    if (tokens.takeIf("+"))
      argument.number = tokens.takeNumber();
    else if (tokens.peek() == "-")
      argument.number = tokens.takeNumber();
    if (tokens.takeIf("|")) {
      Argument pair;
      pair.form = Argument::List;
      pair.parts = {argument, readArgument(tokens)};
      return pair;
    }
  }
  return argument;
}

static const Decoders &decoders() {
  static const Decoders all = [] {
    Decoders result;
    addIntegers(result);
    addBits(result);
    addFloats(result);
    addPredicates(result);
    addMoves(result);
    addConversions(result);
    addAccesses(result);
    addAtomics(result);
    addCopies(result);
    addCollectives(result);
    addProducts(result);
    addControl(result);
    return result;
  }();
  return all;
}

void Decoding::run() {
  for (const char *word : {"ftz", "approx", "full"})
    if (has(word))
      fail(std::string("expected exact arithmetic, got .") + word);
  std::string key = opcode;
  for (const std::string &modifier : modifiers) {
    Type type;
    if (!readType(modifier, type))
      continue;
    if (type.kind == Kind::Float || type.kind == Kind::BFloat)
      key = opcode + ".f";
    else if (type.kind == Kind::Predicate)
      key = opcode + ".p";
  }
  auto found = decoders().find(key);
  if (found == decoders().end())
    found = decoders().find(opcode);
  if (found == decoders().end())
    fail("unknown opcode " + opcode);
  found->second(*this);
  for (const std::string &modifier : modifiers)
    if (!modifier.empty())
      fail("unknown modifier ." + modifier + " of " + opcode);
  if (in.flow == Flow::Next && !in.run)
    fail("unknown form of " + opcode);
  names.kernel.code.push_back(in);
}

void Decoding::fail(const std::string &text) const {
  throw Fault("line " + std::to_string(in.line) + ": " + text + ": " +
              names.kernel.texts[in.text]);
}

bool Decoding::has(const char *modifier) {
  return std::find(modifiers.begin(), modifiers.end(), modifier) !=
         modifiers.end();
}

bool Decoding::takeIf(const char *modifier) {
  auto found = std::find(modifiers.begin(), modifiers.end(), modifier);
  if (found == modifiers.end())
    return false;
  found->clear();
  return true;
}

std::string
Decoding::takeOneOf(std::initializer_list<const char *> candidates) {
  for (const char *candidate : candidates)
    if (takeIf(candidate))
      return candidate;
  return "";
}

void Decoding::expect(const char *modifier) {
  if (!takeIf(modifier))
    fail("expected ." + std::string(modifier));
}

bool Decoding::hasType() const {
  Type type;
  return std::any_of(modifiers.begin(), modifiers.end(),
                     [&](auto &word) { return readType(word, type); });
}

Type Decoding::takeType() {
  Type type;
  for (std::string &modifier : modifiers)
    if (readType(modifier, type)) {
      modifier.clear();
      return type;
    }
  fail("expected a type");
}

void Decoding::expectArguments(size_t count) {
  if (arguments.size() != count)
    fail("expected " + std::to_string(count) + " operands, got " +
         std::to_string(arguments.size()));
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

static bool isSpecial(const std::string &name) {
  static const char *const names[] = {
      "%tid.x",       "%tid.y",       "%tid.z",       "%ntid.x",
      "%ntid.y",      "%ntid.z",      "%ctaid.x",     "%ctaid.y",
      "%ctaid.z",     "%nctaid.x",    "%nctaid.y",    "%nctaid.z",
      "%laneid",      "%warpid",      "%nwarpid",     "WARP_SZ",
      "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt",
      "%lanemask_ge"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

uint64_t Decoding::valueOf(const std::string &name) const {
  if (const Variable *variable = names.findVariable(name))
    return variable->offset;
  auto parameter = names.parameters.find(name);
  if (parameter != names.parameters.end())
    return parameter->second;
  fail("unknown name " + name);
}

static Operand operandOf(const Register &found) {
  Operand operand;
  operand.offset = found.offset;
  operand.index = found.index;
  operand.bits = found.bits;
  return operand;
}

Operand Decoding::destination(const Argument &argument) {
  Operand operand;
  if (argument.form == Argument::Sink) {
    operand.bits = 0;
    return operand;
  }
  const Register *found = argument.form == Argument::Name && !argument.number
                              ? names.find(argument.name)
                              : nullptr;
  if (!found)
    fail("expected a register, got " + argument.name);
  return operandOf(*found);
}

Operand Decoding::destination(const Argument &argument, unsigned bits) {
  Operand operand = destination(argument);
  if (operand.bits != bits && operand.bits != 0)
    fail("expected a register of " + std::to_string(bits) + " bits, got " +
         argument.name);
  return operand;
}

Operand Decoding::source(const Argument &argument) {
  if (argument.form == Argument::Number)
    return names.constant(argument.number, 64);
  if (argument.form != Argument::Name)
    fail("expected a value");
  if (const Register *found = names.find(argument.name)) {
    Operand operand = operandOf(*found);
    operand.isNegated = argument.isNegated;
    return operand;
  }
  if (isSpecial(argument.name)) {
    // Those are filled before a warp begins, so they are of all scopes.
    Register added = names.addRegister(argument.name, 32);
    names.scopes.front()[argument.name] = added;
    names.kernel.specials.push_back({argument.name, operandOf(added)});
    return operandOf(added);
  }
  return names.constant(valueOf(argument.name) + argument.number, 64);
}

Operand Decoding::source(const Argument &argument, unsigned bits) {
  if (argument.form == Argument::Number)
    return names.constant(argument.number, uint8_t(bits));
  Operand operand = source(argument);
  if (operand.isConstant)
    return names.constant(valueOf(argument.name) + argument.number,
                          uint8_t(bits));
  if (operand.bits != bits)
    fail("expected a register of " + std::to_string(bits) + " bits, got " +
         argument.name);
  return operand;
}

Operand Decoding::predicate(const Argument &argument) {
  if (argument.form == Argument::Name && !names.find(argument.name))
    fail("expected a predicate, got " + argument.name);
  return source(argument, 1);
}

Operand Decoding::address(const Argument &argument) {
  if (argument.form != Argument::Address)
    fail("expected an address");
  if (argument.name.empty())
    return names.constant(argument.number, 64);
  if (const Register *found = names.find(argument.name)) {
    in.offset = int64_t(argument.number);
    return operandOf(*found);
  }
  return names.constant(valueOf(argument.name) + argument.number, 64);
}

uint64_t Decoding::number(const Argument &argument) {
  if (argument.form != Argument::Number)
    fail("expected a number");
  return argument.number;
}
