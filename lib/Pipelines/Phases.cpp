//===- Phases.cpp - The table of phases -----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Pipelines/Phases.h"

#include "tern/Codegen/Passes.h"
#include "tern/Conversion/Passes.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace tern;

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void buildFused(OpPassManager &pm, const PipelineOptions &) {
  cleanUp(pm);
  pm.addPass(createFuseProjectionsPass());
}

static void buildQuantized(OpPassManager &pm, const PipelineOptions &options) {
  SpecializeTokensPassOptions specialize;
  specialize.maxTokens = options.maxTokens;
  specialize.few = options.few;
  pm.addPass(createSpecializeTokensPass(specialize));
  pm.addPass(createAddChoicePass());
  pm.addNestedPass<func::FuncOp>(createDecomposeBitLinearPass());
  cleanUp(pm);
  if (options.dense)
    return;
  pm.addNestedPass<func::FuncOp>(createExploitInputSparsityPass());
  pm.addNestedPass<func::FuncOp>(createExploitGateSparsityPass());
}

static void buildPacked(OpPassManager &pm, const PipelineOptions &options) {
  SelectStrategiesPassOptions select;
  llvm::append_range(select.strategies, options.strategies);
  pm.addPass(createSelectStrategiesPass(select));
  pm.addPass(createReportPaddingPass());
  pm.addPass(createPlanWeightsPass());
  pm.addPass(createPlanStatePass());
}

static void buildTiled(OpPassManager &pm, const PipelineOptions &) {
  pm.addNestedPass<func::FuncOp>(createConvertTernToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createFuseElementwisePass());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createTileProductsPass());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createReportTrafficPass());
}

static void buildKernels(OpPassManager &pm, const PipelineOptions &) {
  pm.addPass(createAttachDataLayoutPass());
  pm.addPass(createBufferizePass());
  cleanUp(pm);
  // Copies of a buffer to itself, which only now are seen to be that.
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLowerForallPass());
  pm.addNestedPass<func::FuncOp>(createFuseTokenRowsPass());
  // For devices, as tern-spread-launches.
  pm.addNestedPass<func::FuncOp>(createFormLaunchesPass());
  pm.addNestedPass<func::FuncOp>(createVectorizeLinalgPass());
  pm.addPass(createConvertTernToKernelsPass());
  pm.addNestedPass<func::FuncOp>(createSpreadLaunchesPass());
  // Rows of the logits lie apart, so each is to be written by itself.
  pm.addPass(createConvertVectorToSCFPass(
      VectorTransferToSCFOptions().enableFullUnroll()));
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  cleanUp(pm);
  pm.addPass(createPlanScratchPass());
  pm.addPass(createBindModelPass());
  // One of them has something to do: the target is a device or a CPU.
  pm.addPass(createOutlineLaunchesPass());
  pm.addPass(createOutlineParallelPass());
  cleanUp(pm);
}

static void buildLLVM(OpPassManager &pm, const PipelineOptions &) {
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertTernToLLVMPass());
  ConvertFuncToLLVMPassOptions funcOptions;
  funcOptions.useBarePtrCallConv = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass(funcOptions));
  // Of these, the passes of one dialect each have indices of 64 bits whatever
  // the module's data layout says.
  ConvertToLLVMPassOptions rest;
  rest.useDynamic = true;
  pm.addPass(createConvertToLLVMPass(rest));
  pm.addPass(createReconcileUnrealizedCastsPass());
  cleanUp(pm);
  pm.addPass(createExportModelPass());
}

/// The contract of the phase named `Name`.
template <const char *Name> static std::unique_ptr<Pass> createContract() {
  VerifyContractPassOptions options;
  options.phase = Name;
  return createVerifyContractPass(options);
}

static constexpr char kImport[] = "import";
static constexpr char kFused[] = "fused";
static constexpr char kQuantized[] = "quantized";
static constexpr char kPacked[] = "packed";
static constexpr char kTiled[] = "tiled";
static constexpr char kKernels[] = "kernels";
static constexpr char kLLVM[] = "llvm";

static constexpr Phase kPhases[] = {
    {kImport, "",
     "the model as tern operations on tensors; weights are symbols", nullptr,
     createContract<kImport>},
    {kFused, "tern-to-fused",
     "projections of one input are one; dead work is gone", buildFused,
     createContract<kFused>},
    {kQuantized, "tern-to-quantized",
     "activations are integers; top-k, masks and sparse products are "
     "explicit",
     buildQuantized, createContract<kQuantized>},
    {kPacked, "tern-to-packed",
     "every ternary weight has one layout of the target and a place in "
     "the artifact",
     buildPacked, createContract<kPacked>},
    {kTiled, "tern-to-tiled",
     "each product is a short loop nest around one micro kernel", buildTiled,
     createContract<kTiled>},
    {kKernels, "tern-to-kernels",
     "loops over vectors on planned buffers; parallel work is cut into "
     "tasks",
     buildKernels, createContract<kKernels>},
    {kLLVM, "tern-to-llvm", "LLVM dialect and one exported tern_model",
     buildLLVM, createContract<kLLVM>},
    {"object", "", "machine code", nullptr, nullptr},
};

ArrayRef<Phase> tern::getPhases() { return kPhases; }

std::optional<unsigned> tern::findPhase(StringRef name) {
  for (auto [i, phase] : llvm::enumerate(getPhases()))
    if (phase.name == name)
      return i;
  return std::nullopt;
}

void tern::registerPhasePipelines() {
  for (auto [i, phase] : llvm::enumerate(getPhases()))
    if (phase.build)
      PassPipelineRegistration<>(
          phase.pipeline, phase.summary, [i = unsigned(i)](OpPassManager &pm) {
            buildPipeline(pm, i - 1, i, PipelineOptions());
          });
}

void tern::buildPipeline(OpPassManager &pm, unsigned from, unsigned to,
                         const PipelineOptions &options) {
  if (kPhases[from].contract)
    pm.addPass(kPhases[from].contract());
  for (const Phase &phase : getPhases().slice(from + 1, to - from)) {
    if (phase.build) {
      phase.build(pm, options);
      RunTargetPassesPassOptions own;
      own.phase = phase.name.str();
      pm.addPass(createRunTargetPassesPass(own));
    }
    if (phase.contract)
      pm.addPass(phase.contract());
  }
}
