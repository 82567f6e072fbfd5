//===- PtxTesting.h - Kernels that tests write
//------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_PTXTESTING_H
#define TERN_TEST_DEVICE_PTXTESTING_H

#include "Machine.h"

#include "gtest/gtest.h"

#include <functional>

namespace tern::ptx {

/// Kernels that the tests of this process have run, for ptxas.
inline std::vector<std::string> &allKernels() {
  static std::vector<std::string> kernels;
  return kernels;
}

/// They assemble, where NVIDIA's assembler is installed.
class Assembled : public testing::Environment {
  void TearDown() override;
};

constexpr const char *kHeader = ".version 8.0\n.target sm_80\n"
                                ".address_size 64\n";

/// A kernel of `body` with pointers p0, p1, ... to the buffers in %p0, ...; a
/// lane's number is in %l, and four times and eight times that in %l4, %l8.
inline std::string kernelText(const std::string &name, size_t buffers,
                              const std::string &body) {
  std::string text = ".visible .entry " + name + "(";
  for (size_t i = 0; i < buffers; ++i)
    text += std::string(i ? ", " : "") + ".param .u64 " + name + "_" +
            std::to_string(i);
  text += ") {\n.reg .b64 %p<9>, %l4, %l8;\n.reg .b32 %l;\n";
  for (size_t i = 0; i < buffers; ++i)
    text += "ld.param.b64 %p" + std::to_string(i) + ", [" + name + "_" +
            std::to_string(i) + "];\n";
  return text +
         "mov.b32 %l, %tid.x;\nmul.wide.u32 %l4, %l, 4;\n"
         "mul.wide.u32 %l8, %l, 8;\n" +
         body + "ret;\n}\n";
}

/// Runs kernels on vectors.
class Runner {
public:
  uint32_t threads = kLanes, blocks = 1, dynamicShared = 0;
  uint64_t seed = 1;
  bool isRepeated = false; ///< by a launch that may begin early
  std::string globals;     ///< in front of the kernel

  template <class... Ts>
  void run(const std::string &body, std::vector<Ts> &...buffers) {
    std::string name = "kernel" + std::to_string(allKernels().size());
    std::string text = globals + kernelText(name, sizeof...(Ts), body);
    Module module;
    parse(module, kHeader + text);
    Memory memory;
    Launch launch;
    launch.kernel = &module.kernels.at(name);
    launch.threads = threads;
    launch.grid[0] = blocks;
    launch.sharedBytes = dynamicShared;
    auto add = [&](void *data, size_t bytes) {
      uint64_t at = reinterpret_cast<uint64_t>(data);
      memory.add(at, bytes);
      launch.parameters.insert(launch.parameters.end(),
                               reinterpret_cast<uint8_t *>(&at),
                               reinterpret_cast<uint8_t *>(&at) + 8);
    };
    (add(buffers.data(), buffers.size() * sizeof(Ts)), ...);
    for (auto &[unused, variable] : module.variables)
      if (!variable.storage.empty())
        memory.add(variable.offset, variable.bytes,
                   variable.space == Space::Constant);
    Machine machine(memory);
    if (!isRepeated)
      allKernels().push_back(text);
    machine.run(launch, seed);
    if (!isRepeated)
      return;
    launch.isEarly = true;
    machine.run(launch, seed);
  }

  /// The same, and the sentence that it failed with; "" if it did not.
  template <class... Ts>
  std::string failure(const std::string &body, std::vector<Ts> &...buffers) {
    try {
      run(body, buffers...);
    } catch (const Fault &fault) {
      return fault.what();
    }
    return "";
  }
};

/// The sentence is about `part`.
inline testing::AssertionResult says(const std::string &sentence,
                                     const std::string &part) {
  if (sentence.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "expected \"" << part << "\", got \"" << sentence << "\"";
}

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_PTXTESTING_H
