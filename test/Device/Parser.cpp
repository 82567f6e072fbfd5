//===- Parser.cpp - Modules of PTX ---------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decoding.h"

#include <cstring>

using namespace tern::ptx;

namespace {

class Parser {
public:
  Parser(Module &module, Tokens tokens) : module(module), tokens(tokens) {}

  void run();

private:
  void parseKernel();
  void parseParameters(Names &names);
  void parseBody(Names &names);
  void parseRegisters(Names &names, Tokens &statement);
  std::pair<std::string, Variable> parseVariable(Tokens &statement,
                                                 Space space);
  void parseInitial(Tokens &statement, Variable &variable, unsigned size);
  void placeShared(Names &names, Tokens body);
  void resolve(Names &names);
  Tokens takeStatement();

  Module &module;
  Tokens tokens;
};

uint64_t alignTo(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool readSpace(const std::string &word, Space &space) {
  static const std::map<std::string, Space> spaces = {
      {".global", Space::Global},
      {".const", Space::Constant},
      {".shared", Space::Shared},
      {".local", Space::Local}};
  auto found = spaces.find(word);
  if (found == spaces.end())
    return false;
  space = found->second;
  return true;
}

} // namespace

/// Tokens up to a semicolon.
Tokens Parser::takeStatement() {
  const Token *from = tokens.position();
  while (tokens.peek() != ";")
    tokens.take();
  const Token *to = tokens.position();
  tokens.take();
  return Tokens(from, to);
}

void Parser::run() {
  while (!tokens.isEmpty()) {
    Space space;
    if (tokens.takeIf(".version")) {
      std::string version = tokens.take();
      module.version = unsigned(std::stod(version) * 10 + 0.5);
    } else if (tokens.takeIf(".target")) {
      std::string target = tokens.take();
      if (target.rfind("sm_", 0) != 0)
        tokens.fail("expected a target like sm_80, got " + target);
      module.target = unsigned(std::atoi(target.c_str() + 3));
      while (tokens.takeIf(","))
        tokens.take();
    } else if (tokens.takeIf(".address_size")) {
      tokens.expect("64");
    } else if (tokens.takeIf(".visible") || tokens.takeIf(".weak") ||
               tokens.takeIf(".common") || tokens.takeIf(".extern")) {
      continue;
    } else if (tokens.takeIf(".entry")) {
      parseKernel();
    } else if (readSpace(tokens.peek(), space)) {
      Tokens statement = takeStatement();
      statement.take();
      auto [name, variable] = parseVariable(statement, space);
      module.variables[name] = std::move(variable);
    } else {
      tokens.fail(
          "expected a kernel or a variable, got " + tokens.peek() +
          (tokens.peek() == ".func" ? "; functions are to be inlined" : ""));
    }
  }
}

/// .align 16 .b8 name[32] = {1, 2}
std::pair<std::string, Variable> Parser::parseVariable(Tokens &statement,
                                                       Space space) {
  Variable variable;
  variable.space = space;
  if (statement.takeIf(".align"))
    variable.alignment = statement.takeNumber();
  Type type;
  std::string word = statement.take();
  if (word[0] != '.' || !readType(word.substr(1), type))
    statement.fail("expected a type, got " + word);
  std::string name = statement.take();
  unsigned size = bytesOf(type);
  variable.bytes = size;
  if (variable.alignment < size)
    variable.alignment = size;
  while (statement.takeIf("[")) {
    if (statement.takeIf("]")) {
      variable.isExternal = true;
      variable.bytes = 0;
      break;
    }
    variable.bytes *= statement.takeNumber();
    statement.expect("]");
  }
  if (space == Space::Global || space == Space::Constant) {
    variable.storage.assign(variable.bytes + variable.alignment, 0);
    variable.offset =
        alignTo(reinterpret_cast<uint64_t>(variable.storage.data()),
                variable.alignment);
    if (statement.takeIf("="))
      parseInitial(statement, variable, size);
  }
  if (!statement.isEmpty())
    statement.fail("expected the variable's end, got " + statement.peek());
  return {name, std::move(variable)};
}

void Parser::parseInitial(Tokens &statement, Variable &variable,
                          unsigned size) {
  auto *at = reinterpret_cast<uint8_t *>(variable.offset);
  uint8_t *end = at + variable.bytes;
  bool isList = statement.takeIf("{");
  while (!statement.isEmpty() && !statement.takeIf("}")) {
    uint64_t value = statement.takeNumber();
    if (at == end)
      statement.fail("expected no more initial values");
    std::memcpy(at, &value, size);
    at += size;
    if (isList)
      statement.takeIf(",");
  }
}

void Parser::parseKernel() {
  std::string name = tokens.take();
  if (module.kernels.count(name))
    tokens.fail("a second kernel " + name);
  Kernel &kernel = module.kernels[name];
  kernel.name = name;
  Names names(module, kernel);
  parseParameters(names);
  while (tokens.peek() != "{") {
    bool isRequired = tokens.peek() == ".reqntid";
    if (isRequired || tokens.peek() == ".maxntid") {
      tokens.take();
      std::array<uint32_t, 3> threads = {1, 1, 1};
      for (size_t i = 0; i < 3; ++i) {
        threads[i] = uint32_t(tokens.takeNumber());
        if (!tokens.takeIf(","))
          break;
      }
      if (isRequired)
        kernel.requiredThreads = threads;
      kernel.mostThreads = threads[0] * threads[1] * threads[2];
    } else if (tokens.takeIf(".minnctapersm") || tokens.takeIf(".maxnreg")) {
      tokens.takeNumber();
    } else {
      tokens.fail("expected the kernel's body, got " + tokens.peek());
    }
  }
  parseBody(names);
}

/// (.param .align 8 .b8 name[16], .param .u64 .ptr .global .align 16 name)
void Parser::parseParameters(Names &names) {
  if (!tokens.takeIf("("))
    return;
  Kernel &kernel = names.kernel;
  while (!tokens.takeIf(")")) {
    tokens.expect(".param");
    uint64_t alignment = 1;
    Type type;
    bool hasType = false;
    while (tokens.peek()[0] == '.') {
      std::string word = tokens.take();
      if (word == ".align")
        alignment = tokens.takeNumber();
      else if (word == ".ptr")
        for (Space space;
             readSpace(tokens.peek(), space) || tokens.peek() == ".align";)
          if (tokens.take() == ".align")
            tokens.takeNumber(); // of what it points to
      if (readType(word.substr(1), type))
        hasType = true;
    }
    if (!hasType)
      tokens.fail("expected a parameter's type");
    std::string name = tokens.take();
    uint64_t bytes = bytesOf(type);
    alignment = std::max<uint64_t>(alignment, bytes);
    if (tokens.takeIf("[")) {
      bytes *= tokens.takeNumber();
      tokens.expect("]");
    }
    uint32_t at = uint32_t(alignTo(kernel.parameterBytes, alignment));
    names.parameters[name] = at;
    kernel.parameters.push_back({at, uint32_t(bytes)});
    kernel.parameterBytes = at + uint32_t(bytes);
    tokens.takeIf(",");
  }
}

/// Variables of shared memory that the body names, and the launch's behind.
void Parser::placeShared(Names &names, Tokens body) {
  Kernel &kernel = names.kernel;
  std::vector<std::string> external;
  for (; !body.isEmpty(); body.take()) {
    auto found = module.variables.find(body.peek());
    if (found == module.variables.end() ||
        found->second.space != Space::Shared ||
        names.variables.count(found->first))
      continue;
    Variable variable = found->second;
    if (variable.isExternal)
      external.push_back(found->first);
    variable.offset = alignTo(kernel.sharedBytes, variable.alignment);
    if (!variable.isExternal)
      kernel.sharedBytes = uint32_t(variable.offset + variable.bytes);
    names.variables[found->first] = variable;
  }
  // A declaration in the body comes later and has its own place, in front.
  kernel.sharedBytes = uint32_t(alignTo(kernel.sharedBytes, 16));
  for (const std::string &name : external)
    names.variables[name].offset = kernel.sharedBytes;
}

void Parser::parseRegisters(Names &names, Tokens &statement) {
  Type type;
  std::string word = statement.take();
  if (word[0] != '.' || !readType(word.substr(1), type))
    statement.fail("expected a register's type, got " + word);
  unsigned bits = type.bits * type.parts;
  if (bits == 8)
    bits = 16;
  while (!statement.isEmpty()) {
    std::string name = statement.take();
    if (statement.takeIf("<")) {
      uint64_t count = statement.takeNumber();
      for (uint64_t i = 0; i < count; ++i)
        names.addRegister(name + std::to_string(i), uint8_t(bits));
      statement.expect(">");
    } else {
      names.addRegister(name, uint8_t(bits));
    }
    if (!statement.isEmpty())
      statement.expect(",");
  }
}

void Parser::parseBody(Names &names) {
  const Token *from = tokens.position();
  Tokens ahead = tokens;
  for (unsigned depth = 0; depth != 0 || ahead.position() == from;) {
    std::string word = ahead.take();
    depth += word == "{";
    depth -= word == "}";
  }
  Kernel &kernel = names.kernel;
  // Declarations of shared memory in the body first.
  for (Tokens body(from, ahead.position()); !body.isEmpty();) {
    if (body.take() != ".shared")
      continue;
    const Token *begin = body.position();
    while (body.peek() != ";")
      body.take();
    Tokens statement(begin, body.position());
    if (statement.peek()[0] != '.')
      continue;
    auto [name, variable] = parseVariable(statement, Space::Shared);
    variable.offset = alignTo(kernel.sharedBytes, variable.alignment);
    kernel.sharedBytes = uint32_t(variable.offset + variable.bytes);
    names.variables[name] = variable;
  }
  placeShared(names, Tokens(from, ahead.position()));
  tokens.expect("{");
  for (unsigned depth = 1; depth != 0;) {
    if (tokens.takeIf("{")) {
      ++depth;
      names.scopes.emplace_back();
    } else if (tokens.takeIf("}")) {
      --depth;
      if (depth)
        names.scopes.pop_back();
    } else if (tokens.peek(1) == ":") {
      std::string label = tokens.take();
      tokens.take();
      if (tokens.takeIf(".branchtargets")) {
        Tokens statement = takeStatement();
        while (!statement.isEmpty()) {
          names.tables[label].push_back(statement.take());
          statement.takeIf(",");
        }
      } else {
        names.labels[label] = uint32_t(kernel.code.size());
      }
    } else {
      Tokens statement = takeStatement();
      if (statement.isEmpty() || statement.peek() == ".pragma" ||
          statement.peek() == ".shared")
        continue;
      if (statement.takeIf(".reg")) {
        parseRegisters(names, statement);
      } else if (statement.takeIf(".local")) {
        auto [name, variable] = parseVariable(statement, Space::Local);
        variable.offset = alignTo(kernel.localBytes, variable.alignment);
        kernel.localBytes = uint32_t(variable.offset + variable.bytes);
        names.variables[name] = variable;
      } else {
        Decoding(names, statement).run();
      }
    }
  }
  kernel.localBytes = uint32_t(alignTo(kernel.localBytes, 16));
  resolve(names);
}

/// Branches find their labels.
void Parser::resolve(Names &names) {
  Kernel &kernel = names.kernel;
  auto find = [&](const std::string &label) {
    auto found = names.labels.find(label);
    if (found == names.labels.end())
      tokens.fail("unknown label " + label + " in " + kernel.name);
    return found->second;
  };
  for (auto &[at, label] : names.branches)
    kernel.code[at].target = find(label);
  for (auto &[at, table] : names.tableBranches) {
    if (!names.tables.count(table))
      tokens.fail("unknown table " + table + " in " + kernel.name);
    for (const std::string &label : names.tables[table])
      kernel.code[at].targets.push_back(find(label));
  }
  // Behind the last instruction every lane leaves.
  Instruction last;
  last.guard.bits = 0;
  last.flow = Flow::Exit;
  last.text = uint32_t(kernel.texts.size());
  kernel.texts.push_back("the end");
  kernel.code.push_back(last);
}

void tern::ptx::parse(Module &module, const std::string &text) {
  std::vector<Token> tokens = readTokens(text);
  Parser(module, Tokens(tokens.data(), tokens.data() + tokens.size())).run();
  if (module.version == 0 || module.target == 0)
    throw Fault("expected .version and .target");
}
