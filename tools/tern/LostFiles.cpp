//===- LostFiles.cpp - Files that become shorter while mapped -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LostFiles.h"

#include "tern/Artifact/TemporaryDirectory.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Signals.h"

#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace tern;
using llvm::StringRef;

void tern::removeUnfinishedFiles() {
  TemporaryDirectory::removeAll();
  llvm::sys::RunInterruptHandlers();
}

/// Of a line in /proc/self/maps, "FROM-TO PERMISSIONS OFFSET DEVICE INODE
/// PATH", the path if the range holds `address`.
static StringRef pathOfMapping(StringRef line, uint64_t address) {
  uint64_t from, to;
  auto [first, last] = line.split(' ').first.split('-');
  if (first.getAsInteger(16, from) || last.getAsInteger(16, to) ||
      address < from || address >= to)
    return "";
  return line.drop_front(line.find('/') == StringRef::npos ? line.size()
                                                           : line.find('/'));
}

/// The mapped file that `address` lies in; empty if it is in none. `buffer`
/// keeps the name. Calls nothing but what a handler of signals may.
static StringRef findMappedFile(uint64_t address,
                                llvm::MutableArrayRef<char> buffer) {
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0)
    return "";
  size_t held = 0;
  StringRef found;
  while (found.empty()) {
    ssize_t now = read(maps, buffer.data() + held, buffer.size() - held);
    if (now <= 0)
      break;
    held += static_cast<size_t>(now);
    StringRef text(buffer.data(), held);
    while (found.empty() && text.contains('\n')) {
      auto [line, rest] = text.split('\n');
      found = pathOfMapping(line, address);
      text = rest;
    }
    if (found.empty()) {
      std::memmove(buffer.data(), text.data(), text.size());
      held = text.size();
    }
  }
  close(maps);
  return found;
}

static void writeText(StringRef text) {
  // Nothing is left to be done about a failure.
  if (write(STDERR_FILENO, text.data(), text.size()) < 0)
    return;
}

static void onLostPage(int number, siginfo_t *info, void *) {
  static char buffer[1 << 14];
  StringRef path =
      findMappedFile(reinterpret_cast<uintptr_t>(info->si_addr), buffer);
  if (path.empty()) {
    signal(number, SIG_DFL); // a fault of another kind: it comes again
    return;
  }
  writeText("tern: error: ");
  writeText(path);
  writeText(": became shorter while it was read, or its disk failed\n");
  removeUnfinishedFiles();
  _exit(1);
}

void tern::catchLostFiles() {
  struct sigaction action = {};
  action.sa_sigaction = onLostPage;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}
