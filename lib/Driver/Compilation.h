//===- Compilation.h - A checkpoint on its way to files ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_COMPILATION_H
#define TERN_LIB_DRIVER_COMPILATION_H

#include "Diagnostics.h"
#include "LinkedModel.h"
#include "MemoryBudget.h"
#include "PhaseRange.h"

#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/InputFiles.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Driver/Compile.h"
#include "tern/Driver/TextSections.h"
#include "tern/InitAll.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

class Compilation {
public:
  Compilation(const CompileOptions &options, CompileListener &listener,
              bool samplesScales)
      : options(options), listener(listener), name(options.model.import.name),
        samplesScales(samplesScales), context(makeRegistry()),
        diagnostics(context, listener), range(options) {}

  llvm::Error run();
  /// All but files.
  llvm::Expected<MeasuredModel> measure();

private:
  static mlir::DialectRegistry makeRegistry();

  void noteInputs();
  llvm::Error chooseTargets();
  llvm::Error checkTarget();
  void attachTargets();
  llvm::Error checkOutputs();
  bool writesLibrary() const;
  bool writesWeights() const;
  llvm::Error write(llvm::StringRef contents);
  llvm::Error checkWeights();
  llvm::Error import();
  llvm::Error parse();
  llvm::Error runPhases();
  llvm::Error runPhases(mlir::ModuleOp module, unsigned from, unsigned to);
  llvm::SmallVector<CodeVersion> getCode();
  llvm::Error saveStage(llvm::StringRef file, llvm::StringRef contents);
  llvm::Error saveModule(mlir::ModuleOp module, unsigned phase);
  void keepWeights(mlir::ModuleOp module);
  llvm::Error writeCode();
  llvm::Error writeWeightsAlone();
  llvm::Error finishProject();
  llvm::Expected<std::unique_ptr<Emitter>> createEmitter();
  llvm::Error addKernels(mlir::ModuleOp module, TargetAttr version);
  void count();
  WeightsPlace placeWeights() const;
  llvm::Error saveCode(Emitter &emitter);
  llvm::Error checkMemory(llvm::StringRef object, const ModelFacts &facts);

  const CompileOptions &options;
  CompileListener &listener;
  llvm::StringRef name;
  bool samplesScales; ///< Checkpoint::hasHalfScales
  mlir::MLIRContext context;
  Diagnostics diagnostics;
  PhaseRange range;
  InputFiles inputs;
  /// Empty when the IR that is compiled says its target.
  std::vector<TargetVersion> versions;
  TargetAttr target; ///< of the first version
  /// Code of devices, if the target is one: of versions that differ.
  struct DeviceCode {
    std::string name; ///< "sm_80"
    unsigned capability;
    std::unique_ptr<Emitter> emitter;
    std::string text;
  };
  std::vector<DeviceCode> kernels;
  /// Null when compiling from IR.
  std::unique_ptr<Checkpoint> checkpoint;
  TextSections text;
  std::optional<MemoryUse> memory;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Of several versions, the module that each becomes.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> code;
  /// The planned weights of all versions, which later phases forget.
  mlir::OwningOpRef<mlir::ModuleOp> weights;
};

} // namespace tern

#endif // TERN_LIB_DRIVER_COMPILATION_H
