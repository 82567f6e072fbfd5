//===- Children.cpp - Programs that tern runs -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Children.h"

#include "llvm/Support/Program.h"

#include <atomic>
#include <csignal>

using namespace tern;
using llvm::StringRef;

/// Those that run; more than there are at a time are not remembered.
static std::atomic<pid_t> running[16];

int tern::runChild(StringRef program, llvm::ArrayRef<StringRef> arguments,
                   llvm::ArrayRef<std::optional<StringRef>> redirects,
                   std::optional<unsigned> seconds, std::string &reason) {
  bool hasFailed = false;
  llvm::sys::ProcessInfo child = llvm::sys::ExecuteNoWait(
      program, arguments, std::nullopt, redirects, 0, &reason, &hasFailed);
  if (hasFailed)
    return -1;
  std::atomic<pid_t> *place = nullptr;
  for (std::atomic<pid_t> &free : running)
    if (pid_t none = 0; free.compare_exchange_strong(none, child.Pid)) {
      place = &free;
      break;
    }
  int status = llvm::sys::Wait(child, seconds, &reason).ReturnCode;
  if (place)
    *place = 0;
  return status;
}

void tern::endChildren() {
  for (const std::atomic<pid_t> &child : running)
    if (pid_t number = child)
      kill(number, SIGTERM);
}
