//===- LayerKindsTest.cpp - Weights of layers that alternate --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a checkpoint to the weights of a model whose layers alternate between
// two functions: each instance has the bytes that its layer has if all are of
// one kind. test/Python/test_layer_kinds.py runs such a model.
//
//===----------------------------------------------------------------------===//

#include "Import/TinyCheckpoint.h"

#include "tern/Artifact/WeightWriter.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Driver/Compile.h"
#include "tern/InitAll.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

#include <sstream>

using namespace tern;
using Module = mlir::OwningOpRef<mlir::ModuleOp>;

namespace {

struct Kind {
  std::string name;
  std::vector<int64_t> layers;
};
const Kind kinds[] = {{"layer.a", {0, 2, 4}}, {"layer.b", {1, 3}}};

std::string importModel(const std::string &input) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  CompileOptions options;
  options.model.target = "generic";
  options.input = input;
  options.stream = &stream;
  options.form = OutputForm::IR;
  options.outputPhase = *findPhase("import");
  EXPECT_EQ(llvm::toString(compile(options)), "");
  return text;
}

/// `layer` and its weights, one copy for each kind.
void divide(mlir::ModuleOp module) {
  auto layer = module.lookupSymbol<mlir::func::FuncOp>("layer");
  mlir::Builder b(module.getContext());
  for (const Kind &kind : kinds) {
    mlir::func::FuncOp own = layer.clone();
    own.setSymName(kind.name);
    module.push_back(own);
    mlir::AttrTypeReplacer replacer;
    replacer.addReplacement([&](KVCacheType type) -> mlir::Type {
      return KVCacheType::get(
          module.getContext(), kind.layers.size(), type.getHeads(),
          type.getHeadDim(), type.getCapacity(), type.getBits(),
          type.getBosBits(), type.getQBits(), type.getFirstRowsAt(),
          type.getBlocksAt(), type.getBlockStride());
    });
    replacer.recursivelyReplaceElementsIn(own, /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    own.walk([&](GetWeightOp read) {
      if (read.getLayer())
        read.setWeight(kind.name + "." + read.getWeight().str());
    });
  }
  for (WeightOp weight : llvm::to_vector(module.getOps<WeightOp>())) {
    if (!weight.getPerLayer())
      continue;
    for (const Kind &kind : kinds) {
      WeightOp own = weight.clone();
      own.setSymName(kind.name + "." + weight.getSymName().str());
      module.push_back(own);
    }
    weight.erase();
  }
  layer.erase();
  module->setAttr(TernDialect::kLayerKindsAttr,
                  b.getStrArrayAttr({kinds[0].name, kinds[1].name}));
}

bool plan(mlir::ModuleOp module) {
  mlir::PassManager passes(module.getContext());
  buildPipeline(passes, *findPhase("import"), *findPhase("packed"), {});
  return mlir::succeeded(passes.run(module));
}

/// The weights section.
std::string write(mlir::ModuleOp module, const Checkpoint &checkpoint,
                  const std::string &path) {
  auto file = AtomicFile::create(path, {});
  EXPECT_EQ(llvm::toString(writeWeights(module, checkpoint, **file, 0)), "");
  EXPECT_FALSE((*file)->commit());
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  return stream.str();
}

/// The weight that is made of the same tensors in the same way.
WeightOp findTwin(mlir::ModuleOp module, WeightOp weight) {
  for (WeightOp other : module.getOps<WeightOp>())
    if (other.getSources() == weight.getSources() &&
        other.getEncoding() == weight.getEncoding() &&
        other.getType() == weight.getType())
      return other;
  return {};
}

class LayerKinds : public testing::TestWithParam<const char *> {};

TEST_P(LayerKinds, WeightsAreThoseOfTheirLayers) {
  std::string model =
      std::string(TERN_TEST_DIR "/models/shakespeare-") + GetParam();
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  Module one =
      mlir::parseSourceString<mlir::ModuleOp>(importModel(model), &context);
  ASSERT_TRUE(one);
  Module two = one->clone();
  divide(*two);
  ASSERT_TRUE(plan(*one));
  ASSERT_TRUE(plan(*two));
  auto checkpoint = Checkpoint::open(model);
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  TemporaryDirectory files;
  std::string alike = write(*one, **checkpoint, files.file("one"));
  std::string alternating = write(*two, **checkpoint, files.file("two"));

  auto stride =
      (*one)->getAttrOfType<mlir::IntegerAttr>(TernDialect::kLayerStrideAttr);
  auto bytes =
      (*one)->getAttrOfType<mlir::IntegerAttr>(TernDialect::kWeightsBytesAttr);
  EXPECT_EQ(static_cast<int64_t>(alike.size()), bytes.getInt());
  EXPECT_EQ(alternating.size(), alike.size());
  auto isEqual = [&](WeightOp there, int64_t from, WeightOp here, int64_t to) {
    size_t size =
        getWeightBytes(mlir::cast<mlir::RankedTensorType>(there.getType()));
    return alike.compare(*there.getOffset() + from, size, alternating,
                         *here.getOffset() + to, size) == 0;
  };
  int checked = 0;
  for (WeightOp weight : two->getOps<WeightOp>()) {
    SCOPED_TRACE(weight.getSymName().str());
    WeightOp twin = findTwin(*one, weight);
    ASSERT_TRUE(twin);
    if (!weight.getPerLayer()) {
      EXPECT_TRUE(isEqual(twin, 0, weight, 0));
      continue;
    }
    const Kind &kind = kinds[*weight.getKind() == kinds[1].name];
    for (auto [index, layer] : llvm::enumerate(kind.layers)) {
      int64_t own = *weight.getStride() * static_cast<int64_t>(index);
      EXPECT_TRUE(isEqual(twin, stride.getInt() * layer, weight, own)) << layer;
      ++checked;
    }
  }
  EXPECT_GE(checked, 5 * 10);
}

INSTANTIATE_TEST_SUITE_P(, LayerKinds, testing::Values("b158", "a48"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return info.param;
                         });

} // namespace
