//===- MicroKernelInterfaces.td - Instructions and tiles ---- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_MICROKERNELINTERFACES_TD
#define TERN_MICROKERNELINTERFACES_TD

include "mlir/IR/OpBase.td"

def DotProductAttrInterface : AttrInterface<"DotProductAttrInterface"> {
  let description = [{
    An instruction, or few, that adds products of bytes to 32 bit sums: `lanes` sums
    of four products of an unsigned and a signed byte each. Kernels of rows and
    columns are written once over it; a target has an attribute for each
    instruction. Some machines also multiply two signed bytes or two unsigned ones.
  }];
  let cppNamespace = "::tern";
  let methods = [
    InterfaceMethod<"The instruction, for people.", "::std::string",
      "getInstruction">,
    InterfaceMethod<"32 bit sums in one vector.", "int64_t", "getLanes">,
    InterfaceMethod<"Instructions for one vector of bytes, none of them above "
      "`maxUnsigned`.", "int64_t", "getSlots", (ins "unsigned":$maxUnsigned)>,
    InterfaceMethod<"The largest unsigned byte that takes no more instructions than a "
      "digit: digits of a byte up to it need not be moved.", "unsigned",
      "getMaxUnsigned">,
    InterfaceMethod<"True if an instruction multiplies by any four bytes of a vector "
      "register in all lanes: codes are then loaded as whole vectors.", "bool",
      "broadcastsLanes", (ins), [{}], [{
        return false;
      }]>,
    InterfaceMethod<[{
        acc[l] + sum over j < 4 of u[4l + j] * s[4l + j], exact. `acc` is
        vector<lanes x i32>, `u` (unsigned, no element above `maxUnsigned`) and
        `s` (signed) are vector<4*lanes x i8>.
      }], "::mlir::Value", "build",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$acc, "::mlir::Value":$u, "::mlir::Value":$s,
           "unsigned":$maxUnsigned)>,
    InterfaceMethod<"True if there is `buildSigned`, as cheap as `build`.", "bool",
      "hasSigned", (ins), [{}], [{
        return false;
      }]>,
    InterfaceMethod<"The same as `build` for two signed factors.", "::mlir::Value",
      "buildSigned",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$acc, "::mlir::Value":$x, "::mlir::Value":$y), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"True if there is `buildUnsigned`, as cheap as `build`.", "bool",
      "hasUnsigned", (ins), [{}], [{
        return false;
      }]>,
    InterfaceMethod<"The same as `build` for two unsigned factors.", "::mlir::Value",
      "buildUnsigned",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$acc, "::mlir::Value":$x, "::mlir::Value":$y), [{}], [{
        return {};
      }]>,
    InterfaceMethod<[{
        Steps whose products of bytes up to `maxUnsigned` sums of 16 bits hold, which
        take fewer instructions; 0 if it has none.
      }], "int64_t", "getNarrowSteps", (ins "unsigned":$maxUnsigned), [{}], [{
        return 0;
      }]>,
    InterfaceMethod<"Such sums in place of `lanes` of 32 bits: of two products each, "
      "or of one.", "int64_t", "getNarrowLanes", (ins), [{}], [{
        return 2 * $_attr.getLanes();
      }]>,
    InterfaceMethod<[{
        The same as `build` for such sums.
      }], "::mlir::Value", "buildNarrow",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$acc, "::mlir::Value":$u, "::mlir::Value":$s), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"`acc` of 32 bits with such sums added.",
      "::mlir::Value", "widen",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$acc, "::mlir::Value":$narrow), [{}], [{
        return {};
      }]>,
  ];
  let extraSharedClassDeclaration = [{
    /// True if large bytes cost no more: fields of a byte then need no shift.
    bool isExactForAnyByte() const { return $_attr.getMaxUnsigned() == 255; }
  }];
}

