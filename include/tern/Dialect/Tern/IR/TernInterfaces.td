//===- TernInterfaces.td - Interfaces of operations ---------- -*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_INTERFACES_TD
#define TERN_INTERFACES_TD

include "mlir/IR/OpBase.td"

def KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let description = [{
    An operation with a tensor form (results) and a buffer form (`outs`, no
    results). The n-th out is the buffer of the n-th result. In tensor form outs are
    optional: they are the destinations that `tern-bufferize` gives each result.
    Bufferization of all of them is one function (lib/Codegen).
  }];
  let cppNamespace = "::tern";
  let methods = [
    InterfaceMethod<"The buffers results are written to; in tensor form their "
      "destinations, if it has any.",
      "::mlir::OperandRange", "getOuts">,
    InterfaceMethod<"True if what is written for a token depends on that token's "
      "rows only, so that tokens may be computed one by one in one loop.",
      "bool", "isRowWise", (ins),
      [{ return $_op->template hasTrait<::tern::RowWise>(); }]>,
  ];
  let extraSharedClassDeclaration = [{
    bool isBufferForm() { return $_op->getNumResults() == 0; }
  }];
  let verify = [{ return ::tern::detail::verifyKernelOp($_op); }];
}

#endif // TERN_INTERFACES_TD
