//===- MicroKernels.cpp - Register tiles: attributes and operations -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ProductShape.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"

using namespace mlir;
using namespace tern;

#include "tern/Dialect/Tern/IR/MicroKernelInterfaces.cpp.inc"

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

using EmitError = function_ref<InFlightDiagnostic()>;

static LogicalResult
verifyPositive(EmitError emitError,
               ArrayRef<std::pair<StringRef, int64_t>> sizes) {
  for (auto [name, size] : sizes)
    if (size < 1)
      return emitError() << "expected " << name << " to be at least 1, got "
                         << size;
  return success();
}

LogicalResult RowsInLanesAttr::verify(EmitError emitError,
                                      DotProductAttrInterface, int64_t vectors,
                                      int64_t tokens, int64_t first,
                                      int64_t tile) {
  if (failed(verifyPositive(emitError,
                            {{"vectors", vectors}, {"tokens", tokens}})))
    return failure();
  int64_t all = tile ? tile : vectors;
  if (first < 0 || first >= all || all % vectors || first % vectors)
    return emitError() << "expected a part of " << tile
                       << " vectors, from a multiple of their number on, got "
                       << vectors << " from " << first;
  return success();
}

LogicalResult UnpackedRowsAttr::verify(EmitError emitError,
                                       DotProductAttrInterface, int64_t vectors,
                                       int64_t tokens) {
  return verifyPositive(emitError, {{"vectors", vectors}, {"tokens", tokens}});
}

LogicalResult NarrowRowsAttr::verify(EmitError emitError, int64_t rows,
                                     int64_t tokens) {
  return verifyPositive(emitError, {{"rows", rows}, {"tokens", tokens}});
}

Layout NarrowRowsAttr::getTileLayout() const {
  return GroupsInLanes{&codecs::b2, Axis::Row, /*groups=*/1, /*vectors=*/1,
                       getRows()}
      .layout();
}

/// Of a byte: fields of codec b2 or a group of s5.
static LogicalResult verifyDigits(EmitError emitError, int64_t digits) {
  if (digits == 4 || digits == 5)
    return success();
  return emitError() << "expected 4 or 5 digits a byte, got " << digits;
}

LogicalResult ContiguousRowsAttr::verify(EmitError emitError,
                                         DotProductAttrInterface, int64_t rows,
                                         int64_t tokens, int64_t digits) {
  if (failed(verifyDigits(emitError, digits)))
    return failure();
  return verifyPositive(emitError, {{"rows", rows}, {"tokens", tokens}});
}

LogicalResult IntegerRowsAttr::verify(EmitError emitError,
                                      DotProductAttrInterface, int64_t bits,
                                      int64_t rows, int64_t tokens,
                                      int64_t vectors) {
  if (bits != 8 && bits != 6 && bits != 4 && bits != 2)
    return emitError() << "expected 8, 6, 4 or 2 bits, got " << bits;
  int64_t perWord = bits == 4 ? 2 : 4;
  if (bits != 8 && vectors != perWord)
    return emitError() << "expected " << perWord << " vectors of " << bits
                       << " bits, as many as a word has integers, got "
                       << vectors;
  return verifyPositive(
      emitError, {{"rows", rows}, {"tokens", tokens}, {"vectors", vectors}});
}

LogicalResult ContiguousColumnsAttr::verify(EmitError emitError,
                                            DotProductAttrInterface,
                                            int64_t first, int64_t quarters,
                                            int64_t tokens, int64_t digits) {
  if (failed(verifyDigits(emitError, digits)))
    return failure();
  if (first < 0 || quarters < 1 || 4 % quarters || first % quarters ||
      first >= 4)
    return emitError() << "expected 1, 2 or 4 quarters from a multiple of "
                          "their number on, got "
                       << quarters << " from " << first;
  return verifyPositive(emitError, {{"tokens", tokens}});
}

/// Of kernels that look groups of digits up.
static LogicalResult verifyGroups(EmitError emitError, int64_t lanes,
                                  int64_t vectors, int64_t groups,
                                  int64_t planes, int64_t tokens,
                                  int64_t stepGroups) {
  if (lanes % 2)
    return emitError() << "expected an even number of lanes, got " << lanes;
  if (groups % stepGroups)
    return emitError() << "expected a multiple of " << stepGroups
                       << " groups, the groups of a step, got " << groups;
  if (planes > 2)
    return emitError() << "expected 1 or 2 planes, got " << planes;
  return verifyPositive(emitError, {{"lanes", lanes},
                                    {"vectors", vectors},
                                    {"groups", groups},
                                    {"planes", planes},
                                    {"tokens", tokens}});
}

