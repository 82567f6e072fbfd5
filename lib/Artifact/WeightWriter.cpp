//===- lib/Artifact/WeightWriter.cpp - Weights from checkpoint to artifact ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/WeightWriter.h"

#include "WeightValues.h"
#include "tern/Dialect/Tern/IR/LayerKinds.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/Packer.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"

using namespace llvm;
using mlir::ModuleOp;
using mlir::RankedTensorType;

namespace tern {

static_assert(endianness::native == endianness::little,
              "an artifact is little endian and is written as it lies here");

namespace {

/// Values converted at a time.
constexpr int64_t chunkValues = 1 << 20;

template <typename T> ArrayRef<uint8_t> asBytes(ArrayRef<T> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(T)};
}

Error weightError(WeightOp weight, const Twine &message) {
  return createStringError("weight @" + weight.getSymName() + ": " + message);
}

/// One place in the section that a weight fills: the weight of one layer.
struct Instance {
  WeightOp weight;
  int64_t layer;
  uint64_t offset, bytes;
};

class Writer {
public:
  Writer(ModuleOp module, const Checkpoint &checkpoint, AtomicFile &out,
         uint64_t start, WeightProgress progress)
      : module(module), checkpoint(checkpoint), out(out), start(start),
        progress(progress) {}

  Error write() {
    if (Error error = plan())
      return error;
    uint64_t done = 0;
    // Scales last: they are by-products of the matrices they belong to.
    for (bool scales : {false, true})
      for (const Instance &instance : instances) {
        if (isScale(instance.weight) != scales)
          continue;
        if (Error error = writeOne(instance))
          return error;
        done += instance.bytes;
        if (progress)
          progress(done, total);
      }
    if (progress) // what lies between weights counts too
      progress(total, total);
    return out.pad(start + total);
  }

private:
  static bool isScale(WeightOp weight) {
    return weight.getEncoding() == WeightEncoding::Scale ||
           weight.getEncoding() == WeightEncoding::IntegerScales ||
           weight.getEncoding() == WeightEncoding::LowerNorms;
  }

  Expected<int64_t> attribute(StringRef name) {
    if (auto value = module->getAttrOfType<mlir::IntegerAttr>(name))
      return value.getValue().getSExtValue();
    return createStringError("the module has no attribute " + name +
                             "; weights are planned by tern-plan-weights");
  }

  /// Finds all instances and checks that none leaves the section or lies on
  /// another.
  Error plan() {
    Expected<int64_t> bytes = attribute(TernDialect::kWeightsBytesAttr);
    if (!bytes)
      return bytes.takeError();
    Expected<int64_t> stride = attribute(TernDialect::kLayerStrideAttr);
    if (!stride)
      return stride.takeError();
    total = static_cast<uint64_t>(*bytes);
    for (WeightOp weight : module.getOps<WeightOp>())
      if (Error error = addInstances(weight, *stride))
        return error;
    sort(instances, [](const Instance &a, const Instance &b) {
      return a.offset < b.offset;
    });
    uint64_t end = 0;
    for (const Instance &instance : instances) {
      if (instance.offset < end)
        return weightError(instance.weight, "lies on another weight");
      end = instance.offset + instance.bytes;
    }
    if (end > total)
      return weightError(instances.back().weight,
                         "ends behind the weights section");
    return Error::success();
  }

  Error addInstances(WeightOp weight, int64_t stride) {
    if (!weight.getOffset())
      return weightError(weight, "has no offset; weights are planned by "
                                 "tern-plan-weights");
    auto type = cast<RankedTensorType>(weight.getType());
    auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
    if (needsLayout(type.getElementType()) && !layout)
      return weightError(weight, "has no layout");
    int64_t bytes =
        layout ? layout.getStorageBytes(type.getShape())
               : type.getNumElements() * type.getElementTypeBitWidth() / 8;
    auto add = [&](int64_t layer, int64_t index) {
      instances.push_back({weight, layer,
                           static_cast<uint64_t>(*weight.getOffset()) +
                               static_cast<uint64_t>(index * stride),
                           static_cast<uint64_t>(bytes)});
    };
    if (!weight.getKind()) {
      int64_t layers =
          weight.getPerLayer() ? checkpoint.config().layerCount : 1;
      for (int64_t layer = 0; layer < layers; ++layer)
        add(layer, layer);
      return Error::success();
    }
    stride = weight.getStride().value_or(0);
    LayerKinds kinds = LayerKinds::of(module);
    if (!llvm::is_contained(kinds.names(), *weight.getKind()))
      return weightError(weight, "is of the kind " + *weight.getKind() +
                                     ", which no layer has");
    for (auto [number, layer] : llvm::enumerate(kinds.layers()))
      if (kinds.names()[layer.kind] == *weight.getKind())
        add(number, layer.index);
    return Error::success();
  }

