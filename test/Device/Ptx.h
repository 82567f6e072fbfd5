//===- Ptx.h - Modules of PTX, decoded --------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module as the interpreter runs it: registers are numbered, constants lie in
// a pool, and each instruction is a function of the 32 lanes of a warp.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_PTX_H
#define TERN_TEST_DEVICE_PTX_H

#include <array>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace tern::ptx {

constexpr unsigned kLanes = 32;
constexpr uint32_t kAllLanes = ~0u;

/// An error in a module, or of a launch.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Kind : uint8_t { Bits, Unsigned, Signed, Float, BFloat, Predicate };

struct Type {
  Kind kind = Kind::Bits;
  unsigned bits = 32;
  unsigned parts = 1; ///< 2: f16x2
  bool operator==(const Type &other) const {
    return kind == other.kind && bits == other.bits && parts == other.parts;
  }
};

enum class Space : uint8_t { Generic, Global, Shared, Local, Param, Constant };

/// Generic addresses of shared and local memory begin here, where no process
/// has any.
constexpr uint64_t kSharedWindow = uint64_t(1) << 48;
constexpr uint64_t kLocalWindow = uint64_t(2) << 48;
constexpr uint64_t kWindowBytes = uint64_t(1) << 32;

/// A register of all lanes, or a constant as it would be in one. Lanes take 4
/// or 8 bytes each, a predicate a bit.
struct Operand {
  uint32_t offset = 0;
  uint32_t index = 0; ///< among masks of lanes that are defined; 0: all are
  uint8_t bits = 32;  ///< 1, 16, 32, 64, or 0: a result nobody wants
  bool isConstant = false;
  bool isNegated = false; ///< a predicate that is used as its opposite
};

struct Warp;
struct Instruction;
using Run = void (*)(Warp &, const Instruction &, uint32_t on);

/// How the lanes of a warp come to an instruction.
enum class Meeting : uint8_t {
  None,
  All,    ///< all lanes that have not left
  Members ///< those of the mask in `members`
};

enum class Flow : uint8_t { Next, Branch, Table, Exit, Trap };

struct Instruction {
  Run run = nullptr;
  std::array<Operand, 14> ops;
  Operand guard; ///< bits == 0: none
  Operand members;
  uint32_t line = 0;
  uint32_t text = 0;
  uint32_t target = 0;           ///< of a branch
  std::vector<uint32_t> targets; ///< of a table of branches
  int64_t offset = 0;            ///< of the address
  Type type;
  Space space = Space::Generic;
  Meeting meeting = Meeting::None;
  uint8_t count = 1;    ///< elements of a vector
  uint32_t control = 0; ///< the table of lop3, the bytes of a copy
  Flow flow = Flow::Next;
};

/// A variable of a kernel or a module. Those of global and constant memory hold
/// their bytes themselves, and `offset` is an address.
struct Variable {
  Space space = Space::Shared;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t alignment = 1;
  bool isExternal = false; ///< of as many bytes as a launch says
  std::vector<uint8_t> storage;
};

struct Parameter {
  uint32_t offset, bytes;
};

/// Registers that the machine fills: "%tid.x".
struct Special {
  std::string name;
  Operand where;
};

struct Kernel {
  std::string name;
  std::vector<Instruction> code;
  std::vector<std::string> texts;
  std::vector<Parameter> parameters;
  std::vector<Special> specials;
  std::vector<uint8_t> constants;
  uint32_t parameterBytes = 0;
  uint32_t registerBytes = 0;
  uint32_t registerCount = 1;
  uint32_t sharedBytes = 0; ///< without those of a launch
  uint32_t localBytes = 0;
  std::array<uint32_t, 3> requiredThreads = {0, 0, 0};
  uint32_t mostThreads = 1024;
};

struct Module {
  unsigned version = 0; ///< 80: PTX 8.0
  unsigned target = 0;  ///< 80: sm_80
  std::map<std::string, Kernel> kernels;
  std::map<std::string, Variable> variables;
};

/// Throws a Fault that names the line. `module` must stay where it is.
void parse(Module &module, const std::string &text);

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_PTX_H
