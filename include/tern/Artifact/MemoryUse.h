//===- tern/Artifact/MemoryUse.h - Bytes of a compiled model ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A device needs read-only memory (flash) and memory to work in: how much, part
// by part, is known before anything runs there.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_MEMORYUSE_H
#define TERN_ARTIFACT_MEMORYUSE_H

#include "tern/Artifact/ModelHeader.h"
#include "tern/abi.h"

#include "llvm/Object/ObjectFile.h"

#include <vector>

namespace tern {

/// Of an object file's own code: what is loaded of it and not written.
struct CodeBytes {
  uint64_t code = 0, constants = 0;
  /// Of its largest function, from LLVM's section of stack sizes; 0: unknown.
  uint64_t largestFrame = 0;
};

CodeBytes readCodeBytes(const llvm::object::ObjectFile &file);

/// "tern weights: ternary 491520, norms 22528" in the section where compilers
/// leave their names; empty if it is not there.
std::string readWeightKinds(const llvm::object::ObjectFile &file);

/// "nvptx64-nvidia-cuda/sm_80" of "tern device: ..." there; empty if the code
/// is for CPUs.
std::string readDevice(const llvm::object::ObjectFile &file);

struct MemoryUse {
  struct Part {
    std::string name; ///< "ternary weights"
    uint64_t bytes;
  };
  std::vector<Part> flash, ram;
  std::vector<Part> gpu; ///< memory of a device of its own

  /// `kinds` as the section has them.
  void addWeights(llvm::StringRef kinds);
  /// The memory of one session: what tern_session_bytes says, in parts.
  void addSession(const tern_model &model, uint32_t context, uint32_t workers);
  /// The same of a model that runs on a GPU, which has weights, state and what
  /// functions work in.
  void addSessionOnGpu(tern_model model, uint32_t context);

  static uint64_t sum(const std::vector<Part> &parts);
  /// "137918 code, 491520 ternary weights", without parts of no bytes.
  static std::string list(const std::vector<Part> &parts);
};

/// The numbers of a model, as its functions are not here.
tern_model describeModel(const ModelFacts &facts);

/// As tern_session_bytes says it, for a model that is not here; with smaller
/// pointers it may be some bytes less.
uint64_t getSessionBytes(tern_model model, uint32_t context, uint32_t workers);

} // namespace tern

#endif // TERN_ARTIFACT_MEMORYUSE_H
