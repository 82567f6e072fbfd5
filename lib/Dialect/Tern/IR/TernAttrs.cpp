//===- TernAttrs.cpp - Attributes of the tern dialect ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/Codec.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;

llvm::hash_code tern::hash_value(const Layout &layout) {
  return llvm::hash_value(layout.str());
}

#include "tern/Dialect/Tern/IR/TernEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Dialect/Tern/IR/TernAttrs.cpp.inc"

void TernDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Dialect/Tern/IR/TernAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// ActQuantAttr, TopKAttr
//===----------------------------------------------------------------------===//

/// Fewer features would share next to nothing.
static constexpr int64_t kSmallestBlock = 4;

LogicalResult ActQuantAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   ActScheme scheme, int64_t block) {
  if (block && block < kSmallestBlock)
    return emitError() << "expected a block of at least " << kSmallestBlock
                       << " features, got " << block;
  if (block && scheme == ActScheme::Float32)
    return emitError() << "expected no block under f32, which has no factors, "
                          "got "
                       << block;
  return success();
}

ArrayRef<int64_t> ActQuantAttr::getCodeRange() const {
  static constexpr int64_t int8[] = {-128, 127}, int4[] = {-8, 7},
                           fp4[] = {-12, 12};
  switch (getScheme()) {
  case ActScheme::Int8AbsMax:
    return int8;
  case ActScheme::Int4AbsMean:
    return int4;
  case ActScheme::Fp4E2M1:
    return fp4;
  case ActScheme::Float32:
    return {};
  }
  llvm_unreachable("all schemes are handled");
}

LogicalResult TopKAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t keep) {
  if (keep < 1)
    return emitError() << "expected keep to be at least 1, got " << keep;
  return success();
}

//===----------------------------------------------------------------------===//
// LayoutAttr
//===----------------------------------------------------------------------===//

/// n:16:1
static ParseResult parsePart(AsmParser &parser, LayoutPart &part) {
  StringRef axis;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&axis))
    return failure();
  if (axis != "n" && axis != "k" && axis != "b")
    return parser.emitError(loc, "expected n (rows), k (columns) or b (bytes "
                                 "of a word), got ")
           << axis;
  part.axis = axis == "n" ? Axis::Row : axis == "k" ? Axis::Column : Axis::Byte;
  return failure(parser.parseColon() || parser.parseInteger(part.size) ||
                 parser.parseColon() || parser.parseInteger(part.stride));
}

/// [n:16:1, k:4:1]
static ParseResult parseParts(AsmParser &parser, std::vector<LayoutPart> &parts,
                              AsmParser::Delimiter delimiter) {
  return parser.parseCommaSeparatedList(
      delimiter, [&] { return parsePart(parser, parts.emplace_back()); });
}

/// k:4:4, or a list
static ParseResult parseDigits(AsmParser &parser,
                               std::vector<LayoutPart> &digits) {
  if (parseParts(parser, digits, AsmParser::Delimiter::OptionalSquare))
    return failure();
  return digits.empty() ? parsePart(parser, digits.emplace_back()) : success();
}

/// Nothing, or `, f16`.
static ParseResult parseScales(AsmParser &parser, ScaleFormat &scales) {
  if (failed(parser.parseOptionalComma()))
    return success();
  StringRef format;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&format))
    return failure();
  if (format != "f16" && format != "f32")
    return parser.emitError(loc, "expected f16 or f32, the format of scales, "
                                 "got ")
           << format;
  scales = format == "f16" ? ScaleFormat::F16 : ScaleFormat::F32;
  return success();
}

