//===- tern/Dialect/Tern/IR/ChoiceOps.h - Tokens of all logits --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_CHOICEOPS_H
#define TERN_DIALECT_TERN_IR_CHOICEOPS_H

#include "tern/Dialect/Tern/IR/Tern.h"

#define GET_OP_CLASSES
#include "tern/Dialect/Tern/IR/ChoiceOps.h.inc"

#endif // TERN_DIALECT_TERN_IR_CHOICEOPS_H
