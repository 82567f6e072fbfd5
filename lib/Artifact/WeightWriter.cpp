//===- lib/Artifact/WeightWriter.cpp - Weights from checkpoint to artifact ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/WeightWriter.h"

#include "WeightPlaces.h"
#include "WeightValues.h"
#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/Packer.h"
#include "tern/Packing/RowPacker.h"

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

class Writer {
public:
  Writer(const Checkpoint &checkpoint, AtomicFile &out, uint64_t start,
         WeightProgress progress)
      : checkpoint(checkpoint), out(out), start(start), progress(progress) {}

  Error write(const WeightPlaces &all) {
    uint64_t done = 0, total = all.bytes;
    // Scales last: they are by-products of the matrices they belong to.
    for (bool scales : {false, true})
      for (const WeightPlace &place : all.places) {
        if (isScale(place.weight) != scales)
          continue;
        if (Error error = writeOne(place))
          return error;
        done += place.bytes;
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

  Error put(uint64_t offset, ArrayRef<uint8_t> bytes) {
    return out.writeAt(start + offset, bytes);
  }

  Error writeOne(WeightPlace place) {
    switch (place.weight.getEncoding()) {
    case WeightEncoding::Values:
      return writeValues(place);
    case WeightEncoding::OnePlus:
    case WeightEncoding::MinusExp:
    case WeightEncoding::Taps:
      return writeComputed(place);
    case WeightEncoding::Digits:
      return writeDigits(place);
    case WeightEncoding::Scale:
      return writeScales(place);
    case WeightEncoding::IntegerRows:
    case WeightEncoding::UpperBits:
    case WeightEncoding::LowerBits:
      return writeIntegers(place);
    case WeightEncoding::IntegerScales:
      return writeOfRows(place, rowScales);
    case WeightEncoding::LowerNorms:
      return writeOfRows(place, lowerNorms);
    case WeightEncoding::RopeCos:
    case WeightEncoding::RopeSin:
      return writeRope(place);
    }
    llvm_unreachable("all encodings are covered");
  }

  Expected<const TensorEntry *> entry(WeightPlace place, StringRef name) {
    if (const TensorEntry *found = checkpoint.files().find(name))
      return found;
    return weightError(place.weight,
                       "the checkpoint has no tensor '" + name + "'");
  }

  Error writeValues(WeightPlace place);
  Error writeValues(WeightPlace place, const std::string &name, int64_t count,
                    uint64_t &end);
  Error writeComputed(WeightPlace place);
  Error writeDigits(WeightPlace place);
  Expected<std::vector<float>> scalesOf(WeightPlace place, ScaleShape shape,
                                        bool areHalf);
  Error packScalesOf(WeightPlace place, const Layout &layout,
                     std::vector<uint8_t> &packed);
  Error writeScales(WeightPlace place);
  Error writeIntegers(WeightPlace place);
  Error writeOfRows(WeightPlace place,
                    const StringMap<std::vector<float>> &numbers);
  Error writeRope(WeightPlace place);
  Expected<std::string> matrixOf(WeightPlace place, ArrayRef<int64_t> shape);

  const Checkpoint &checkpoint;
  AtomicFile &out;
  uint64_t start;
  WeightProgress progress;
  StringMap<float> alphas; ///< by tensor that has one scale
  /// By tensor, one for each row.
  StringMap<std::vector<float>> rowScales, lowerNorms;
};

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

/// All sources one after the other, along rows.
Error Writer::writeValues(WeightPlace place) {
  ArrayRef<int64_t> shape = place.type().getShape();
  uint64_t end = place.offset;
  int64_t rows = 0;
  for (const std::string &name : place.sources()) {
    Expected<const TensorEntry *> found = entry(place, name);
    if (!found)
      return found.takeError();
    ArrayRef<int64_t> part = (*found)->shape;
    rows += part.empty() ? 0 : part[0];
    if (part.size() != shape.size() || rows > shape[0] ||
        part.drop_front() != shape.drop_front())
      return weightError(place.weight, "does not have the shape of '" + name +
                                           "', " + (*found)->describe());
    if (Error error = writeValues(place, name,
                                  mlir::ShapedType::getNumElements(part), end))
      return error;
  }
  if (rows == shape[0])
    return Error::success();
  return weightError(place.weight, "its sources have " + Twine(rows) +
                                       " rows, not " + Twine(shape[0]));
}

Error Writer::writeValues(WeightPlace place, const std::string &name,
                          int64_t count, uint64_t &end) {
  Expected<DType> stored = checkpoint.floatType(name);
  if (!stored)
    return stored.takeError();
  mlir::Type element = place.type().getElementType();
  bool same = (*stored == DType::F32 && element.isF32()) ||
              (*stored == DType::F16 && element.isF16()) ||
              (*stored == DType::BF16 && element.isBF16());
  if (!same && !element.isF32())
    return weightError(place.weight, "cannot be made of '" + name +
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

/// Values that are made of stored ones, each by itself, or put in another
/// order.
Error Writer::writeComputed(WeightPlace place) {
  SmallVector<std::string> names = place.sources();
  if (names.size() != 1)
    return weightError(place.weight, "is expected to have one source");
  Expected<const TensorEntry *> found = entry(place, names[0]);
  if (!found)
    return found.takeError();
  int64_t count = mlir::ShapedType::getNumElements((*found)->shape);
  if (count != place.type().getNumElements())
    return weightError(place.weight, "does not have the shape of '" + names[0] +
                                         "', " + (*found)->describe());
  std::vector<float> values(static_cast<size_t>(count));
  if (Error error = checkpoint.readFloats(names[0], values.data()))
    return error;
  WeightEncoding encoding = place.weight.getEncoding();
  if (encoding == WeightEncoding::Taps)
    values = transpose(values, place.type().getDimSize(0));
  else
    for (float &value : values)
      value = encoding == WeightEncoding::OnePlus ? 1 + value : minusExp(value);
  return put(place.offset, asBytes(ArrayRef(values)));
}

Error Writer::writeDigits(WeightPlace place) {
  RankedTensorType type = place.type();
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  const Layout &layout = cast<LayoutAttr>(type.getEncoding()).getLayout();
  RowPacker packer(layout, rows, columns);
  int64_t row = 0;
  for (const std::string &name : place.sources()) {
    Expected<const TensorEntry *> found = entry(place, name);
    if (!found)
      return found.takeError();
    Expected<int64_t> more = checkpoint.ternaryRows(name);
    if (!more)
      return more.takeError();
    if ((*found)->shape[1] != columns || *more > rows - row)
      return weightError(place.weight, "'" + name + "', " +
                                           (*found)->describe() +
                                           ", does not fit in");
    Scales scales;
    auto pack = [&](ArrayRef<int8_t> part) -> Error {
      packer.add(part.data(), static_cast<int64_t>(part.size()) / columns);
      return Error::success();
    };
    if (Error error = checkpoint.readDigits(name, pack, scales))
      return error;
    // Those of a file are read again: a good part of a model, if kept.
    if (scales.values.size() == 1)
      alphas[name] = scales.values[0];
    row += *more;
  }
  if (row != rows)
    return weightError(place.weight, "its sources have " + Twine(row) +
                                         " rows, not " + Twine(rows));
  std::vector<uint8_t> packed = packer.take();
  if (layout.hasScales())
    if (Error error = packScalesOf(place, layout, packed))
      return error;
  return put(place.offset, packed);
}

Expected<std::vector<float>> Writer::scalesOf(WeightPlace place,
                                              ScaleShape shape, bool areHalf) {
  Expected<std::vector<float>> scales =
      gatherScales(checkpoint, alphas, place.sources(), shape);
  if (!scales)
    return weightError(place.weight, toString(scales.takeError()));
  if (areHalf)
    if (Error error = checkHalves(*scales, shape.groups))
      return make_error<WideScales>(
          toString(weightError(place.weight, toString(std::move(error)))));
  return scales;
}

/// Those that are stored with the digits in `packed`.
Error Writer::packScalesOf(WeightPlace place, const Layout &layout,
                           std::vector<uint8_t> &packed) {
  RankedTensorType type = place.type();
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  Expected<std::vector<float>> scales =
      scalesOf(place, {rows, columns / layout.tileColumns()},
               layout.scales == ScaleFormat::F16);
  if (!scales)
    return scales.takeError();
  packScales(layout, scales->data(), rows, columns, packed.data());
  return Error::success();
}

Error Writer::writeScales(WeightPlace place) {
  RankedTensorType type = place.type();
  int64_t groups = type.getRank() == 2 ? type.getDimSize(1) : 1;
  bool areHalf = type.getElementType().isF16();
  Expected<std::vector<float>> scales =
      scalesOf(place, {type.getDimSize(0), groups}, areHalf);
  if (!scales)
    return scales.takeError();
  if (!areHalf)
    return put(place.offset, asBytes(ArrayRef(*scales)));
  std::vector<uint16_t> halves;
  for (float scale : *scales)
    halves.push_back(floatToHalf(scale));
  return put(place.offset, asBytes(ArrayRef(halves)));
}

/// Codes of each row, or a plane of them, in the type's layout or a byte each;
/// the factors are kept.
Error Writer::writeIntegers(WeightPlace place) {
  RankedTensorType type = place.type();
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  Expected<std::string> name = matrixOf(place, type.getShape());
  if (!name)
    return name.takeError();
  std::optional<Layout> layout;
  if (auto attr = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    layout = attr.getLayout();
  if (layout && layout->outer != Axis::Row)
    return weightError(place.weight,
                       "expected a layout of rows, got " + layout->str());
  int64_t step = alignTo(divideCeil(chunkValues, std::max<int64_t>(1, columns)),
                         layout ? layout->tileRows() : 1);
  std::vector<float> values(static_cast<size_t>(step * columns));
  std::vector<int8_t> codes(values.size());
  std::vector<uint8_t> packed;
  WeightEncoding encoding = place.weight.getEncoding();
  int64_t bits = encoding == WeightEncoding::IntegerRows
                     ? type.getElementTypeBitWidth()
                     : 8;
  std::vector<float> scales, &norms = lowerNorms[*name];
  uint64_t end = place.offset;
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
Error Writer::writeOfRows(WeightPlace place,
                          const StringMap<std::vector<float>> &numbers) {
  Expected<std::string> name = matrixOf(place, place.type().getShape());
  if (!name)
    return name.takeError();
  auto found = numbers.find(*name);
  if (found == numbers.end())
    return weightError(place.weight, "the rows of '" + *name +
                                         "' are not part of the artifact");
  return put(place.offset, asBytes(ArrayRef(found->second)));
}

/// The only source of a weight, a matrix whose sizes begin with `shape`.
Expected<std::string> Writer::matrixOf(WeightPlace place,
                                       ArrayRef<int64_t> shape) {
  SmallVector<std::string> names = place.sources();
  if (names.size() != 1)
    return weightError(place.weight, "is expected to have one source");
  Expected<const TensorEntry *> found = entry(place, names[0]);
  if (!found)
    return found.takeError();
  if ((*found)->shape.size() != 2)
    return weightError(place.weight, "'" + names[0] + "' is no matrix");
  if (ArrayRef((*found)->shape).take_front(shape.size()) != shape)
    return weightError(place.weight, "does not have the shape of '" + names[0] +
                                         "', " + (*found)->describe());
  return names[0];
}

Error Writer::writeRope(WeightPlace place) {
  WeightOp weight = place.weight;
  auto headDim = weight->getAttrOfType<mlir::IntegerAttr>("head_dim");
  auto theta = weight->getAttrOfType<mlir::FloatAttr>("theta");
  auto divisors = weight->getAttrOfType<mlir::DenseF64ArrayAttr>("divisors");
  std::vector<double> periods =
      ropePeriods(headDim.getInt(), theta.getValueAsDouble(),
                  divisors ? divisors.asArrayRef() : ArrayRef<double>());
  auto factor = weight->getAttrOfType<mlir::FloatAttr>("factor");
  int64_t positions = place.type().getDimSize(0);
  int64_t pairs = static_cast<int64_t>(periods.size());
  int64_t step = std::max<int64_t>(1, chunkValues / pairs);
  for (int64_t position = 0; position < positions; position += step) {
    std::vector<float> rows =
        ropeRows(position, std::min(step, positions - position), periods,
                 weight.getEncoding() == WeightEncoding::RopeCos,
                 factor ? factor.getValueAsDouble() : 1);
    uint64_t before = static_cast<uint64_t>(position * pairs) * sizeof(float);
    if (Error error = put(place.offset + before, asBytes(ArrayRef(rows))))
      return error;
  }
  return Error::success();
}

} // namespace

Error writeWeights(ModuleOp module, const Checkpoint &checkpoint,
                   AtomicFile &out, uint64_t start, WeightProgress progress) {
  Expected<WeightPlaces> all = placeWeights(module, checkpoint.config());
  if (!all)
    return all.takeError();
  return Writer(checkpoint, out, start, progress).write(*all);
}

char WideScales::ID = 0;

} // namespace tern
