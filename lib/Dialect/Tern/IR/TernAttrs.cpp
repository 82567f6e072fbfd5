//===- TernAttrs.cpp - Attributes of the tern dialect ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"

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
// TopKAttr
//===----------------------------------------------------------------------===//

LogicalResult TopKAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t keep) {
  if (keep < 1)
    return emitError() << "expected keep to be at least 1, got " << keep;
  return success();
}

//===----------------------------------------------------------------------===//
// LayoutAttr
//===----------------------------------------------------------------------===//

/// n:16@1
static ParseResult parsePart(AsmParser &parser, LayoutPart &part) {
  StringRef axis;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&axis))
    return failure();
  if (axis != "n" && axis != "k")
    return parser.emitError(loc, "expected n (rows) or k (columns), got ")
           << axis;
  part.axis = axis == "n" ? Axis::Row : Axis::Column;
  // `@` and digits lex as a symbol name only if quoted, so the stride is
  // written after a second colon: n:16:1.
  return failure(parser.parseColon() || parser.parseInteger(part.size) ||
                 parser.parseColon() || parser.parseInteger(part.stride));
}

static void printPart(AsmPrinter &printer, const LayoutPart &part) {
  printer << (part.axis == Axis::Row ? "n" : "k") << ':' << part.size << ':'
          << part.stride;
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  Layout layout;
  StringRef codec, outer;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&codec) ||
      parser.parseComma() || parser.parseKeyword(&outer) ||
      parser.parseComma() || parsePart(parser, layout.field) ||
      parser.parseComma() ||
      parser.parseCommaSeparatedList(
          AsmParser::Delimiter::Square,
          [&] { return parsePart(parser, layout.bytes.emplace_back()); }) ||
      parser.parseGreater())
    return {};
  if (codec != "b2") {
    parser.emitError(loc, "expected codec b2, got ") << codec;
    return {};
  }
  if (outer != "rows" && outer != "columns") {
    parser.emitError(loc, "expected rows or columns, got ") << outer;
    return {};
  }
  layout.outer = outer == "rows" ? Axis::Row : Axis::Column;
  std::string error = layout.verify();
  if (!error.empty()) {
    parser.emitError(loc, error);
    return {};
  }
  return LayoutAttr::get(parser.getContext(), layout);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  const Layout &layout = getLayout();
  printer << "<b2, " << (layout.outer == Axis::Row ? "rows" : "columns")
          << ", ";
  printPart(printer, layout.field);
  printer << ", [";
  llvm::interleaveComma(layout.bytes, printer.getStream(),
                        [&](const LayoutPart &part) { printPart(printer, part); });
  printer << "]>";
}

LogicalResult LayoutAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  if (!isa<TritType>(elementType))
    return emitError() << "expected elements of type !tern.trit under a layout, "
                          "got "
                       << elementType;
  if (shape.size() != 2 || ShapedType::isDynamicShape(shape))
    return emitError() << "expected a static matrix under a layout, got rank "
                       << shape.size();
  return success();
}

int64_t LayoutAttr::getStorageBytes(ArrayRef<int64_t> shape) const {
  return getLayout().storageBytes(shape[0], shape[1]);
}

uint64_t LayoutAttr::getFingerprint() const {
  return getLayout().fingerprint();
}

//===----------------------------------------------------------------------===//
// TargetAttr, ModelAttr
//===----------------------------------------------------------------------===//

/// The attribute `name` of the closest module around `op`.
template <typename AttrT>
static AttrT lookupOnModule(Operation *op, StringRef name) {
  for (; op; op = op->getParentOp())
    if (auto attr = op->getAttrOfType<AttrT>(name))
      return attr;
  return {};
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

ModelAttr ModelAttr::lookup(Operation *op) {
  return lookupOnModule<ModelAttr>(op, TernDialect::kModelAttr);
}
