//===- WorkerCounts.cpp - How many workers a loop is worth ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WorkerCounts.h"

#include "tern/Codegen/Abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

static int64_t countBytes(scf::ParallelOp loop) {
  int64_t bytes = 0;
  for (IterationOp part : loop.getBody()->getOps<IterationOp>())
    bytes += part.getBytes();
  return bytes;
}

Worth::Worth(func::FuncOp function, int64_t minBytes, int64_t minTotal,
             int64_t minAlone)
    : minBytes(minBytes) {
  int64_t total = 0;
  function.walk([&](scf::ParallelOp loop) {
    if (std::optional<int64_t> n = getConstantIntValue(loop.getUpperBound()[0]))
      total += *n * countBytes(loop);
  });
  function.walk([&](WorkerCountOp op) { total += op.getBytes(); });
  if (total < minTotal)
    loopBytes = minAlone;
}

static Value loadWorkerCount(OpBuilder &b, Location loc, Value env) {
  Value count = loadAbiField(b, loc, env, AbiStruct::env,
                             abi::env::worker_count, b.getI32Type());
  return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), count);
}

/// The host's threads, if it says how many it has, else its workers.
static Value loadThreadCount(OpBuilder &b, Location loc, Value env) {
  Value workers = loadWorkerCount(b, loc, env);
  Value threads =
      loadAbiIndex(b, loc, env, AbiStruct::env, abi::env::thread_count);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value isUnknown =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, threads, zero);
  threads = arith::SelectOp::create(b, loc, isUnknown, workers, threads);
  return arith::MinUIOp::create(b, loc, threads, workers);
}

/// 1 if the host has no threads.
static Value oneIfAlone(OpBuilder &b, Location loc, Value parallel,
                        Value workers) {
  Value null = LLVM::ZeroOp::create(b, loc, parallel.getType());
  Value alone =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, parallel, null);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  return arith::SelectOp::create(b, loc, alone, one, workers);
}

void tern::lowerWorkerCount(WorkerCountOp op, Value env, const Worth &worthIt) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t bytes = op.getBytes();
  int64_t worth = bytes < worthIt.loopBytes ? 1 : bytes / worthIt.minBytes;
  Value workers =
      arith::ConstantIndexOp::create(b, loc, std::max<int64_t>(worth, 1));
  if (worth > 1) {
    Value parallel =
        loadAbiField(b, loc, env, AbiStruct::env, abi::env::parallel,
                     LLVM::LLVMPointerType::get(b.getContext()));
    workers =
        arith::MinUIOp::create(b, loc, loadThreadCount(b, loc, env), workers);
    workers = oneIfAlone(b, loc, parallel, workers);
  }
  op.replaceAllUsesWith(workers);
  op.erase();
}

Value tern::countWorkers(scf::ParallelOp loop, Value env, Value parallel,
                         const Worth &worthIt, OpBuilder &b) {
  Location loc = loop.getLoc();
  Value n = loop.getUpperBound()[0];
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  bool isSaid = !loop.getBody()->getOps<IterationOp>().empty();
  int64_t bytes = std::max<int64_t>(countBytes(loop), 1);
  int64_t enough = llvm::divideCeil(worthIt.minBytes, bytes);
  int64_t least = llvm::divideCeil(worthIt.loopBytes, bytes);
  std::optional<int64_t> known = getConstantIntValue(n);
  if (isSaid && known && (*known < least || *known < 2 * enough))
    return constant(1);
  Value host = loadWorkerCount(b, loc, env);
  Value workers = arith::MinUIOp::create(b, loc, host, n);
  if (isSaid) {
    Value worth = arith::DivUIOp::create(b, loc, n, constant(enough));
    if (least && !known) {
      Value isLittle = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                             n, constant(least));
      worth = arith::SelectOp::create(b, loc, isLittle, constant(1), worth);
    }
    workers = arith::MinUIOp::create(b, loc, workers, worth);
  }
  workers = arith::MaxUIOp::create(b, loc, workers, constant(1));
  return oneIfAlone(b, loc, parallel, workers);
}
