//===- RepackNest.cpp - Loops that repack weights -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows of every layout become the same bytes: V vectors of L rows, four columns
// in a lane, one digit to a byte. A field of two bits is a shift and a mask;
// before that, bytes have to come into the lanes of their rows. Where a byte is
// five digits, it becomes such fields first.
//
//===----------------------------------------------------------------------===//

#include "RepackNest.h"

#include "RepackGroups.h"
#include "StoredScales.h"

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Loops carry the panel and, if a product takes its steps on the way, a
/// fragment.
class RepackNest {
public:
  RepackNest(RepackOp op, KernelBuilder &b, PanelStep takeStep)
      : op(op), b(b), takeStep(takeStep), zero(b.index(0)),
        panel(*UnpackedRows::match(op.getLayout().getLayout())),
        columns(cast<ShapedType>(op.getType()).getDimSize(1) * 4) {}

  Values build(Values carried) {
    Layout layout = op.getWeightLayout().getLayout();
    if (layout.hasScales())
      return fromScaledRows(layout, carried);
    if (RowsInLanes::match(layout))
      return fromRowsInLanes(layout, carried);
    if (auto from = ContiguousColumns::match(layout))
      return fromContiguousColumns(*from->codec, carried);
    if (auto from = GroupsInLanes::match(layout))
      return fromGroupsInLanes(*from, carried);
    return fromContiguousRows(*layout.codec, carried);
  }

private:
  int64_t getVectorBytes() const { return 4 * panel.lanes; }

  /// Tiles of rows in lanes that make one of the panel.
  int64_t countParts(const Layout &from) const {
    return panel.vectors * panel.lanes / from.tileRows();
  }

  Value read(ArrayRef<int64_t> shape, ValueRange at) {
    return readTiles(b, op, shape, at);
  }

  /// `digits` are bytes of step `step`, or of steps from it on, each from byte
  /// `byte` on; or of a tile.
  void write(Value digits, Values &carried, Value step, Value byte) {
    unsigned rank = cast<VectorType>(digits.getType()).getRank();
    auto map = AffineMap::getMinorIdentityMap(3, rank, b.getContext());
    SmallVector<bool> inBounds(rank, true);
    carried[0] = vector::TransferWriteOp::create(
                     b, digits, carried[0], ValueRange{zero, step, byte},
                     AffineMapAttr::get(map), b.getBoolArrayAttr(inBounds))
                     .getResult();
  }

  /// All bytes of step `step`, equal parts that follow each other.
  void writeStep(const Values &parts, Values &carried, Value step) {
    int64_t bytes = cast<VectorType>(parts[0].getType()).getNumElements();
    int64_t count = parts.size();
    for (int64_t i = 0; i < count; ++i)
      write(parts[i], carried, step, b.index(i * bytes));
    if (carried.size() == 1)
      return;
    Value all = b.zero(VectorType::get({count, bytes}, b.getI8Type()));
    for (int64_t i = 0; i < count; ++i)
      all = b.withPart(all, parts[i], {i});
    carried[1] = takeStep(step, b.reshape(all, {count * bytes}), carried[1]);
  }

  Values loop(int64_t count, Values carried,
              function_ref<void(Value, Values &)> body) {
    return b.loop(zero, b.index(count), 1, carried,
                  [&](Value i, ValueRange before) -> Values {
                    Values after(before);
                    body(i, after);
                    return after;
                  });
  }

  /// Bytes have their places: four fields are four steps.
  Values fromRowsInLanes(const Layout &layout, Values carried) {
    int64_t bytes = 4 * layout.tileRows();
    return loop(columns / 16, carried, [&](Value tile, Values &carried) {
      Value step = b.mul(tile, b.index(kFields));
      Values packed;
      for (int64_t i = 0; i < countParts(layout); ++i)
        packed.push_back(read({bytes}, {b.index(i), tile, zero}));
      for (int64_t f = 0; f < kFields; ++f) {
        Values digits;
        for (Value part : packed)
          digits.push_back(unpackField(b, part, f));
        writeStep(digits, carried, b.add(step, b.index(f)));
      }
    });
  }

