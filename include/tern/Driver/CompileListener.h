//===- CompileListener.h - News of a compilation ----------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_COMPILELISTENER_H
#define TERN_DRIVER_COMPILELISTENER_H

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace tern {

struct MemoryUse;

enum class MessageKind {
  Work, ///< that something has begun which takes a while
  Warning,
  Note,
  Remark, ///< a choice of the compiler, with CompileOptions::remarks
  Missed, ///< something that the compiler gave up, likewise
};

/// Told what happens while a model is compiled; this one does nothing. A
/// failure is the answer of the function that was called, and told to nobody.
class CompileListener {
public:
  virtual ~CompileListener() = default;

  /// A sentence without an end; names in it may come from a file that nobody
  /// vouches for.
  virtual void message(MessageKind kind, llvm::StringRef text) {}
  /// A step begins, whose duration is not known.
  virtual void step(llvm::StringRef name) {}
  /// Bytes of the weights that are written, after each weight.
  virtual void weights(uint64_t done, uint64_t total) {}
  /// Part of the work has taken so long.
  virtual void took(llvm::StringRef work, double seconds) {}
  /// Memory that the compiled model takes, once, when it is written or refused.
  virtual void memory(const MemoryUse &use) {}
  /// Instructions of a token, the fewest and the most that were counted.
  virtual void instructions(uint64_t least, uint64_t most) {}
  /// A command that is run, or something else for those who want to know all.
  virtual void detail(llvm::StringRef text) {}
};

/// Tells a listener how long its scope took.
class Timer {
public:
  Timer(llvm::StringRef work, CompileListener &listener)
      : work(work), listener(listener),
        start(std::chrono::steady_clock::now()) {}
  ~Timer() {
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    listener.took(work, time.count());
  }
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;

private:
  std::string work;
  CompileListener &listener;
  std::chrono::steady_clock::time_point start;
};

} // namespace tern

#endif // TERN_DRIVER_COMPILELISTENER_H
