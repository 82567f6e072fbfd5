//===- Diagnostics.cpp - MLIR's messages as ours --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/raw_ostream.h"

using namespace tern;

/// "file:line:column: ", or nothing for code no file has.
static std::string place(mlir::Location location) {
  auto file = location->findInstanceOf<mlir::FileLineColLoc>();
  if (!file)
    return "";
  return (file.getFilename().getValue() + ":" + llvm::Twine(file.getLine()) +
          ":" + llvm::Twine(file.getColumn()) + ": ")
      .str();
}

Diagnostics::Diagnostics(mlir::MLIRContext &context)
    : handler(&context, [this](mlir::Diagnostic &diagnostic) {
        std::string text = place(diagnostic.getLocation()) + diagnostic.str();
        switch (diagnostic.getSeverity()) {
        case mlir::DiagnosticSeverity::Error:
          if (firstError.empty())
            firstError = text;
          break;
        case mlir::DiagnosticSeverity::Warning:
          llvm::errs() << "tern: warning: " << text << "\n";
          break;
        case mlir::DiagnosticSeverity::Remark:
          llvm::errs() << "tern: remark: " << text << "\n";
          break;
        case mlir::DiagnosticSeverity::Note:
          break;
        }
        return mlir::success();
      }) {}

llvm::Error Diagnostics::take(const llvm::Twine &otherwise) {
  std::string text = firstError.empty() ? otherwise.str() : firstError;
  firstError.clear();
  return llvm::createStringError(text);
}

llvm::Error Diagnostics::enableRemarks(mlir::MLIRContext &context) {
  mlir::remark::RemarkCategories categories{
      "tern.*", std::nullopt, std::nullopt, std::nullopt, std::nullopt};
  auto policy = std::make_unique<mlir::remark::RemarkEmittingPolicyAll>();
  if (mlir::failed(mlir::remark::enableOptimizationRemarks(
          context, nullptr, std::move(policy), categories,
          /*printAsEmitRemarks=*/true)))
    return take("remarks cannot be enabled");
  return llvm::Error::success();
}
