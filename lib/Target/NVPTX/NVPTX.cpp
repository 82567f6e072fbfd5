//===- NVPTX.cpp - GPUs of NVIDIA -----------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are PTX, which the driver compiles for the card that is there: code
// for sm_80 runs on all later ones. A warp is a vector of 32 lanes. Products
// that tensor cores have no form for take Generic's kernels.
//
//===----------------------------------------------------------------------===//

#include "tern/Target/NVPTX/NVPTX.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/NVPTX/Passes.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;

namespace {

constexpr StringLiteral kTriple = "nvptx64-nvidia-cuda";

/// The first is of the kernels here, the others are Generic's.
constexpr StringLiteral kNames[] = {"mma_fragments", "plain_rows",
                                    "integer_rows"};

/// Of an H200.
constexpr int64_t kMultiprocessors = 132;
/// As many as blocks of 64 fill a card with; scratch memory is plenty.
constexpr int64_t kTokensOfPass = 256;

/// Kernels for one token, for a few, for many.
SmallVector<Attribute> makeKernels(MLIRContext *context,
                                   const ProductShape &shape, int64_t rowTiles,
                                   bool areBytes, int64_t columns = 128) {
  auto make = [&](int64_t tokens, int64_t rows = 16) -> Attribute {
    return nvptx::MmaAttr::get(context, tokens, rows, areBytes, columns);
  };
  if (shape.tokens == 1)
    return {make(1)};
  if (shape.getTokenClass() == TokenClass::Few || areBytes)
    return {make(16), make(8)};
  // As many rows as leave the multiprocessors a block each, in a call of as
  // many tokens as there may be. Groups have sums of their own besides.
  int64_t blocks = llvm::divideCeil(rowTiles, 8) * (kTokensOfPass / 64);
  bool isWide =
      rowTiles % 2 == 0 && blocks >= kMultiprocessors && !shape.groupSize;
  return {make(64, isWide ? 32 : 16)};
}

/// Tiles are of as many columns as make up a group.
Strategy makeFragments(MLIRContext *context, const ProductShape &shape) {
  Strategy strategy;
  strategy.layoutName = kNames[0];
  int64_t columns = shape.groupSize % 64 == 32    ? 32
                    : shape.groupSize % 128 == 64 ? 64
                                                  : 128;
  Layout layout = nvptx::MmaAttr::get(context, /*tokens=*/1, /*rows=*/16,
                                      /*bytes=*/false, columns)
                      .getLayout();
  strategy.layout = shape.withScales(layout);
  int64_t tiles = layout.paddedRows(shape.rows) / layout.tileRows();
  SmallVector<Attribute> kernels =
      makeKernels(context, shape, tiles, /*areBytes=*/false, columns);
  auto tile = cast<MicroKernelAttrInterface>(kernels[0]).getTile();
  strategy.kernels = StrategyAttr::get(context, kernels,
                                       /*units=*/tile.rows / layout.tileRows(),
                                       /*prefetch=*/0);
  return strategy;
}

/// Rows of int8, 16 at a time.
Strategy makeBytes(MLIRContext *context, const ProductShape &shape) {
  Strategy strategy;
  strategy.kernels = StrategyAttr::get(
      context, makeKernels(context, shape, /*rowTiles=*/1, /*areBytes=*/true),
      /*units=*/16, /*prefetch=*/0);
  return strategy;
}

struct NVPTXTarget : Target {
  StringRef getName() const override { return "NVPTX"; }

  bool handles(TargetAttr attr) const override {
    return hasDevices(llvm::Triple(attr.getTriple()));
  }

  bool hasDevices(const llvm::Triple &triple) const override {
    return triple.getArch() == llvm::Triple::nvptx64 &&
           triple.getOS() == llvm::Triple::CUDA;
  }

  /// Two blocks for each multiprocessor. Of the 48 KB of
  /// shared memory that a launch need not ask for, 4 are for the sums of warps
  /// (LaneStores.cpp).
  std::optional<Device> getDevice(TargetAttr attr) const override {
    unsigned capability = 0;
    attr.getCpu()
        .drop_while([](char c) { return !llvm::isDigit(c); })
        .consumeInteger(10, capability);
    return Device{capability,
                  /*lanes=*/32,
                  /*blocks=*/2 * kMultiprocessors,
                  /*sharedBytes=*/44 << 10,
                  /*sharedSpace=*/3,
                  /*shortPositions=*/nvptx::kShortPositions};
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {
        {"nvptx", kTriple, "", ""},
        {"nvptx-sm_80", kTriple, "sm_80", ""},
        {"nvptx-sm_89", kTriple, "sm_89", ""},
        {"nvptx-sm_90", kTriple, "sm_90", ""},
        {"nvptx-sm_100", kTriple, "sm_100", ""},
        {"nvptx-sm_120", kTriple, "sm_120", ""},
    };
    return names;
  }

  StringRef getBaselineCpu(const llvm::Triple &triple) const override {
    return hasDevices(triple) ? "sm_80" : "";
  }

  void populateKernelPatterns(TargetAttr,
                              RewritePatternSet &patterns) const override {
    nvptx::populateAttentionPatterns(patterns);
    nvptx::populateAppendPatterns(patterns);
  }

  ArrayRef<StringLiteral> getLayoutNames() const override { return kNames; }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    SmallVector<Strategy> found;
    if (shape.integerBits == 8 && shape.rows % 16 == 0 && !shape.groupSize &&
        !shape.listsRows && !shape.listsColumns)
      found.push_back(makeBytes(attr.getContext(), shape));
    if (shape.integerBits == 0 && !shape.listsRows && !shape.listsColumns)
      found.push_back(makeFragments(attr.getContext(), shape));
    for (Strategy &strategy : portable().getStrategies(attr, shape))
      if (strategy.layoutName.empty() ||
          llvm::is_contained(ArrayRef(kNames).drop_front(),
                             strategy.layoutName))
        found.push_back(std::move(strategy));
    return found;
  }

  bool wantsFew(TargetAttr) const override { return true; }

  int64_t getTokensOfPass(TargetAttr) const override { return kTokensOfPass; }

  /// Of a multiprocessor of an H200, in one cycle: its share of 4 TB/s. Lists
  /// come at half of that, and no product of a few megabytes is worth the
  /// launch that makes one (docs/nvidia.md).
  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/17, /*runBytes=*/8, /*issueWidth=*/4};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return portable().getDotProduct(attr);
  }

  int64_t getVectorBytes(TargetAttr) const override { return 32; }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<nvptx::TernNVPTXDialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<nvptx::TernNVPTXDialect>();
  }

  void registerPasses() const override { nvptx::registerTernNVPTXPasses(); }

  void addPasses(StringRef phase, OpPassManager &pm) const override {
    if (phase == "kernels")
      pm.addPass(nvptx::createVectorsToLanesPass());
    if (phase == "llvm")
      pm.addPass(nvptx::createMarkKernelsPass());
  }

private:
  static const Target &portable() { return *getTargets().back(); }
};

} // namespace

std::unique_ptr<Target> tern::createNVPTXTarget() {
  return std::make_unique<NVPTXTarget>();
}
