//===- X86.cpp - x86-64: layouts, dot products, registration --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;

namespace {

Value callIntrinsic(OpBuilder &b, Location loc, Type type, StringRef name,
                    ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, loc, type, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

/// vpdpbusd: four u8 * s8 products added to each 32 bit lane, exactly.
struct VnniDot : DotProduct {
  VnniDot(int64_t lanes, StringRef intrinsic)
      : lanes(lanes), intrinsic(intrinsic) {}
  StringRef getName() const override {
    return lanes == 16 ? "vpdpbusd of 512 bits" : "vpdpbusd of 256 bits";
  }
  int64_t getLanes() const override { return lanes; }
  bool isExactForAnyByte() const override { return true; }
  Value build(OpBuilder &b, Location loc, Value acc, Value u, Value s,
              unsigned) const override {
    return callIntrinsic(b, loc, acc.getType(), intrinsic, {acc, u, s});
  }
  int64_t lanes;
  StringRef intrinsic;
};

/// vpmaddubsw, then vpmaddwd by ones: exact while a pair of products fits 16
/// bits. Larger bytes are widened to 16 bits first.
struct Avx2Dot : DotProduct {
  StringRef getName() const override { return "vpmaddubsw of 256 bits"; }
  int64_t getLanes() const override { return 8; }
  bool isExactForAnyByte() const override { return false; }

  Value build(OpBuilder &b, Location loc, Value acc, Value u, Value s,
              unsigned maxUnsigned) const override {
    auto words = VectorType::get({16}, b.getI16Type());
    auto sums = VectorType::get({8}, b.getI32Type());
    if (maxUnsigned * 128 * 2 <= 32768) {
      Value ones = arith::ConstantOp::create(
          b, loc, DenseElementsAttr::get(words, b.getI16IntegerAttr(1)));
      Value pairs =
          callIntrinsic(b, loc, words, "llvm.x86.avx2.pmadd.ub.sw", {u, s});
      Value quads =
          callIntrinsic(b, loc, sums, "llvm.x86.avx2.pmadd.wd", {pairs, ones});
      return arith::AddIOp::create(b, loc, acc, quads);
    }
    // Even and odd bytes as 16 bit words: the products of each word pair are
    // added by vpmaddwd, the two halves by an addition.
    Value eight = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(words, b.getI16IntegerAttr(8)));
    Value low = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(words, b.getI16IntegerAttr(255)));
    Value uw = vector::BitCastOp::create(b, loc, words, u);
    Value sw = vector::BitCastOp::create(b, loc, words, s);
    Value uEven = arith::AndIOp::create(b, loc, uw, low);
    Value uOdd = arith::ShRUIOp::create(b, loc, uw, eight);
    Value sEven = arith::ShRSIOp::create(
        b, loc, arith::ShLIOp::create(b, loc, sw, eight), eight);
    Value sOdd = arith::ShRSIOp::create(b, loc, sw, eight);
    for (auto [x, y] : {std::pair{uEven, sEven}, std::pair{uOdd, sOdd}}) {
      Value quads =
          callIntrinsic(b, loc, sums, "llvm.x86.avx2.pmadd.wd", {x, y});
      acc = arith::AddIOp::create(b, loc, acc, quads);
    }
    return acc;
  }
};

/// Best row first; `features` is what the dot product's instructions need.
struct Row {
  StringRef features;
  const DotProduct *dot;
};

struct X86Target : Target {
  StringRef getName() const override { return "X86"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).getArch() == llvm::Triple::x86_64 &&
           find(attr);
  }

  Layout pickLayout(TargetAttr attr, WeightAccess access, int64_t,
                    int64_t) const override {
    int64_t lanes = find(attr)->dot->getLanes();
    switch (access) {
    case WeightAccess::Dense:
      // One stream of weights, no horizontal sum.
      return RowsInLanes{lanes, /*vectors=*/2}.layout();
    case WeightAccess::ActiveRows:
      // A row that is not needed is not read.
      return ContiguousRows{lanes}.layout();
    case WeightAccess::ActiveColumns:
      return ContiguousColumns{lanes}.layout();
    }
    llvm_unreachable("all accesses are handled");
  }

  const DotProduct &getDotProduct(TargetAttr attr) const override {
    return *find(attr)->dot;
  }

  /// Those of the dot product: its sums are as wide as floats.
  int64_t getVectorBytes(TargetAttr attr) const override {
    return 4 * find(attr)->dot->getLanes();
  }

  void populateKernelPatterns(TargetAttr attr,
                              RewritePatternSet &patterns) const override {
    populateDotProductPatterns(attr, patterns);
  }

private:
  const Row *find(TargetAttr attr) const {
    for (const Row &row : rows) {
      SmallVector<StringRef> needed;
      row.features.split(needed, ',');
      if (llvm::all_of(needed, [&](StringRef f) { return attr.hasFeature(f); }))
        return &row;
    }
    return nullptr;
  }

  VnniDot vnni512{16, "llvm.x86.avx512.vpdpbusd.512"};
  VnniDot vnni256{8, "llvm.x86.avx512.vpdpbusd.256"};
  Avx2Dot avx2;
  const Row rows[3] = {
      {"avx512f,avx512bw,avx512vl,avx512vnni", &vnni512},
      {"avx2,avxvnni", &vnni256},
      {"avx2", &avx2},
  };
};

} // namespace

std::unique_ptr<Target> tern::createX86Target() {
  return std::make_unique<X86Target>();
}
