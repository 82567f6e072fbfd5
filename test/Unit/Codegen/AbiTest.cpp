//===- AbiTest.cpp - The structs of tern/abi.h for both sides -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Target/LLVMIR/TypeToLLVM.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/TargetParser/Triple.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

/// A struct with LLVM's layout for a machine.
class Laid {
public:
  Laid(AbiStruct which, llvm::StringRef triple)
      : layout(llvm::Triple(triple).computeDataLayout()),
        sizeBits(layout.getPointerSizeInBits(0)) {
    mlir.loadDialect<mlir::LLVM::LLVMDialect>();
    mlir::LLVM::TypeToLLVMIRTranslator translator(llvm);
    type = llvm::cast<llvm::StructType>(
        translator.translateType(getAbiType(&mlir, which, sizeBits)));
  }

  uint64_t offset(unsigned field) const {
    return layout.getStructLayout(type)->getElementOffset(field);
  }
  uint64_t end(unsigned field) const {
    return offset(field) + layout.getTypeAllocSize(type->getElementType(field));
  }
  uint64_t bytes() const { return layout.getTypeAllocSize(type); }
  unsigned fields() const { return type->getNumElements(); }

  mlir::MLIRContext mlir;
  llvm::LLVMContext llvm;
  llvm::DataLayout layout;
  unsigned sizeBits;
  llvm::StructType *type;
};

/// The offsets of C on this machine, field by field.
TEST(Abi, AgreesWithC){
#define TERN_STRUCT(Name)                                                      \
  {                                                                            \
    using Struct = tern_##Name;                                                \
    Laid laid(AbiStruct::Name, "x86_64-unknown-linux-gnu");                    \
    EXPECT_EQ(laid.bytes(), sizeof(Struct));                                   \
    EXPECT_EQ(getAbiBytes(AbiStruct::Name, 64), sizeof(Struct));               \
    unsigned field = 0;
#define EXPECT_FIELD(Name)                                                     \
  EXPECT_EQ(laid.offset(field), offsetof(Struct, Name)) << #Name;              \
  EXPECT_EQ(laid.end(field++) - offsetof(Struct, Name), sizeof(Struct::Name))  \
      << #Name;
#define TERN_U32(Name) EXPECT_FIELD(Name)
#define TERN_U64(Name) EXPECT_FIELD(Name)
#define TERN_SIZE(Name) EXPECT_FIELD(Name)
#define TERN_POINTER(Type, Name) EXPECT_FIELD(Name)
#define TERN_POINTERS(Type, Name, Count) EXPECT_FIELD(Name)
#define TERN_END                                                               \
  EXPECT_EQ(field, laid.fields());                                             \
  }
#include "tern/abi.def"
}

/// On every machine a field begins where the one before ends, so that all C
/// compilers, however they align 64 bits, and LLVM have the same offsets.
TEST(Abi, HasNoPadding) {
  for (llvm::StringRef triple :
       {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu",
        "riscv64-unknown-linux-gnu", "i386-unknown-linux-gnu",
        "thumbv7em-none-eabihf", "riscv32-unknown-none-elf",
        "wasm32-unknown-unknown"}) {
    SCOPED_TRACE(triple.str());
    for (AbiStruct which :
         {AbiStruct::env, AbiStruct::rows, AbiStruct::layer, AbiStruct::kind,
          AbiStruct::weight, AbiStruct::launch, AbiStruct::launches,
          AbiStruct::device_kind, AbiStruct::image, AbiStruct::device_plan,
          AbiStruct::model}) {
      Laid laid(which, triple);
      EXPECT_EQ(laid.offset(0), 0u);
      for (unsigned i = 1; i < laid.fields(); ++i)
        EXPECT_EQ(laid.offset(i), laid.end(i - 1)) << i;
      EXPECT_LT(laid.bytes() - laid.end(laid.fields() - 1), 8u);
      EXPECT_GE(getAbiBytes(which, laid.sizeBits), laid.bytes());
    }
  }
}

} // namespace
