//===- Console.h - Progress and messages on a terminal ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_CONSOLE_H
#define TERN_TOOLS_CONSOLE_H

#include "tern/Driver/CompileListener.h"

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace tern {

/// One line on stderr that is written over and gone in the end. Where stderr is
/// no terminal, or when it is not wanted, nothing is written at all.
class Progress {
public:
  explicit Progress(bool wanted);
  ~Progress() { show(""); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// Makes room for a message.
  void clear() { show(""); }
  /// Names the current step, whose duration is not known.
  void step(llvm::StringRef what);
  /// Bytes of the weights; shown a few times a second.
  void weights(uint64_t done, uint64_t total);

private:
  void show(const std::string &line);

  bool enabled;
  size_t shown = 0; ///< characters on the line
  std::chrono::steady_clock::time_point next;
};

/// Says on stderr what a compilation tells.
class Console : public CompileListener {
public:
  /// `progress` is a line that changes, `verbose` times and commands. With
  /// `report` the memory is said on stdout.
  Console(bool progress, bool verbose, bool report = false)
      : progress(progress), verbose(verbose), reports(report) {}

  void message(MessageKind kind, llvm::StringRef text) override;
  void step(llvm::StringRef name) override { progress.step(name); }
  void weights(uint64_t done, uint64_t total) override {
    progress.weights(done, total);
  }
  void took(llvm::StringRef work, double seconds) override;
  void memory(const MemoryUse &use) override;
  void instructions(uint64_t least, uint64_t most) override;
  void detail(llvm::StringRef text) override;

private:
  Progress progress;
  bool verbose, reports;
};

} // namespace tern

#endif // TERN_TOOLS_CONSOLE_H
