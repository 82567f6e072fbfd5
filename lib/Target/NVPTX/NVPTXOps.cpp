//===- NVPTXOps.cpp - Operations of warps and blocks ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/NVPTX/NVPTX.h"

using namespace mlir;
using namespace tern::nvptx;

#define GET_OP_CLASSES
#include "tern/Target/NVPTX/NVPTXOps.cpp.inc"

LogicalResult EachWarpOp::verify() {
  if (getWarps() < 1 || getWarps() > 32)
    return emitOpError("expected 1 to 32 warps, got ") << getWarps();
  if (getBody().getNumArguments() == 1 &&
      getBody().getArgument(0).getType().isIndex())
    return success();
  return emitOpError("expected one argument, an index");
}

LogicalResult CopyOp::verify() {
  auto from = cast<MemRefType>(getFrom().getType());
  auto to = cast<MemRefType>(getTo().getType());
  if (from.getRank() < 2 || to.getRank() < 2 ||
      getFromIndices().size() != size_t(from.getRank()) ||
      getToIndices().size() != size_t(to.getRank()))
    return emitOpError("expected two dimensions at least, and an index for "
                       "each");
  if (!from.getElementType().isInteger(8) || !to.getElementType().isInteger(8))
    return emitOpError("expected bytes");
  if (getWidth() <= 0 || getWidth() % kPiece)
    return emitOpError("expected rows of a multiple of 16 bytes, got ")
           << getWidth();
  if (to.getMemorySpaceAsInt() != 3)
    return emitOpError("expected shared memory, memory space 3, got ") << to;
  return success();
}