def MicroKernelAttrInterface : AttrInterface<"MicroKernelAttrInterface"> {
  let description = [{
    The innermost step of a product: some tokens times some rows (outputs) of a
    weight, over some columns (inputs). Sums are kept as a `fragment`, a vector
    of a shape that suits the registers; `begin` makes one of zeros, each `build`
    adds a step to it, `finish` turns it into sums by token and row.

    Weights come as vectors of their bytes, codes as a vector by token and column.
    A kernel that cannot keep all rows of a layout's tile in registers
    does them in `parts`.

    A kernel may want codes `prepared`, say as tables of their sums. A fragment is
    then kept in memory while the columns of the next tile are prepared.
  }];
  let cppNamespace = "::tern";
  let methods = [
    InterfaceMethod<"For people, in one or two words.", "::std::string", "getKernelName">,
    InterfaceMethod<"Tokens, rows and columns of one step.",
      "::tern::MicroTile", "getTile">,
    InterfaceMethod<"Kernels that together do all rows of a tile of the layout.",
      "::llvm::SmallVector<::mlir::Attribute>", "getParts">,
    InterfaceMethod<"True if it reads weights of this layout; none stands for "
      "int8 rows.", "bool", "reads",
      (ins "const ::std::optional<::tern::Layout> &":$layout)>,
    InterfaceMethod<"Codes for which its sums are exact.",
      "::tern::CodeRange", "getCodeRange">,
    InterfaceMethod<"Columns over which its sums are exact.",
      "int64_t", "getMaxColumns">,
    InterfaceMethod<"How many times the sum of the codes is in a result too much, "
      "because a weight is stored with an offset.", "int64_t", "getOffset">,
    InterfaceMethod<"The same for each row of a step, 0 or `getOffset`; empty if it is "
      "that for all.", "::llvm::SmallVector<int64_t>", "getRowOffsets", (ins), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"Cost of one step.", "::tern::MicroCost", "getCost">,
    InterfaceMethod<"Type of the codes of a step: [tokens, columns] of i8.",
      "::mlir::VectorType", "getCodesType">,
    InterfaceMethod<"How codes are prepared.", "::tern::MicroPreparation", "getPreparation">,
    InterfaceMethod<"Type of codes as `build` takes them: as they are, or `prepared`.",
      "::mlir::VectorType", "getPreparedType">,
    InterfaceMethod<"Codes of a step as `build` takes them.", "::mlir::Value", "prepare",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc, "::mlir::Value":$codes)>,
    InterfaceMethod<"Types of the bytes of the weight of a step: one vector, or one for "
      "each column.", "::llvm::SmallVector<::mlir::VectorType>", "getWeightTypes">,
    InterfaceMethod<"Type of the sums that a loop over steps carries.",
      "::mlir::VectorType", "getFragmentType">,
    InterfaceMethod<"Type of the results, i32: [tokens, rows], or [tokens, runs, rows "
      "of a run] for rows that are not adjacent.", "::mlir::VectorType", "getSumsType">,
    InterfaceMethod<"A fragment whose sums are zero after `steps` steps over zeros; "
      "their number is known, and asked for, if codes are prepared.",
      "::mlir::Value", "begin",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc, "int64_t":$steps)>,
    InterfaceMethod<"The fragment after one more step.", "::mlir::Value", "build",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$prepared, "::mlir::ValueRange":$weights,
           "::mlir::Value":$fragment)>,
    InterfaceMethod<[{
        Steps that a narrow fragment holds the sums of, for fewer instructions a
        step; 0: there is none. It begins as zeros and is then widened into the
        fragment.
      }], "int64_t", "getNarrowSteps", (ins), [{}], [{
        return 0;
      }]>,
    InterfaceMethod<"Type of such a fragment; null if there is none.",
      "::mlir::VectorType", "getNarrowType", (ins), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"The narrow fragment after one more step.", "::mlir::Value",
      "buildNarrow",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$codes, "::mlir::ValueRange":$weights,
           "::mlir::Value":$narrow), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"The fragment with the sums of a narrow one.", "::mlir::Value",
      "widen",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$narrow, "::mlir::Value":$fragment), [{}], [{
        return {};
      }]>,
    InterfaceMethod<[{
        True if it has sums go from the registers where they are to memory, as
        `tern.micro_store` does, those of groups by way of `tern.micro_scale`. Tokens of a
        step need not all be there then, so the last kernel of a strategy may be for several.
      }], "bool", "storesSums", (ins), [{}], [{
        return false;
      }]>,
    InterfaceMethod<"Type of the scaled sums of groups, f32, of a kernel that stores sums.",
      "::mlir::VectorType", "getTotalType", (ins), [{}], [{
        return {};
      }]>,
    InterfaceMethod<"The sums in a fragment.", "::mlir::Value", "finish",
      (ins "::mlir::OpBuilder &":$b, "::mlir::Location":$loc,
           "::mlir::Value":$fragment)>,
  ];
}

#endif // TERN_MICROKERNELINTERFACES_TD
