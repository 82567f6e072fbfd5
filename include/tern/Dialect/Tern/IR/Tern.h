//===- tern/Dialect/Tern/IR/Tern.h - The tern dialect -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_TERN_H
#define TERN_DIALECT_TERN_IR_TERN_H

#include "tern/Packing/Layout.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"

#include <memory>

namespace mlir {
class PatternRewriter;
} // namespace mlir

namespace tern {

class Target;
class TargetAttr;
class LayoutAttr;
struct Codec;

llvm::hash_code hash_value(const Layout &layout);

/// Decides which thread runs which iterations.
struct ScheduleResource : mlir::SideEffects::Resource::Base<ScheduleResource> {
  llvm::StringRef getName() final { return "schedule"; }
};

/// The values that a kernel operation writes for a token depend on that token's
/// rows only.
template <typename ConcreteType>
class RowWise : public mlir::OpTrait::TraitBase<ConcreteType, RowWise> {};

namespace detail {
/// Results or outs, not both; outs have the types results would have.
mlir::LogicalResult verifyKernelOp(mlir::Operation *op);
/// Buffer form: reads its memref operands, writes its outs. Tensor form: none.
void getKernelOpEffects(mlir::Operation *op,
                        llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<
                            mlir::MemoryEffects::Effect>> &effects);
} // namespace detail
} // namespace tern

#include "tern/Dialect/Tern/IR/TernEnums.h.inc"

#include "tern/Dialect/Tern/IR/MicroKernel.h"

#include "tern/Dialect/Tern/IR/TernInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Dialect/Tern/IR/TernAttrs.h.inc"

#include "tern/Dialect/Tern/IR/TernDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "tern/Dialect/Tern/IR/TernTypes.h.inc"

#define GET_OP_CLASSES
#include "tern/Dialect/Tern/IR/TernOps.h.inc"

namespace tern {

/// True for the integers that a weight may be of: i8, i6, i4, and i2, which is
/// 0 to 3.
bool isIntegerWeight(mlir::Type type);

/// True for elements that have bytes in a layout only: digits, i6, i4 and i2.
bool needsLayout(mlir::Type type);

} // namespace tern

#endif // TERN_DIALECT_TERN_IR_TERN_H