  Error put(uint64_t offset, ArrayRef<uint8_t> bytes) {
    return out.writeAt(start + offset, bytes);
  }

  Error writeOne(Instance instance) {
    switch (instance.weight.getEncoding()) {
    case WeightEncoding::Values:
      return writeValues(instance);
    case WeightEncoding::Digits:
      return writeDigits(instance);
    case WeightEncoding::Scale:
      return writeScales(instance);
    case WeightEncoding::IntegerRows:
    case WeightEncoding::UpperBits:
    case WeightEncoding::LowerBits:
      return writeIntegers(instance);
    case WeightEncoding::IntegerScales:
      return writeOfRows(instance, rowScales);
    case WeightEncoding::LowerNorms:
      return writeOfRows(instance, lowerNorms);
    case WeightEncoding::RopeCos:
    case WeightEncoding::RopeSin:
      return writeRope(instance);
    }
    llvm_unreachable("all encodings are covered");
  }

  static RankedTensorType typeOf(Instance instance) {
    return cast<RankedTensorType>(instance.weight.getType());
  }

  /// Names of the tensors the instance is made of.
  static SmallVector<std::string> sourcesOf(Instance instance) {
    SmallVector<std::string> names;
    for (StringRef name :
         instance.weight.getSources().getAsValueRange<mlir::StringAttr>())
      names.push_back(Checkpoint::atLayer(name, instance.layer));
    return names;
  }

  Expected<const TensorEntry *> entry(Instance instance, StringRef name) {
    if (const TensorEntry *found = checkpoint.files().find(name))
      return found;
    return weightError(instance.weight,
                       "the checkpoint has no tensor '" + name + "'");
  }

  Error writeValues(Instance instance);
  Error writeValues(Instance instance, const std::string &name, int64_t count,
                    uint64_t &end);
  Error writeDigits(Instance instance);
  Expected<std::vector<float>> scalesOf(Instance instance, ScaleShape shape,
                                        bool areHalf);
  Error packScalesOf(Instance instance, const Layout &layout,
                     std::vector<uint8_t> &packed);
  Error writeScales(Instance instance);
  Error writeIntegers(Instance instance);
  Error writeOfRows(Instance instance,
                    const StringMap<std::vector<float>> &numbers);
  Error writeRope(Instance instance);
  Expected<std::string> matrixOf(Instance instance, ArrayRef<int64_t> shape);

