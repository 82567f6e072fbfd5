//===- tern/Artifact/Emitter.h - LLVM dialect to machine code ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The phase `object`. Everything that could change a float result is off: no
// fused multiply-add, no fast-math, no library function is recognized or
// called.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_EMITTER_H
#define TERN_ARTIFACT_EMITTER_H

#include "tern/Artifact/ModelHeader.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace tern {

/// Registers what translating a module to LLVM IR needs.
void registerEmission(mlir::DialectRegistry &registry);

/// Makes code for a target, set up the same way for all. An error names
/// the CPU or feature that LLVM does not know.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(TargetAttr target);

/// A module in the LLVM dialect and the machine that it is for.
struct CodeVersion {
  mlir::ModuleOp module;
  TargetAttr target;
};

/// Modules in the LLVM dialect, translated and optimized for a target each, as
/// one module of LLVM.
class Emitter {
public:
  /// Checks the target's CPU and features, of which LLVM would die.
  static llvm::Expected<std::unique_ptr<Emitter>>
  create(mlir::ModuleOp module, TargetAttr target, bool optimized = true);

  /// The same of versions of one model for CPUs of one architecture, better
  /// ones later; if there are several, with the table tern_models_NAME.
  static llvm::Expected<std::unique_ptr<Emitter>>
  create(llvm::ArrayRef<CodeVersion> versions, bool optimized = true);
  ~Emitter();

  llvm::Expected<std::string> emitLLVMIR();
  llvm::Expected<std::string> emitAssembly();
  /// An object whose undefined symbols were checked.
  llvm::Expected<std::string> emitObject();
  /// One that is looked at and never linked.
  llvm::Expected<std::string> emitUncheckedObject();

  /// Of all versions.
  llvm::Expected<ModelFacts> readFacts() const;

  /// Defines `symbol` as read-only data, in objects zeros until its bytes are
  /// written there (EmbeddedData.h).
  void addData(llvm::StringRef symbol, uint64_t bytes, uint64_t alignment);

private:
  Emitter();
  llvm::Expected<std::unique_ptr<llvm::Module>>
  translate(const CodeVersion &version, llvm::TargetMachine &machine);
  llvm::Error add(const CodeVersion &version, bool optimized, bool isOneOfMany);
  llvm::Expected<std::string> emit(bool object);

  /// LLVM's complaints since the beginning.
  std::string complaints;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> llvmModule;
  std::vector<std::string> symbols; ///< of the versions' models
  /// Of the first version; functions say what they need beside that.
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// An error that names the first symbol `object` needs from elsewhere, unless
/// all are memcpy, memmove or memset.
llvm::Error checkUndefinedSymbols(llvm::MemoryBufferRef object);

/// An object for `target` that defines what a compiled program's main needs, of
/// models by their symbols:
///   const tern_model *const tern_models[] = {&tern_model_<name>...};
///   const unsigned tern_model_count;
/// and the note whose program header will lead to the artifact.
llvm::Expected<std::string> emitModelTable(TargetAttr target,
                                           llvm::ArrayRef<std::string> symbols);

} // namespace tern

#endif // TERN_ARTIFACT_EMITTER_H
