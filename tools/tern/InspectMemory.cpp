//===- InspectMemory.cpp - Memory that a compiled model takes -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectMemory.h"

using namespace tern;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

static void reportParts(StringRef label, StringRef key, StringRef sumKey,
                        const std::vector<MemoryUse::Part> &parts,
                        Report &report, Object &memory) {
  Array list;
  for (const MemoryUse::Part &part : parts)
    list.push_back(Object{{"name", part.name}, {"bytes", part.bytes}});
  report.line(label, memory)
      .put(sumKey, MemoryUse::sum(parts), "{} bytes: ")
      .say(MemoryUse::list(parts))
      .note(key, std::move(list));
}

void tern::reportMemory(const MemoryUse &use, Report &report) {
  Object memory;
  reportParts("flash", "flash", "flash_bytes", use.flash, report, memory);
  reportParts("RAM", "ram", "ram_bytes", use.ram, report, memory);
  if (!use.gpu.empty())
    reportParts("GPU memory", "gpu", "gpu_bytes", use.gpu, report, memory);
  report.facts["memory"] = std::move(memory);
}