  ModuleOp module;
  const Checkpoint &checkpoint;
  AtomicFile &out;
  uint64_t start, total = 0;
  WeightProgress progress;
  std::vector<Instance> instances;
  StringMap<float> alphas; ///< by tensor that has one scale
  /// By tensor, one for each row.
  StringMap<std::vector<float>> rowScales, lowerNorms;
};

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

/// All sources one after the other, along rows.
Error Writer::writeValues(Instance instance) {
  ArrayRef<int64_t> shape = typeOf(instance).getShape();
  uint64_t end = instance.offset;
  int64_t rows = 0;
  for (const std::string &name : sourcesOf(instance)) {
    Expected<const TensorEntry *> found = entry(instance, name);
    if (!found)
      return found.takeError();
    ArrayRef<int64_t> part = (*found)->shape;
    rows += part.empty() ? 0 : part[0];
    if (part.size() != shape.size() || rows > shape[0] ||
        part.drop_front() != shape.drop_front())
      return weightError(instance.weight, "does not have the shape of '" +
                                              name + "', " +
                                              (*found)->describe());
    if (Error error = writeValues(instance, name,
                                  mlir::ShapedType::getNumElements(part), end))
      return error;
  }
  if (rows == shape[0])
    return Error::success();
  return weightError(instance.weight, "its sources have " + Twine(rows) +
                                          " rows, not " + Twine(shape[0]));
}

Error Writer::writeValues(Instance instance, const std::string &name,
                          int64_t count, uint64_t &end) {
  Expected<DType> stored = checkpoint.floatType(name);
  if (!stored)
    return stored.takeError();
  mlir::Type element = typeOf(instance).getElementType();
  bool same = (*stored == DType::F32 && element.isF32()) ||
              (*stored == DType::F16 && element.isF16()) ||
              (*stored == DType::BF16 && element.isBF16());
  if (!same && !element.isF32())
    return weightError(instance.weight, "cannot be made of '" + name +
                                            "', which is " + toString(*stored));
  int64_t size = element.getIntOrFloatBitWidth() / 8;
  std::vector<float> chunk(std::min(chunkValues, count));
  for (int64_t done = 0; done < count; done += chunkValues) {
    int64_t now = std::min(chunkValues, count - done);
    Error error = same ? checkpoint.readRaw(name, done, now, chunk.data())
                       : checkpoint.readFloats(name, done, now, chunk.data());
    if (error)
      return error;
    ArrayRef<uint8_t> bytes = asBytes(ArrayRef(chunk)).take_front(now * size);
    if (Error error = put(end, bytes))
      return error;
    end += bytes.size();
  }
  return Error::success();
}

Error Writer::writeDigits(Instance instance) {
  RankedTensorType type = typeOf(instance);
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  std::vector<int8_t> digits(static_cast<size_t>(rows * columns));
  int64_t row = 0;
  for (const std::string &name : sourcesOf(instance)) {
    Expected<const TensorEntry *> found = entry(instance, name);
    if (!found)
      return found.takeError();
    Expected<int64_t> more = checkpoint.ternaryRows(name);
    if (!more)
      return more.takeError();
    if ((*found)->shape[1] != columns || *more > rows - row)
      return weightError(instance.weight, "'" + name + "', " +
                                              (*found)->describe() +
                                              ", does not fit in");
    Scales scales;
    if (Error error =
            checkpoint.readDigits(name, digits.data() + row * columns, scales))
      return error;
    // Those of a file are read again: a good part of a model, if kept.
    if (scales.values.size() == 1)
      alphas[name] = scales.values[0];
    row += *more;
  }
  if (row != rows)
    return weightError(instance.weight, "its sources have " + Twine(row) +
                                            " rows, not " + Twine(rows));
  const Layout &layout = cast<LayoutAttr>(type.getEncoding()).getLayout();
  std::vector<uint8_t> packed(instance.bytes);
  packDigits(layout, digits.data(), rows, columns, packed.data());
  if (layout.hasScales())
    if (Error error = packScalesOf(instance, layout, packed))
      return error;
  return put(instance.offset, packed);
}

Expected<std::vector<float>> Writer::scalesOf(Instance instance,
                                              ScaleShape shape, bool areHalf) {
  Expected<std::vector<float>> scales =
      gatherScales(checkpoint, alphas, sourcesOf(instance), shape);
  if (!scales)
    return weightError(instance.weight, toString(scales.takeError()));
  if (areHalf)
    if (Error error = fitHalves(*scales, shape.groups))
      return weightError(instance.weight, toString(std::move(error)));
  return scales;
}

/// Those that are stored with the digits in `packed`.
Error Writer::packScalesOf(Instance instance, const Layout &layout,
                           std::vector<uint8_t> &packed) {
  RankedTensorType type = typeOf(instance);
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  Expected<std::vector<float>> scales =
      scalesOf(instance, {rows, columns / layout.tileColumns()},
               layout.scales == ScaleFormat::F16);
  if (!scales)
    return scales.takeError();
  packScales(layout, scales->data(), rows, columns, packed.data());
  return Error::success();
}

Error Writer::writeScales(Instance instance) {
  RankedTensorType type = typeOf(instance);
  int64_t groups = type.getRank() == 2 ? type.getDimSize(1) : 1;
  bool areHalf = type.getElementType().isF16();
  Expected<std::vector<float>> scales =
      scalesOf(instance, {type.getDimSize(0), groups}, areHalf);
  if (!scales)
    return scales.takeError();
  if (!areHalf)
    return put(instance.offset, asBytes(ArrayRef(*scales)));
  std::vector<uint16_t> halves;
  for (float scale : *scales)
    halves.push_back(floatToHalf(scale));
  return put(instance.offset, asBytes(ArrayRef(halves)));
}

/// Codes of each row, or a plane of them, in the type's layout or a byte each;
/// the factors are kept.
Error Writer::writeIntegers(Instance instance) {
  RankedTensorType type = typeOf(instance);
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  Expected<std::string> name = matrixOf(instance, type.getShape());
  if (!name)
    return name.takeError();
  std::optional<Layout> layout;
  if (auto attr = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    layout = attr.getLayout();
  if (layout && layout->outer != Axis::Row)
    return weightError(instance.weight,
                       "expected a layout of rows, got " + layout->str());
  int64_t step = alignTo(divideCeil(chunkValues, std::max<int64_t>(1, columns)),
                         layout ? layout->tileRows() : 1);
  std::vector<float> values(static_cast<size_t>(step * columns));
  std::vector<int8_t> codes(values.size());
  std::vector<uint8_t> packed;
  WeightEncoding encoding = instance.weight.getEncoding();
  int64_t bits = encoding == WeightEncoding::IntegerRows
                     ? type.getElementTypeBitWidth()
                     : 8;
  std::vector<float> scales, &norms = lowerNorms[*name];
  uint64_t end = instance.offset;
  for (int64_t row = 0; row < rows; row += step) {
    int64_t now = std::min(step, rows - row);
    if (Error error = checkpoint.readFloats(*name, row * columns, now * columns,
                                            values.data()))
      return error;
    for (int64_t r = 0; r < now; ++r) {
      int8_t *of = codes.data() + r * columns;
      scales.push_back(
          quantizeRow(values.data() + r * columns, columns, bits, of));
      if (encoding == WeightEncoding::UpperBits)
        takeUpperBits(of, columns);
      if (encoding == WeightEncoding::LowerBits)
        norms.push_back(takeLowerBits(of, columns));
    }
    ArrayRef<uint8_t> bytes =
        asBytes(ArrayRef(codes)).take_front(now * columns);
    if (layout) {
      packed.resize(layout->storageBytes(now, columns));
      packDigits(*layout, codes.data(), now, columns, packed.data());
      bytes = packed;
    }
    if (Error error = put(end, bytes))
      return error;
    end += bytes.size();
  }
  rowScales[*name] = std::move(scales);
  return Error::success();
}

/// By-products of matrices that were written before.
Error Writer::writeOfRows(Instance instance,
                          const StringMap<std::vector<float>> &numbers) {
  Expected<std::string> name = matrixOf(instance, typeOf(instance).getShape());
  if (!name)
    return name.takeError();
  auto found = numbers.find(*name);
  if (found == numbers.end())
    return weightError(instance.weight, "the rows of '" + *name +
                                            "' are not part of the artifact");
  return put(instance.offset, asBytes(ArrayRef(found->second)));
}

/// The only source of an instance, a matrix whose sizes begin with `shape`.
Expected<std::string> Writer::matrixOf(Instance instance,
                                       ArrayRef<int64_t> shape) {
  SmallVector<std::string> names = sourcesOf(instance);
  if (names.size() != 1)
    return weightError(instance.weight, "is expected to have one source");
  Expected<const TensorEntry *> found = entry(instance, names[0]);
  if (!found)
    return found.takeError();
  if ((*found)->shape.size() != 2)
    return weightError(instance.weight, "'" + names[0] + "' is no matrix");
  if (ArrayRef((*found)->shape).take_front(shape.size()) != shape)
    return weightError(instance.weight, "does not have the shape of '" +
                                            names[0] + "', " +
                                            (*found)->describe());
  return names[0];
}

Error Writer::writeRope(Instance instance) {
  WeightOp weight = instance.weight;
  auto headDim = weight->getAttrOfType<mlir::IntegerAttr>("head_dim");
  auto theta = weight->getAttrOfType<mlir::FloatAttr>("theta");
  auto divisors = weight->getAttrOfType<mlir::DenseF64ArrayAttr>("divisors");
  std::vector<double> periods =
      ropePeriods(headDim.getInt(), theta.getValueAsDouble(),
                  divisors ? divisors.asArrayRef() : ArrayRef<double>());
  auto factor = weight->getAttrOfType<mlir::FloatAttr>("factor");
  int64_t positions = typeOf(instance).getDimSize(0);
  int64_t pairs = static_cast<int64_t>(periods.size());
  int64_t step = std::max<int64_t>(1, chunkValues / pairs);
  for (int64_t position = 0; position < positions; position += step) {
    std::vector<float> rows =
        ropeRows(position, std::min(step, positions - position), periods,
                 weight.getEncoding() == WeightEncoding::RopeCos,
                 factor ? factor.getValueAsDouble() : 1);
    uint64_t before = static_cast<uint64_t>(position * pairs) * sizeof(float);
    if (Error error = put(instance.offset + before, asBytes(ArrayRef(rows))))
      return error;
  }
  return Error::success();
}

} // namespace

Error writeWeights(ModuleOp module, const Checkpoint &checkpoint,
                   AtomicFile &out, uint64_t start, WeightProgress progress) {
  return Writer(module, checkpoint, out, start, progress).write();
}

} // namespace tern
