//===- WebAssembly.td - Attributes of the WebAssembly target - -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_TD
#define TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_TD

include "tern/Dialect/Tern/IR/MicroKernelInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def TernWasm_Dialect : Dialect {
  let name = "tern_wasm";
  let cppNamespace = "::tern::wasm";
  let summary = "Instructions of WebAssembly that products are made of";
  let useDefaultAttributePrinterParser = 1;
}

def TernWasm_Dot : I32EnumAttr<"Dot", "a dot product of bytes", [
    I32EnumAttrCase<"Words", 0, "i32x4_dot_i16x8">,
    I32EnumAttrCase<"Relaxed", 1, "i32x4_relaxed_dot_i8x16_i7x16_add">]> {
  let cppNamespace = "::tern::wasm";
  let genSpecializedAttr = 0;
}

def TernWasm_DotAttr : AttrDef<TernWasm_Dialect, "Dot",
    [DeclareAttrInterfaceMethods<DotProductAttrInterface,
        ["hasSigned", "buildSigned", "hasUnsigned", "buildUnsigned"]>]> {
  let mnemonic = "dot";
  let summary = "a dot product of bytes";
  let description = [{
    | name | features | |
    |---|---|---|
    | `i32x4_dot_i16x8` | simd128 | even and odd bytes as words, two products added to each lane at a time |
    | `i32x4_relaxed_dot_i8x16_i7x16_add` | relaxed-simd | four products added to each lane; bytes above 127 are taken as words |

    An engine may add two products in 16 bits, saturating or not, and take the second
    factor as signed or unsigned. With bytes up to 127 two products fit, and both are the
    same, so all engines give the same sums.

    ```mlir
    #tern_wasm.dot<i32x4_dot_i16x8>
    ```
  }];
  let parameters = (ins EnumParameter<TernWasm_Dot>:$value);
  let assemblyFormat = "`<` $value `>`";
}

#endif // TERN_TARGET_WEBASSEMBLY_WEBASSEMBLY_TD
