//===- include/tern/Artifact/WeightWriter.h - Weights from checkpoint to
// artifact *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Streams the weights a module names from a checkpoint into an artifact, one
// tensor in memory at a time. The only code that makes the bytes kernels read.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_WEIGHTWRITER_H
#define TERN_ARTIFACT_WEIGHTWRITER_H

#include "tern/Artifact/AtomicFile.h"
#include "tern/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tern {

/// Told after each weight how many bytes of the section have been dealt with.
using WeightProgress = llvm::function_ref<void(uint64_t done, uint64_t total)>;

/// Scales were expected to be float16, as Checkpoint::hasHalfScales said of a
/// sample of them, and are not.
class WideScales : public llvm::ErrorInfo<WideScales> {
public:
  static char ID;
  explicit WideScales(std::string message) : text(std::move(message)) {}
  void log(llvm::raw_ostream &stream) const override { stream << text; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

private:
  std::string text;
};

/// Writes the weights section at `start`. Every `tern.weight` of the module has
/// an offset (tern-plan-weights) and every ternary one a layout.
llvm::Error writeWeights(mlir::ModuleOp module, const Checkpoint &checkpoint,
                         AtomicFile &out, uint64_t start,
                         WeightProgress progress = nullptr);

/// As in tern_artifact_header.
struct ProgramChecksums {
  uint64_t program = 0, fileBytes = 0, file = 0;
};

/// Writes a whole artifact (tern/artifact.h), with its checksums, at `start`, a
/// multiple of TERN_ARTIFACT_ALIGNMENT. `tokenizer` and `generation` are
/// sections as the runtime reads them; if a program carries it, `program` says
/// what the header has of that.
llvm::Error writeArtifact(mlir::ModuleOp module, const Checkpoint &checkpoint,
                          llvm::ArrayRef<uint8_t> tokenizer,
                          llvm::ArrayRef<uint8_t> generation, AtomicFile &out,
                          uint64_t start = 0, WeightProgress progress = nullptr,
                          const ProgramChecksums &program = {});

/// Writes a program that carries the artifact: `program`, linked with the note
/// that emitModelTable makes, the artifact as a segment that is not loaded, and
/// a section table that names it for tools that strip.
llvm::Error writeProgram(llvm::StringRef program, mlir::ModuleOp module,
                         const Checkpoint &checkpoint,
                         llvm::ArrayRef<uint8_t> tokenizer,
                         llvm::ArrayRef<uint8_t> generation, AtomicFile &out,
                         WeightProgress progress = nullptr);

} // namespace tern

#endif // TERN_ARTIFACT_WEIGHTWRITER_H