/// Of groups of two digits a byte holds the sums of twice as many.
static int64_t groupsOfStep(StringRef codec) {
  return codec == codecs::n2.name ? 6 : 3;
}

LogicalResult LookupGroupsAttr::verify(EmitError emitError, int64_t lanes,
                                       int64_t vectors, int64_t groups,
                                       int64_t planes, int64_t tokens,
                                       StringRef codec) {
  const Codec *const known[] = {&codecs::s5, &codecs::t2, &codecs::t4,
                                &codecs::n2};
  if (!llvm::is_contained(known, findCodec(codec)))
    return emitError() << "expected codec s5, t2, t4 or n2, got " << codec;
  return verifyGroups(emitError, lanes, vectors, groups, planes, tokens,
                      groupsOfStep(codec));
}

int64_t LookupGroupsAttr::getStepGroups() const {
  return groupsOfStep(getCodec());
}

Layout LookupGroupsAttr::getTileLayout() const {
  const Codec *codec = findCodec(getCodec());
  if (codec == &codecs::s5 || codec == &codecs::t2)
    return GroupsInLanes{codec, Axis::Column, getGroups(), getVectors(),
                         getLanes()}
        .layout();
  return GroupsInLanes{codec, Axis::Row, getStepGroups(), getVectors(),
                       getLanes()}
      .layout();
}

LogicalResult LookupWordsAttr::verify(EmitError emitError, int64_t lanes,
                                      int64_t vectors, int64_t groups,
                                      int64_t planes, int64_t tokens) {
  if (planes > 2)
    return emitError() << "expected 1 or 2 planes, got " << planes;
  return verifyPositive(emitError, {{"lanes", lanes},
                                    {"vectors", vectors},
                                    {"groups", groups},
                                    {"planes", planes},
                                    {"tokens", tokens}});
}

Layout LookupWordsAttr::getTileLayout() const {
  return GroupsInLanes{&codecs::t3p5, Axis::Column, getGroups(), getVectors(),
                       getLanes()}
      .layout();
}

LogicalResult ListedGroupsAttr::verify(EmitError emitError, int64_t lanes,
                                       int64_t vectors, int64_t groups,
                                       int64_t planes, int64_t tokens) {
  return verifyGroups(emitError, lanes, vectors, groups, planes, tokens,
                      /*stepGroups=*/3);
}

Layout ListedGroupsAttr::getTileLayout() const {
  return GroupsInLanes{&codecs::t4, Axis::Row, /*groups=*/1, getVectors(),
                       getLanes()}
      .layout();
}

LogicalResult DigitByDigitAttr::verify(EmitError emitError, LayoutAttr,
                                       int64_t tokens) {
  return verifyPositive(emitError, {{"tokens", tokens}});
}

LogicalResult Int8ByInt8Attr::verify(EmitError emitError, int64_t tokens) {
  return verifyPositive(emitError, {{"tokens", tokens}});
}

LogicalResult StrategyAttr::verify(EmitError emitError,
                                   ArrayRef<Attribute> kernels, int64_t units,
                                   int64_t prefetch, LayoutAttr panel) {
  if (units < 1 || prefetch < 0)
    return emitError() << "expected at least one unit and no negative "
                          "prefetch, got "
                       << units << " and " << prefetch;
  if (kernels.empty())
    return emitError() << "expected at least one kernel, got none";
  int64_t before = 0;
  for (Attribute attr : kernels) {
    auto kernel = dyn_cast<MicroKernelAttrInterface>(attr);
    if (!kernel)
      return emitError() << "expected micro kernels, got " << attr;
    int64_t tokens = kernel.getTile().tokens;
    if (before && tokens >= before)
      return emitError() << "expected kernels for falling numbers of tokens, "
                            "got one for "
                         << tokens << " after one for " << before;
    if (panel && !kernel.reads(panel.getLayout()))
      return emitError() << "expected kernels that read the panel, got "
                         << attr;
    before = tokens;
  }
  // Codes that are prepared may be those of one token twice.
  auto last = cast<MicroKernelAttrInterface>(kernels.back());
  bool needsAll = !last.storesSums() && !last.getPreparation().steps;
  if (before > 1 && needsAll)
    return emitError() << "expected the last kernel to take one token, got one "
                          "that takes "
                       << before;
  return success();
}

MicroKernelAttrInterface StrategyAttr::getKernel(unsigned i) const {
  return cast<MicroKernelAttrInterface>(getKernels()[i]);
}

