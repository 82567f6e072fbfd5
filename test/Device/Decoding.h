//===- Decoding.h - From a statement to an instruction ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An opcode's decoder takes the modifiers it knows and says what each operand
// is. A modifier that nobody has taken is an error, and so is one that would
// let a GPU round otherwise than docs/numerics.md says.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_DECODING_H
#define TERN_TEST_DEVICE_DECODING_H

#include "Lexer.h"

#include <initializer_list>

namespace tern::ptx {

struct Register {
  uint32_t offset = 0, index = 0;
  uint8_t bits = 32;
};

/// An operand as it is written.
struct Argument {
  enum { Name, Number, Address, List, Sink } form = Name;
  std::string name; ///< of an address too; empty: a number
  uint64_t number = 0;
  bool isNegated = false;
  std::vector<Argument> parts; ///< of a list, or of p|q
};

/// The names that instructions of a kernel may use.
class Names {
public:
  Names(Module &module, Kernel &kernel) : module(module), kernel(kernel) {}

  Module &module;
  Kernel &kernel;
  std::vector<std::map<std::string, Register>> scopes{1};
  std::map<std::string, Variable> variables;
  std::map<std::string, uint32_t> parameters; ///< offsets
  std::map<std::string, uint32_t> labels;
  std::map<std::string, std::vector<std::string>> tables;
  /// Branches to labels that may come later.
  std::vector<std::pair<uint32_t, std::string>> branches, tableBranches;

  Register addRegister(const std::string &name, uint8_t bits);
  const Register *find(const std::string &name) const;
  const Variable *findVariable(const std::string &name) const;
  Operand constant(uint64_t value, uint8_t bits);

private:
  std::map<std::pair<uint64_t, uint8_t>, uint32_t> constants; ///< offsets
};

class Decoding {
public:
  Decoding(Names &names, Tokens statement);

  void run();

  bool has(const char *modifier);
  /// Takes a modifier if it is there.
  bool takeIf(const char *modifier);
  /// Takes one of these, or answers "" where there is none.
  std::string takeOneOf(std::initializer_list<const char *> modifiers);
  void expect(const char *modifier);
  bool hasType() const;
  Type takeType();

  size_t argumentCount() const { return arguments.size(); }
  const Argument &argument(size_t i) const { return arguments.at(i); }
  void expectArguments(size_t count);

  Operand destination(const Argument &argument, unsigned bits);
  /// A register of any width.
  Operand destination(const Argument &argument);
  Operand source(const Argument &argument, unsigned bits);
  Operand source(const Argument &argument);
  Operand predicate(const Argument &argument);
  /// Takes the address apart: a register or a constant, and an offset.
  Operand address(const Argument &argument);
  uint64_t number(const Argument &argument);

  [[noreturn]] void fail(const std::string &text) const;

  Names &names;
  std::string opcode;
  Instruction in;

private:
  Argument readArgument(Tokens &tokens);
  uint64_t valueOf(const std::string &name) const;

  std::vector<std::string> modifiers;
  std::vector<Argument> arguments;
};

using Decoder = void (*)(Decoding &);
/// By opcode; those of floats end with ".f", those of predicates with ".p".
using Decoders = std::map<std::string, Decoder>;

void addIntegers(Decoders &decoders);
void addBits(Decoders &decoders);
void addFloats(Decoders &decoders);
void addPredicates(Decoders &decoders);
void addMoves(Decoders &decoders);
void addConversions(Decoders &decoders);
void addAccesses(Decoders &decoders);
void addAtomics(Decoders &decoders);
void addCopies(Decoders &decoders);
void addCollectives(Decoders &decoders);
void addProducts(Decoders &decoders);
void addControl(Decoders &decoders);

bool readType(const std::string &word, Type &type);
unsigned bytesOf(Type type);

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_DECODING_H
