//===- tern/Artifact/TargetSelection.h - --target and --cpu -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From what a user writes to a #tern.target attribute, and from that to what
// LLVM is told. Generated code may use the features the attribute lists and no
// other: the CPU's name only tunes. So the bits of cpu_features.def say exactly
// what a binary needs.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_TARGETSELECTION_H
#define TERN_ARTIFACT_TARGETSELECTION_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"

#include <string>
#include <vector>

namespace tern {

/// `target` is native, generic, a name that a target knows (MachineName) or an
/// LLVM triple; `cpu` is native or a CPU's LLVM name, either with features
/// added: cortex-a53+crc. Empty strings choose the default: this machine.
llvm::Expected<TargetAttr> selectTarget(mlir::MLIRContext *context,
                                        llvm::StringRef target,
                                        llvm::StringRef cpu);

/// Code of a program for some CPUs.
struct TargetVersion {
  std::string name; ///< as it was asked for: "x86-64-v4+avx512vnni"
  TargetAttr target;
  /// Other names that were asked for, whose code would need the same features.
  std::vector<std::string> others;
};

/// The same for a list, "cortex-a53,cortex-a76": a version for each set of
/// features, which a program asks its CPU for when it starts, those that need
/// more later. One CPU is a list as well. An error says which of them is not
/// known or cannot be told from another.
llvm::Expected<std::vector<TargetVersion>>
selectVersions(mlir::MLIRContext *context, llvm::StringRef target,
               llvm::StringRef cpus);

/// The machine of a program for `target`: of a device, any CPU of this one's
/// kind, else the target itself.
TargetAttr getProgramTarget(TargetAttr target);

/// An error that names the triple, CPU or feature LLVM does not know.
llvm::Error checkTarget(TargetAttr target);

/// An error that names the instructions which models need and the CPU lacks.
/// Takes some milliseconds.
llvm::Error checkMachine(TargetAttr target);

/// The CPU whose instructions are allowed before any feature is added.
llvm::StringRef getBaselineCpu(const llvm::Triple &triple);

/// Features whose instructions flush subnormal floats to zero, which models
/// keep: no target has them.
llvm::ArrayRef<llvm::StringRef> getFlushingFeatures(const llvm::Triple &triple);

/// Makes all of LLVM's targets known; cheap when called again.
void initializeTargets();

} // namespace tern

#endif // TERN_ARTIFACT_TARGETSELECTION_H