  /// The same by groups of columns, whose scales become f32.
  Values fromScaledRows(const Layout &layout, Values carried) {
    int64_t groups = cast<ShapedType>(op.getType()).getDimSize(1);
    int64_t bytes = 4 * layout.tileRows(), parts = countParts(layout);
    int64_t tiles = layout.tileColumns() / 16;
    return loop(groups, carried, [&](Value group, Values &carried) {
      carried = loop(tiles, carried, [&](Value tile, Values &carried) {
        Value at = b.mul(tile, b.index(bytes));
        Value to = b.mul(tile, b.index(kFields * parts * bytes));
        for (int64_t i = 0; i < parts; ++i) {
          Value packed = read({bytes}, {b.index(i), group, at});
          for (int64_t f = 0; f < kFields; ++f)
            write(unpackField(b, packed, f), carried, group,
                  b.add(to, b.index((f * parts + i) * bytes)));
        }
      });
      Value behind = b.index(op.getLayout().getLayout().digitBytes());
      for (int64_t i = 0; i < parts; ++i) {
        Value scales = widenScales(
            b, op, layout,
            read({layout.tileRows() * layout.scaleBytes()},
                 {b.index(i), group, b.index(layout.digitBytes())}));
        write(b.bitcast(b.vectorOf(bytes, b.getI8Type()), scales), carried,
              group, b.add(behind, b.index(i * bytes)));
      }
    });
  }

  /// The bytes of four columns are interleaved; a digit of them is a tile of
  /// the result.
  Values fromContiguousColumns(const Codec &codec, Values carried) {
    return loop(columns / 4, carried, [&](Value step, Values &carried) {
      Value column = b.mul(step, b.index(4));
      Values four, digits;
      for (int64_t j = 0; j < 4; ++j)
        four.push_back(
            read({getVectorBytes()}, {b.add(column, b.index(j)), zero, zero}));
      for (int64_t quarter = 0; quarter < panel.vectors; ++quarter)
        digits.push_back(unpackDigit(
            b, splitBytes(b, codec, interleaveFour(b, four, quarter)),
            op.getFirst()));
      writeStep(digits, carried, step);
    });
  }

  /// Of four groups of five columns each digit gets a byte of its own; four
  /// columns are then interleaved. The last groups may be fewer, and end within
  /// a step.
  Values fromGroupsInLanes(const GroupsInLanes &from, Values carried) {
    int64_t digits = from.codec->wordDigits;
    auto grid = cast<ShapedType>(op.getWeight().getType());
    int64_t groups = grid.getDimSize(0) * from.groups, rest = groups % 4;
    auto convert = [&](Value four, int64_t count, Values &carried) {
      Values columns;
      for (int64_t i = 0; i < count; ++i)
        llvm::append_range(
            columns,
            unpackGroup(from, b.add(b.mul(four, b.index(4)), b.index(i))));
      Value none = b.constant(columns[0].getType(), int64_t(1)); // digit 0
      columns.resize(llvm::alignTo(columns.size(), 4), none);
      Value first = b.mul(four, b.index(digits));
      for (size_t at = 0; at < columns.size(); at += 4) {
        Values parts;
        for (int64_t quarter = 0; quarter < 4; ++quarter)
          parts.push_back(
              interleaveFour(b, ArrayRef(columns).slice(at, 4), quarter));
        writeStep(parts, carried, b.add(first, b.index(int64_t(at) / 4)));
      }
    };
    carried = loop(groups / 4, carried, [&](Value four, Values &carried) {
      convert(four, 4, carried);
    });
    if (rest)
      convert(b.index(groups / 4), rest, carried);
    return carried;
  }