static std::string codecNames() {
  return llvm::join(llvm::map_range(allCodecs(),
                                    [](const Codec *codec) {
                                      return StringRef(codec->name);
                                    }),
                    ", ");
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  Layout layout;
  StringRef codec, outer;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&codec) ||
      parser.parseComma() || parser.parseKeyword(&outer) ||
      parser.parseComma() || parseDigits(parser, layout.digits) ||
      parser.parseComma() ||
      parseParts(parser, layout.bytes, AsmParser::Delimiter::Square) ||
      parseScales(parser, layout.scales) || parser.parseGreater())
    return {};
  layout.codec = findCodec(codec);
  if (!layout.codec) {
    parser.emitError(loc, "expected one of the codecs ")
        << codecNames() << ", got " << codec;
    return {};
  }
  if (outer != "rows" && outer != "columns") {
    parser.emitError(loc, "expected rows or columns, got ") << outer;
    return {};
  }
  layout.outer = outer == "rows" ? Axis::Row : Axis::Column;
  return parser.getChecked<LayoutAttr>(loc, parser.getContext(), layout);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << '<' << getLayout().str() << '>';
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Layout layout) {
  std::string error = layout.verify();
  if (!error.empty())
    return emitError() << error;
  return success();
}

LogicalResult
LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                           function_ref<InFlightDiagnostic()> emitError) const {
  const Codec &codec = *getLayout().codec;
  const DigitFields &fields = codec.fields;
  Type expected = TritType::get(getContext());
  if (fields.isInteger)
    expected = IntegerType::get(getContext(), fields.bits);
  if (elementType != expected)
    return emitError() << "expected elements of type " << expected
                       << " under a layout of codec " << codec.name << ", got "
                       << elementType;
  if (shape.size() != 2)
    return emitError() << "expected a matrix under a layout, got rank "
                       << shape.size();
  if (ShapedType::isDynamicShape(shape))
    return emitError() << "expected a static shape under a layout, got an "
                          "unknown size";
  return success();
}

int64_t LayoutAttr::getStorageBytes(ArrayRef<int64_t> shape) const {
  return getLayout().storageBytes(shape[0], shape[1]);
}

RankedTensorType LayoutAttr::getGridType(ArrayRef<int64_t> shape) const {
  return RankedTensorType::get(getLayout().gridShape(shape[0], shape[1]),
                               IntegerType::get(getContext(), 8));
}

uint64_t LayoutAttr::getFingerprint() const {
  return getLayout().fingerprint();
}

//===----------------------------------------------------------------------===//
// TargetAttr, ModelAttr
//===----------------------------------------------------------------------===//

/// The attribute `name` of the closest operation around `op` that has it.
template <typename AttrT>
static AttrT lookupOnModule(Operation *op, StringRef name) {
  for (; op; op = op->getParentOp())
    if (auto attr = op->getAttrOfType<AttrT>(name))
      return attr;
  return {};
}

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef triple, StringRef cpu,
                                 StringRef features) {
  if (triple.empty())
    return emitError() << "expected a triple, got an empty string";
  SmallVector<StringRef> entries;
  features.split(entries, ',', -1, /*KeepEmpty=*/false);
  for (StringRef entry : entries)
    if (entry.size() < 2 || (entry.front() != '+' && entry.front() != '-'))
      return emitError() << "expected each feature to be a name after + or -, "
                            "got `"
                         << entry << "`";
  return success();
}

bool TargetAttr::hasFeature(StringRef feature) const {
  SmallVector<StringRef> features;
  getFeatures().split(features, ',', -1, /*KeepEmpty=*/false);
  // The last mention of a feature decides, as in LLVM.
  for (StringRef entry : llvm::reverse(features))
    if (entry.drop_front() == feature)
      return entry.front() == '+';
  return false;
}

const Target *TargetAttr::getTarget() const {
  auto *dialect = getContext()->getLoadedDialect<TernDialect>();
  return dialect ? dialect->lookupTarget(*this) : nullptr;
}

TargetAttr TargetAttr::lookup(Operation *op) {
  return lookupOnModule<TargetAttr>(op, TernDialect::kTargetAttr);
}

LogicalResult ModelAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                StringRef name, int64_t vocab, int64_t hidden,
                                int64_t layers, int64_t maxContext) {
  if (name.empty())
    return emitError() << "expected a name, got an empty string";
  for (auto [what, size] :
       {std::pair("vocab", vocab), std::pair("hidden", hidden),
        std::pair("layers", layers), std::pair("max_context", maxContext)})
    if (size < 1)
      return emitError() << "expected " << what << " to be positive, got "
                         << size;
  return success();
}

ModelAttr ModelAttr::lookup(Operation *op) {
  return lookupOnModule<ModelAttr>(op, TernDialect::kModelAttr);
}
