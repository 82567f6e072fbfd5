//===- Abi.h - Structs of tern/abi.h in LLVM's types ------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Made of the same table as the structs of C, tern/abi.def.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_CODEGEN_ABI_H
#define TERN_CODEGEN_ABI_H

#include "tern/abi.h"

#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/Builders.h"

namespace tern {

/// The structs, in the order of the table.
enum class AbiStruct {
#define TERN_STRUCT(Name) Name,
#define TERN_U32(Name)
#define TERN_U64(Name)
#define TERN_SIZE(Name)
#define TERN_POINTER(Type, Name)
#define TERN_POINTERS(Type, Name, Count)
#define TERN_END
#include "tern/abi.def"
};

/// Numbers of the fields: abi::env::counters.
namespace abi {
#define TERN_STRUCT(Name)                                                      \
  namespace Name {                                                             \
  enum Field : int32_t {
#define TERN_U32(Name) Name,
#define TERN_U64(Name) Name,
#define TERN_SIZE(Name) Name,
#define TERN_POINTER(Type, Name) Name,
#define TERN_POINTERS(Type, Name, Count) Name,
#define TERN_END                                                               \
  }                                                                            \
  ;                                                                            \
  }
#include "tern/abi.def"
} // namespace abi

/// The type of a struct of the ABI; a size_t has `sizeBits`.
mlir::LLVM::LLVMStructType getAbiType(mlir::MLIRContext *context,
                                      AbiStruct which, unsigned sizeBits);

/// The bytes of such a struct, with pointers of as many bits: what sizeof says
/// where numbers are aligned to their size.
uint64_t getAbiBytes(AbiStruct which, unsigned sizeBits);

/// Bits of an index, a size_t and a pointer on the machine that `op`'s module
/// is compiled for: those of the module's data layout, 64 if it says nothing.
unsigned getIndexBits(mlir::Operation *op);

/// Loads a field of a struct that `base` points to; pointers and sizes as
/// integers when `type` is one.
mlir::Value loadAbiField(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value base, AbiStruct which, int32_t field,
                         mlir::Type type);

/// The same, of a size or an address, as an index.
mlir::Value loadAbiIndex(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value base, AbiStruct which, int32_t field);

} // namespace tern

#endif // TERN_CODEGEN_ABI_H