  /// The digits of a group, a byte each. A vector of the weight is a tile of
  /// the result.
  Values unpackGroup(const GroupsInLanes &from, Value group) {
    int64_t bytes = from.lanes;
    Value vector = b.mul(b.rem(group, from.groups), b.index(from.vectors));
    Value at = b.mul(b.add(vector, op.getFirst()), b.index(bytes));
    Value rows = read({bytes}, {b.div(group, b.index(from.groups)), zero, at});
    rows = b.bitcast(b.vectorOf(panel.lanes, b.getI32Type()), rows);
    rows = b.shuffle(rows, rows, interleavable());
    rows = b.bitcast(b.vectorOf(bytes, b.getI8Type()), rows);
    FourAndOne split = splitBytes(b, *from.codec, rows);
    Values unpacked;
    for (int64_t digit = 0; digit < from.codec->wordDigits; ++digit)
      unpacked.push_back(unpackDigit(b, split, digit));
    return unpacked;
  }

  /// Words of 4L rows in the order of ContiguousColumns, whose quarters
  /// interleaving leaves in order.
  SmallVector<int64_t> interleavable() const {
    int64_t quarter = panel.lanes / 4;
    SmallVector<int64_t> words;
    for (int64_t word = 0; word < panel.lanes; ++word)
      words.push_back(word % 4 * quarter + word / 4);
    return words;
  }

  /// Words of four bytes of L rows change places: a square of L x L. Parts of
  /// many steps are made at a time, of none all.
  Values fromContiguousRows(const Codec &codec, Values carried) {
    int64_t lanes = panel.lanes, steps = codec.wordDigits * lanes;
    return loop(panel.vectors, carried, [&](Value vector, Values &carried) {
      Value row = b.mul(vector, b.index(lanes));
      Value byte = b.mul(vector, b.index(getVectorBytes()));
      int64_t tiles = columns / (4 * steps);
      carried = loop(tiles, carried, [&](Value tile, Values &carried) {
        Value square = read({lanes, getVectorBytes()}, {row, tile, zero});
        prefetchTile(b.add(row, b.index(lanes)), tile);
        Value step = b.mul(tile, b.index(steps));
        SmallVector<FourAndOne> words;
        for (Value word : transposeWords(b, square))
          words.push_back(splitBytes(b, codec, word));
        // The analysis of what is written in place takes time with the third
        // power of the number of writes.
        for (int64_t d = 0; d < codec.wordDigits; ++d) {
          Value digits =
              b.zero(VectorType::get({lanes, getVectorBytes()}, b.getI8Type()));
          for (int64_t j = 0; j < lanes; ++j)
            digits = b.withPart(digits, unpackDigit(b, words[j], d), {j});
          write(digits, carried, b.add(step, b.index(d * lanes)), byte);
        }
      });
    });
  }

  /// Of L rows: the processor does not see them coming. Those after the last
  /// ones are the next panel's.
  void prefetchTile(Value row, Value tile) {
    for (int64_t i = 0; i < panel.lanes; ++i)
      PrefetchOp::create(b, op.getWeight(),
                         ValueRange{b.add(row, b.index(i)), tile, zero},
                         getVectorBytes());
  }

  RepackOp op;
  KernelBuilder &b;
  PanelStep takeStep;
  Value zero;
  UnpackedRows panel;
  int64_t columns; // padded
};

struct BuildRepack : OpRewritePattern<RepackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RepackOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    if (type.getDimSize(0) != 1 || isa<scf::IfOp>(op->getParentOp()))
      return rewriter.notifyMatchFailure(
          op, "expected one tile of the result, repacked for all tokens");
    KernelBuilder b(op.getLoc(), rewriter);
    Value empty =
        tensor::EmptyOp::create(b, type.getShape(), type.getElementType());
    bool isGroups = !UnpackedRows::match(op.getLayout().getLayout());
    rewriter.replaceOp(op, isGroups
                               ? buildGroupsNest(op, b, empty)
                               : buildRepackNest(op, b, empty, {}, nullptr)[0]);
    return success();
  }
};

} // namespace

