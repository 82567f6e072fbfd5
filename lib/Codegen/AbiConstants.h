//===- AbiConstants.h - Constants of the ABI's structs ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CODEGEN_ABICONSTANTS_H
#define TERN_LIB_CODEGEN_ABICONSTANTS_H

#include "tern/Codegen/Abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// Makes constants of the module: strings, arrays and structs of the ABI.
class Constants {
public:
  /// Names of the constants begin with `prefix`.
  explicit Constants(mlir::ModuleOp module,
                     llvm::StringRef prefix = "tern.constant")
      : prefix(prefix), b(mlir::OpBuilder::atBlockEnd(module.getBody())),
        loc(module.getLoc()), sizeBits(getIndexBits(module)),
        pointer(mlir::LLVM::LLVMPointerType::get(b.getContext())) {}

  mlir::Attribute number(mlir::Type type, uint64_t value);
  mlir::Attribute symbol(llvm::StringRef name);
  mlir::Attribute null();
  mlir::Attribute string(llvm::StringRef text);
  /// The address of an array; one of nothing has one too.
  mlir::Attribute array(mlir::Type element,
                        llvm::ArrayRef<mlir::Attribute> values);

  mlir::Type pointerType() const { return pointer; }
  mlir::LLVM::LLVMStructType structType(AbiStruct which) {
    return getAbiType(b.getContext(), which, sizeBits);
  }

  /// A constant of `type` whose parts are integers, names of symbols, null, and
  /// arrays of parts.
  void create(llvm::StringRef name, mlir::Type type,
              mlir::LLVM::Linkage linkage,
              llvm::ArrayRef<mlir::Attribute> parts);

private:
  std::string newName() { return prefix.str() + std::to_string(count++); }

  mlir::Value insert(mlir::OpBuilder &body, mlir::Value whole,
                     llvm::SmallVector<int64_t> &place, mlir::Attribute part);

  llvm::StringRef prefix;
  mlir::OpBuilder b;
  mlir::Location loc;
  unsigned sizeBits;
  mlir::Type pointer;
  unsigned count = 0;
};

/// The fields of one struct of the ABI.
class Fields {
public:
  Fields(Constants &constants, AbiStruct which)
      : constants(constants), type(constants.structType(which)),
        values(type.getBody().size()) {}

  void set(int32_t field, uint64_t value) {
    values[field] = constants.number(type.getBody()[field], value);
  }
  void set(int32_t field, mlir::Attribute value) { values[field] = value; }
  void setAllToZero() {
    for (size_t field = 0; field < values.size(); ++field)
      set(field, 0);
  }

  llvm::ArrayRef<mlir::Attribute> all() const {
    assert(!llvm::is_contained(values, mlir::Attribute()) &&
           "a field is missing");
    return values;
  }

private:
  Constants &constants;
  mlir::LLVM::LLVMStructType type;
  llvm::SmallVector<mlir::Attribute> values;
};

} // namespace tern

#endif // TERN_LIB_CODEGEN_ABICONSTANTS_H
