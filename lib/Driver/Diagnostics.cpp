//===- Diagnostics.cpp - MLIR's messages as ours --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Remarks/Remark.h"
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

namespace {

/// "layer.decode: up_proj: rows behind closed gates are not read
/// [ExploitedGate]".
struct RemarkTeller : mlir::remark::detail::MLIRRemarkStreamerBase {
  explicit RemarkTeller(CompileListener &listener) : listener(listener) {}

  void streamOptimizationRemark(
      const mlir::remark::detail::Remark &remark) override {
    bool isChoice = remark.getRemarkType() == llvm::remarks::Type::Passed ||
                    remark.getRemarkType() == llvm::remarks::Type::Analysis;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << place(remark.getLocation());
    if (!remark.getFunction().starts_with("<"))
      os << remark.getFunction() << ": ";
    llvm::interleave(
        remark.getArgs(), os,
        [&](const mlir::remark::detail::Remark::Arg &arg) {
          bool isSentence = arg.key == "Remark" || arg.key == "Reason";
          os << (isSentence ? "" : arg.key + " ") << arg.val;
        },
        "; ");
    os << " [" << remark.getRemarkName() << "]";
    listener.message(isChoice ? MessageKind::Remark : MessageKind::Missed,
                     text);
  }

private:
  CompileListener &listener;
};

} // namespace

Diagnostics::Diagnostics(mlir::MLIRContext &context, CompileListener &listener)
    : listener(listener),
      handler(&context, [this](mlir::Diagnostic &diagnostic) {
        std::string text = place(diagnostic.getLocation()) + diagnostic.str();
        switch (diagnostic.getSeverity()) {
        case mlir::DiagnosticSeverity::Error:
          if (firstError.empty())
            firstError = text;
          break;
        case mlir::DiagnosticSeverity::Warning:
          this->listener.message(MessageKind::Warning, text);
          break;
        case mlir::DiagnosticSeverity::Remark:
          this->listener.message(MessageKind::Remark, text);
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
  // A kind that no pattern is given for is not reported, whatever `all` says; a
  // pattern is to match a whole category, "convert-tern-to-kernels" too.
  const std::string ours = ".*tern.*";
  mlir::remark::RemarkCategories categories{ours, ours, ours, ours, ours};
  // Passes over functions then run one after the other: remarks keep an order.
  context.disableMultithreading();
  auto policy = std::make_unique<mlir::remark::RemarkEmittingPolicyAll>();
  if (mlir::failed(mlir::remark::enableOptimizationRemarks(
          context, std::make_unique<RemarkTeller>(listener), std::move(policy),
          categories)))
    return take("remarks cannot be enabled");
  return llvm::Error::success();
}
