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
  llvm::Expected<TargetAttr> chooseTarget();
  llvm::Error checkTarget();
  llvm::Error checkOutputs();
  bool writesLibrary() const;
  bool writesWeights() const;
  llvm::Error write(llvm::StringRef contents);
  llvm::Error checkWeights();
  llvm::Error import();
  llvm::Error parse();
  llvm::Error runPhases();
  llvm::Error saveStage(llvm::StringRef file, llvm::StringRef contents);
  llvm::Error saveModule(unsigned phase);
  void keepWeights();
  llvm::Error writeCode();
  llvm::Error writeWeightsAlone();
  llvm::Error finishProject();
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
  TargetAttr target;
  /// Null when compiling from IR.
  std::unique_ptr<Checkpoint> checkpoint;
  TextSections text;
  std::optional<MemoryUse> memory;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The planned weights of `module`, which later phases forget.
  mlir::OwningOpRef<mlir::ModuleOp> weights;
};

} // namespace tern

#endif // TERN_LIB_DRIVER_COMPILATION_H
