//===- GroupLists.cpp - Lists of groups that are not zero -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each group is written behind those before it, and counted if it is not zero:
// no branch that a processor would have to guess.
//
//===----------------------------------------------------------------------===//

#include "GroupLists.h"

#include "TrailingVectors.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

/// Codes of a group: a word.
static constexpr int64_t kDigits = 4;

static int64_t getGroupsOfStep(MicroKernelAttrInterface kernel) {
  return kernel.getTile().columns / kDigits;
}

/// Room for all groups of a tile, and zeros up to a whole step.
static int64_t getRoom(MicroKernelAttrInterface kernel) {
  int64_t ofStep = getGroupsOfStep(kernel);
  return kernel.getPreparation().steps * ofStep + ofStep - 1;
}

GroupLists::GroupLists(KernelBuilder &b, MicroKernelAttrInterface kernel,
                       int64_t numLists) {
  auto allocate = [&](ArrayRef<int64_t> shape) {
    return tensor::EmptyOp::create(b, shape, b.getI32Type());
  };
  groups = allocate({numLists, getRoom(kernel)});
  steps = allocate({numLists});
  words = allocate({kernel.getPreparation().listedPlanes, getRoom(kernel)});
}

GroupLister::GroupLister(KernelBuilder &b, MicroKernelAttrInterface kernel,
                         GroupLists lists, Value list)
    : b(b), kernel(kernel), planes(kernel.getPreparation().listedPlanes),
      lists(lists), list(list), counts(planes, b.index(0)) {}

Value GroupLister::insert(Value number, Value into, Value row, Value at) {
  return tensor::InsertOp::create(b, number, into, ValueRange{row, at});
}

void GroupLister::add(Value from, Value to, ReadStep readCodes) {
  int64_t ofStep = getGroupsOfStep(kernel);
  Values carried = {lists.words, lists.groups};
  llvm::append_range(carried, counts);
  carried = b.loop(
      from, to, 1, carried, [&](Value step, ValueRange before) -> Values {
        Values next(before);
        Value codes = b.part(readCodes(step), {int64_t(0)});
        Values ofPlanes = {codes};
        if (planes == 2) {
          auto split =
              SplitCodesOp::create(b, codes.getType(), codes.getType(), codes);
          ofPlanes = {split.getLow(), split.getHigh()};
        }
        Value first = b.mul(step, b.index(ofStep));
        for (int64_t p = 0; p < planes; ++p) {
          Value words =
              b.bitcast(b.vectorOf(ofStep, b.getI32Type()), ofPlanes[p]);
          Value &count = next[2 + p];
          for (int64_t j = 0; j < ofStep; ++j) {
            Value word = b.lane(words, j);
            Value group = arith::IndexCastUIOp::create(
                b, b.getI32Type(), b.add(first, b.index(j)));
            next[0] = insert(word, next[0], b.index(p), count);
            next[1] = insert(group, next[1], b.add(list, b.index(p)), count);
            Value isListed = b.compare(arith::CmpIPredicate::ne, word, 0);
            count =
                b.add(count, b.toIndex(b.zeroExtend(isListed, b.getI32Type())));
          }
        }
        return next;
      });
  lists.words = carried[0];
  lists.groups = carried[1];
  counts.assign(carried.begin() + 2, carried.end());
}

Value GroupLister::finish(Value carried, PrepareStep prepare) {
  int64_t ofStep = getGroupsOfStep(kernel);
  Value none = b.constant(b.getI32Type(), int64_t(0));
  for (int64_t p = 0; p < planes; ++p) {
    Value plane = b.index(p), number = b.add(list, plane);
    for (int64_t j = 0; j < ofStep - 1; ++j) {
      Value at = b.add(counts[p], b.index(j));
      lists.words = insert(none, lists.words, plane, at);
      lists.groups = insert(none, lists.groups, number, at);
    }
    Value steps = b.div(b.add(counts[p], b.index(ofStep - 1)), b.index(ofStep));
    lists.steps = tensor::InsertOp::create(
        b, arith::IndexCastUIOp::create(b, b.getI32Type(), steps), lists.steps,
        ValueRange{number});
    auto type = b.vectorOf(ofStep, b.getI32Type());
    carried = b.loop(
        b.index(0), steps, 1, carried,
        [&](Value step, ValueRange before) -> Values {
          Value words = readTrailing(b, type, lists.words,
                                     {plane, b.mul(step, b.index(ofStep))});
          Value codes =
              b.bitcast(b.vectorOf(ofStep * kDigits, b.getI8Type()), words);
          return {prepare(number, step, b.reshape(codes, {1, ofStep * kDigits}),
                          before[0])};
        })[0];
  }
  return carried;
}

Value tern::listGroups(KernelBuilder &b, MicroKernelAttrInterface kernel,
                       Value tokens, Value carried, GroupLists &lists,
                       function_ref<void(Value, GroupLister &)> addSteps,
                       PrepareStep prepare) {
  Values made = b.loop(
      b.index(0), tokens, 1,
      ValueRange{carried, lists.groups, lists.steps, lists.words},
      [&](Value token, ValueRange before) -> Values {
        GroupLists own = lists;
        own.groups = before[1];
        own.steps = before[2];
        own.words = before[3];
        int64_t planes = kernel.getPreparation().listedPlanes;
        GroupLister lister(b, kernel, own, b.mul(token, b.index(planes)));
        addSteps(token, lister);
        Value all = lister.finish(before[0], prepare);
        const GroupLists &next = lister.getLists();
        return {all, next.groups, next.steps, next.words};
      });
  lists.groups = made[1];
  lists.steps = made[2];
  lists.words = made[3];
  return made[0];
}
