//===- Device.h - The one device of this libcuda
//----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Environment variables, all read when cuInit is called:
//   TERN_PTX_DEVICES     devices there are, 0 or 1 (default 1)
//   TERN_PTX_MEMORY      bytes of its memory
//   TERN_PTX_CAPABILITY  80: compute capability 8.0 (default 90)
//   TERN_PTX_REFUSE      the log of a driver that refuses all modules
//   TERN_PTX_REPLACE     REGEX=>TEXT: what is changed in modules, for tests
//                        that want a fault to be noticed
//   TERN_PTX_SEED        of turns and orders (default: the clock)
//   TERN_PTX_VERBOSE     1: counts on standard error when the process ends
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_DEVICE_DEVICE_H
#define TERN_TEST_DEVICE_DEVICE_H

#include "Machine.h"
#include "cuda.h"

#include <deque>
#include <functional>
#include <set>

namespace tern::ptx {

/// A launch, a copy, a fill.
using Operation = std::function<void()>;

struct Graph {
  std::deque<Operation> operations;
};

/// Operations run when they are waited for, no earlier: a host that does not
/// wait sees old bytes.
struct Stream {
  std::deque<Operation> waiting;
  bool isBlocking = true; ///< for the copies that wait by themselves
  Graph *capture = nullptr;
};

/// A place in a stream, once it is recorded.
struct Event {
  Stream *stream = nullptr;
  uint64_t recorded = 0, passed = 0; ///< how often
};

struct Function {
  Kernel *kernel;
  unsigned dynamicSharedBytes = 48 * 1024; ///< at most
};

struct LoadedModule {
  Module module;
  std::map<std::string, Function> functions;
};

class Device {
public:
  static Device &get();

  cuda_result initialize();
  /// Runs `call` unless the device has failed, and remembers its failure.
  cuda_result guard(const std::function<cuda_result()> &call);

  void enqueue(Stream *stream, Operation operation);
  cuda_result wait(Stream &stream);
  /// As far as `isDone` says, or to the end.
  cuda_result waitUntil(Stream &stream, const std::function<bool()> &isDone);
  cuda_result waitForAll(bool blockingOnly);
  void launch(const Launch &launch);

  uint64_t allocate(size_t bytes, bool isOfHost);
  bool release(uint64_t at, bool isOfHost);
  bool holds(uint64_t at, size_t bytes) {
    return bytes == 0 || memory.find(at, bytes);
  }

  unsigned count = 1, capability = 90;
  uint64_t totalBytes = uint64_t(8) << 30, usedBytes = 0;
  std::string refusal, replacement;
  bool isInitialized = false;
  Memory memory;
  Stream defaultStream;
  std::set<Stream *> streams;

private:
  Device() : machine(memory) {}
  ~Device();

  struct Block {
    void *memory;
    size_t bytes;
    bool isOfHost;
  };
  Machine machine;
  cuda_result failure = CUDA_OK;
  uint64_t seed = 0, launches = 0;
  uint64_t waits = 0, busyWaits = 0; ///< of which more was left to do
  bool isVerbose = false;
  std::map<uint64_t, Block> blocks;
};

} // namespace tern::ptx

#endif // TERN_TEST_DEVICE_DEVICE_H