StringRef MatmulOp::getReasonAgainst(StrategyAttr strategy) {
  return ProductShape::of(*this).getReasonAgainst(strategy);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static LogicalResult expectType(Operation *op, StringRef name, Type expected,
                                Type got) {
  if (expected == got)
    return success();
  return op->emitOpError("expected ") << name << " of type " << expected
                                      << ", as the kernel has, got " << got;
}

LogicalResult MicroBeginOp::verify() {
  return expectType(*this, "sums", getKernel().getFragmentType(), getType());
}

LogicalResult MicroPrepareOp::verify() {
  if (failed(expectType(*this, "codes", getKernel().getCodesType(),
                        getCodes().getType())))
    return failure();
  return expectType(*this, "results", getKernel().getPreparedType(), getType());
}

LogicalResult MicroOp::verify() {
  MicroKernelAttrInterface kernel = getKernel();
  if (failed(expectType(*this, "codes", kernel.getPreparedType(),
                        getCodes().getType())))
    return failure();
  SmallVector<VectorType> weights = kernel.getWeightTypes();
  if (getWeights().size() != weights.size())
    return emitOpError("expected ")
           << weights.size()
           << " vectors of a weight, as the kernel takes, got "
           << getWeights().size();
  for (auto [expected, got] : llvm::zip(weights, getWeights().getTypes()))
    if (failed(expectType(*this, "a weight", expected, got)))
      return failure();
  if (getType() == kernel.getNarrowType())
    return success();
  return expectType(*this, "sums", kernel.getFragmentType(), getType());
}

LogicalResult MicroWidenOp::verify() {
  MicroKernelAttrInterface kernel = getKernel();
  if (!kernel.getNarrowType())
    return emitOpError("expected a kernel that has narrow sums, got ")
           << kernel;
  if (failed(expectType(*this, "narrow sums", kernel.getNarrowType(),
                        getNarrow().getType())))
    return failure();
  return expectType(*this, "sums", kernel.getFragmentType(), getType());
}

LogicalResult MicroFinishOp::verify() {
  if (getKernel().storesSums())
    return emitOpError("expected a kernel whose sums are not stored where they "
                       "are, got ")
           << getKernel();
  if (failed(expectType(*this, "sums", getKernel().getFragmentType(),
                        getFragment().getType())))
    return failure();
  return expectType(*this, "results", getKernel().getSumsType(), getType());
}

/// Reads what lies in memory.
void MicroScaleOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
}

LogicalResult MicroScaleOp::verify() {
  MicroKernelAttrInterface kernel = getKernel();
  VectorType total = kernel.getTotalType();
  if (!total)
    return emitOpError("expected a kernel that stores sums, got ") << kernel;
  if (failed(expectType(*this, "sums", kernel.getFragmentType(),
                        getFragment().getType())))
    return failure();
  return expectType(*this, "scaled sums", total, getTotal().getType());
}

MutableOperandRange MicroStoreOp::getDpsInitsMutable() {
  return getInitMutable();
}

void MicroStoreOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(isDpsInit(&operand)
                               ? static_cast<MemoryEffects::Effect *>(
                                     MemoryEffects::Write::get())
                               : MemoryEffects::Read::get(),
                           &operand);
}

YieldOp MicroStoreOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

LogicalResult MicroStoreOp::verify() {
  MicroKernelAttrInterface kernel = getKernel();
  auto fragment = cast<VectorType>(getFragment().getType());
  if (fragment != kernel.getTotalType() &&
      failed(expectType(*this, "sums", kernel.getFragmentType(), fragment)))
    return failure();
  auto type = cast<ShapedType>(getInit().getType());
  MicroTile tile = kernel.getTile();
  if (type.getRank() != 2 || type.getDimSize(1) != tile.rows ||
      (!type.isDynamicDim(0) && type.getDimSize(0) > tile.tokens))
    return emitOpError("expected a destination of the kernel's ")
           << tile.rows << " rows and up to " << tile.tokens << " tokens, got "
           << type;
  if (getMaps().size() != getInputs().size())
    return emitOpError("expected a map for each of ")
           << getInputs().size() << " inputs, got " << getMaps().size();
  SmallVector<Type> expected = {fragment.getElementType()};
  for (Type input : getInputs().getTypes())
    expected.push_back(cast<ShapedType>(input).getElementType());
  if (TypeRange(getBody().getArgumentTypes()) != TypeRange(expected))
    return emitOpError("expected a body that takes a sum and an element of "
                       "each input");
  return expectType(*this, "elements", type.getElementType(),
                    getYield().getValue().getType());
}

/// Reads nothing that anyone could see, but must not be dropped.
void PrefetchOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getWeightMutable());
  effects.emplace_back(MemoryEffects::Write::get());
}
