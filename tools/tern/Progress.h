//===- Progress.h - How far tern compile is ---------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_PROGRESS_H
#define TERN_TOOLS_PROGRESS_H

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

/// Prints on stderr how long its scope took, if asked to.
class Timer {
public:
  Timer(llvm::StringRef what, bool enabled)
      : what(what), enabled(enabled), start(std::chrono::steady_clock::now()) {}
  ~Timer();
  Timer(const Timer &) = delete;

private:
  std::string what;
  bool enabled;
  std::chrono::steady_clock::time_point start;
};

} // namespace tern

#endif // TERN_TOOLS_PROGRESS_H