/// All of the weight.
static RepackOp createRepack(MatmulOp op, LayoutAttr panel,
                             RewriterBase &rewriter) {
  rewriter.setInsertionPoint(op);
  RankedTensorType from = op.getWeightTensorType();
  RankedTensorType type = RepackOp::getResultWeightType(from, panel);
  Value first = arith::ConstantIndexOp::create(rewriter, op.getLoc(), 0);
  return RepackOp::create(rewriter, op.getLoc(),
                          panel.getGridType(type.getShape()), op.getWeight(),
                          first, TypeAttr::get(from), panel);
}

void tern::repackWeight(MatmulOp op, LayoutAttr panel, RewriterBase &rewriter) {
  RepackOp repack = createRepack(op, panel, rewriter);
  RankedTensorType type =
      RepackOp::getResultWeightType(op.getWeightTensorType(), panel);
  rewriter.modifyOpInPlace(op, [&] {
    op.getWeightMutable().assign(repack.getResult());
    op.setWeightTypeAttr(TypeAttr::get(type));
  });
}

scf::ForallOp tern::repackBefore(MatmulOp op, LayoutAttr panel,
                                 RewriterBase &rewriter) {
  RepackOp repack = createRepack(op, panel, rewriter);
  scf::SCFTilingOptions options;
  options.setTileSizes({rewriter.getIndexAttr(1)});
  options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(
      rewriter, cast<TilingInterface>(repack.getOperation()), options);
  assert(succeeded(tiled) && "a tile is always a part of a repacked weight");
  rewriter.eraseOp(repack);
  return cast<scf::ForallOp>(tiled->loops.front());
}

Value tern::readTiles(KernelBuilder &b, RepackOp op, ArrayRef<int64_t> shape,
                      ValueRange at) {
  auto type = VectorType::get(shape, b.getI8Type());
  SmallVector<AffineExpr> results = {b.getAffineDimExpr(2)};
  if (shape.size() == 2)
    results.insert(results.begin(), b.getAffineDimExpr(0));
  auto map = AffineMap::get(3, 0, results, b.getContext());
  SmallVector<bool> inBounds(shape.size(), true);
  return vector::TransferReadOp::create(
      b, type, op.getWeight(), at, b.zero(b.getI8Type()),
      AffineMapAttr::get(map), b.getBoolArrayAttr(inBounds));
}

Value tern::repackFirst(KernelBuilder &b, RepackOp repack, Value first,
                        Value panel) {
  Value isFirst = b.compare(arith::CmpIPredicate::eq, first, b.index(0));
  auto either = scf::IfOp::create(
      b, isFirst,
      [&](OpBuilder &, Location) {
        Operation *again = b.clone(*repack);
        scf::YieldOp::create(b, again->getResult(0));
      },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, panel); });
  return either.getResult(0);
}

RepackOp tern::findFirstRepack(Value panel) {
  auto choice = panel.getDefiningOp<scf::IfOp>();
  return choice ? choice.thenYield().getOperand(0).getDefiningOp<RepackOp>()
                : RepackOp();
}

bool tern::mayRepackOnTheWay(RepackOp op, MicroKernelAttrInterface kernel) {
  Layout from = op.getWeightLayout().getLayout();
  return !from.hasScales() && !ContiguousRows::match(from) &&
         !GroupsInLanes::match(from) &&
         kernel.getTile().columns == op.getLayout().getLayout().tileColumns();
}

SmallVector<Value> tern::buildRepackNest(RepackOp op, KernelBuilder &b,
                                         Value panel, Value fragment,
                                         PanelStep takeStep) {
  Values carried = {panel};
  if (fragment)
    carried.push_back(fragment);
  return RepackNest(op, b, takeStep).build(carried);
}

void tern::populateRepackNestPatterns(RewritePatternSet &patterns) {
  patterns.add<BuildRepack>(patterns.getContext());
}
