//===- tern/Target/Target.h - What a target must answer ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A target is a folder of tables and patterns, lib/Target/<Name>, that can be
// deleted without breaking the rest. Neutral passes know only this class.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_TARGET_H
#define TERN_TARGET_TARGET_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"
#include "tern/Target/Strategy.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>

namespace llvm {
class Triple;
} // namespace llvm

namespace tern {

/// A word of the command line for a machine: a CPU of `triple`'s architecture,
/// with features that are added to the CPU's ("avx512vnni+avx512vl"). Without a
/// CPU the word is the triple's.
struct MachineName {
  llvm::StringLiteral name, triple, cpu, features;
};

/// How a device with a memory of its own runs a model.
struct Device {
  unsigned capability;  ///< 80: of compute capability 8.0, or later
  int64_t lanes;        ///< threads that go in step
  int64_t blocks;       ///< of a launch, at most
  int64_t sharedBytes;  ///< that a block's threads share
  unsigned sharedSpace; ///< the address space of them
  /// Positions that one launch attends to, a block for each kv head; behind
  /// more of them there are others.
  int64_t shortPositions;
};

class Target {
public:
  virtual ~Target() = default;

  /// "Generic", "X86": the folder's name.
  virtual llvm::StringRef getName() const = 0;

  virtual bool handles(TargetAttr attr) const = 0;

  /// Empty: `attr` is a CPU, whose functions call each other. The functions of
  /// a device are lists of launches, which a program of this machine starts.
  virtual std::optional<Device> getDevice(TargetAttr attr) const { return {}; }

  /// True if machines of `triple` are devices.
  virtual bool hasDevices(const llvm::Triple &triple) const { return false; }

  /// Words for machines that are often asked for.
  virtual llvm::ArrayRef<MachineName> getMachineNames() const { return {}; }

  /// The CPU of LLVM whose instructions all CPUs of `triple` have; empty if the
  /// target knows none better than "generic".
  virtual llvm::StringRef getBaselineCpu(const llvm::Triple &triple) const {
    return "";
  }

  /// Adds passes of the target's own that run at the end of `phase` (a name of
  /// Phases.h), before its contract is checked, on modules that the target
  /// handles. They keep the phase's promise. Dialects that they need and the
  /// neutral passes do not are those of `loadDialects`.
  virtual void addPasses(llvm::StringRef phase, mlir::OpPassManager &pm) const {
  }

  /// Makes passes of the target's own known to the command line of tern-opt.
  virtual void registerPasses() const {}

  /// Patterns for kernels in buffer form, and for what kernels are made of
  /// (LookupOps.td), with a benefit above 1: that is the portable ones'.
  virtual void populateKernelPatterns(TargetAttr attr,
                                      mlir::RewritePatternSet &patterns) const {
  }

  /// Names of the layouts in the target's table.
  virtual llvm::ArrayRef<llvm::StringLiteral> getLayoutNames() const = 0;

  /// Strategies that the entries of the target's table make for `shape`; some
  /// may not fit it (`getReasonAgainst`). One at least reads such weights.
  virtual llvm::SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const = 0;

  /// True if two to sixteen tokens should have functions of their own, as the
  /// table has kernels for them that neither one token nor many take.
  virtual bool wantsFew(TargetAttr attr) const { return false; }

  virtual MachineSpeed getSpeed(TargetAttr attr) const = 0;

  /// The widest dot product `attr`'s features allow; never null (the scalar one
  /// has one lane).
  virtual DotProductAttrInterface getDotProduct(TargetAttr attr) const = 0;

  /// Bytes of the vector registers that LLVM computes in with `attr`'s
  /// features; 0 if it would take a vector apart into its elements.
  virtual int64_t getVectorBytes(TargetAttr attr) const = 0;

  /// Tokens that a pass over the weights takes if nobody says otherwise: more
  /// of them read the weights less often, and take more memory for activations.
  virtual int64_t getTokensOfPass(TargetAttr attr) const { return 32; }

  /// Asks the operating system to let this process run code of `attr`, which
  /// this machine has the features of; says why it does not.
  virtual llvm::Error allowHere(TargetAttr attr) const {
    return llvm::Error::success();
  }

  /// True if LLVM widens f16 to f32 by instructions of the CPU, not by a call.
  virtual bool hasHalfFloats(TargetAttr attr) const { return false; }

  /// Dialects with the target's own attributes, and those that its passes need:
  /// to be known, and to be there.
  virtual void registerDialects(mlir::DialectRegistry &registry) const {}
  virtual void loadDialects(mlir::MLIRContext *context) const {}
};

/// True if the target of `op`'s module has half floats.
bool hasHalfFloats(mlir::Operation *op);

/// True if machines of `triple` are devices of one of the targets.
bool isDevice(const llvm::Triple &triple);

/// The device that `op`'s module is compiled for, if it is one.
std::optional<Device> getDevice(mlir::Operation *op);

/// Elements of a row that kernels take at a time on the target of `op`'s
/// module: the floats of four registers, as the latency of an addition is about
/// four additions, but not more than an R32 sum has accumulators. A power of
/// two.
int64_t getRowLanes(mlir::Operation *op);

/// One per line of Targets.def, in that order; Generic, which handles every
/// triple, comes last.
#define TERN_TARGET(Name) std::unique_ptr<Target> create##Name##Target();
#include "tern/Target/Targets.def"

/// All targets, in their order.
llvm::ArrayRef<const Target *> getTargets();

/// Registers the tern dialect with all targets.
void registerTargets(mlir::DialectRegistry &registry);

} // namespace tern

#endif // TERN_TARGET_TARGET_H
