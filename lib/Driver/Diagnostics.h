//===- Diagnostics.h - MLIR's messages as ours ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_DIAGNOSTICS_H
#define TERN_LIB_DRIVER_DIAGNOSTICS_H

#include "tern/Driver/CompileListener.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// Keeps the first error for `take` and tells a listener warnings and remarks.
class Diagnostics {
public:
  Diagnostics(mlir::MLIRContext &context, CompileListener &listener);

  /// The first error since the last call; `otherwise` if there was none.
  llvm::Error take(const llvm::Twine &otherwise);

  /// Makes the context emit what tern's passes remark.
  llvm::Error enableRemarks(mlir::MLIRContext &context);

private:
  CompileListener &listener;
  std::string firstError;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace tern

#endif // TERN_LIB_DRIVER_DIAGNOSTICS_H
