//===- include/tern/Import/Checkpoint.h - A model, checked -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A configuration and the tensors it asks for: a directory with config.json, or
// a GGUF file, whose metadata are put in the same terms. After open() every
// tensor the model needs exists with the dtype and shape the config implies,
// and no other tensor exists but such as are known not to matter. Values are
// checked when read.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_CHECKPOINT_H
#define TERN_IMPORT_CHECKPOINT_H

#include "tern/Import/CheckpointFiles.h"
#include "tern/Import/GgufModel.h"
#include "tern/Import/ModelConfig.h"
#include "tern/Import/Safetensors.h"
#include "tern/Import/Scales.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace tern {

/// Takes the next rows of digits of a matrix, whole ones.
using DigitSink = llvm::function_ref<llvm::Error(llvm::ArrayRef<int8_t> rows)>;

class Checkpoint {
public:
  static llvm::Expected<std::unique_ptr<Checkpoint>>
  open(llvm::StringRef path, const GgufOptions &options = {});

  const ModelConfig &config() const { return modelConfig; }
  const TensorFiles &files() const { return *tensors; }
  /// The files of a directory and what becomes of each; none of a GGUF file.
  std::vector<CheckpointFile> listFiles() const;
  /// Sentences about files of a directory, fields of config.json, tensors and
  /// metadata of a GGUF file that are not followed.
  std::vector<std::string> warnOfUnread() const;
  /// The directory or the GGUF file.
  llvm::StringRef directory() const { return path; }
  bool isGguf() const {
    return modelConfig.weightForm == WeightForm::PerTensor;
  }
  /// Of a GGUF file.
  llvm::Expected<TokenizerSources> ggufTokenizerSources() const;
  /// Where the configuration is, for messages.
  llvm::StringRef configName() const {
    return isGguf() ? "the metadata" : "config.json";
  }

  /// Names of tensors; "{}" stands for the number of the layer.
  static llvm::StringRef embeddingName() { return "model.embed_tokens.weight"; }
  static llvm::StringRef finalNormName() { return "model.norm.weight"; }
  static llvm::StringRef inputNormName() {
    return "model.layers.{}.input_layernorm.weight";
  }
  static llvm::StringRef postAttentionNormName() {
    return "model.layers.{}.post_attention_layernorm.weight";
  }
  /// Of each head of q and k; nothing of other projections, or if there is
  /// none.
  llvm::StringRef headNormName(Projection projection) const;
  /// Empty if the model has no such norm.
  llvm::StringRef attentionSubNormName() const { return attentionSubNorm; }
  llvm::StringRef ffnSubNormName() const { return ffnSubNorm; }
  static llvm::StringRef ownHeadName() { return "lm_head.weight"; }
  /// The embedding's name if the head is tied to it.
  llvm::StringRef headName() const;
  static std::string weightName(Projection projection);
  /// Of a recurrent layer, what is no ternary matrix: "A_log".
  static std::string recurrentName(llvm::StringRef part) {
    return ("model.layers.{}.linear_attn." + part).str();
  }
  static std::string scaleName(llvm::StringRef weightName);
  /// Of MLX's codes.
  static std::string affineScaleName(llvm::StringRef weightName);
  static std::string affineBiasName(llvm::StringRef weightName);
  static std::string biasName(llvm::StringRef weightName);
  /// The kind of thing that a tensor is, by its name.
  enum class TensorRole {
    Parameters,
    Scales, ///< of a matrix, and MLX's biases of its codes
    Table,  ///< of rotary embeddings, which follow from the config
  };
  static TensorRole roleOf(llvm::StringRef name);
  /// Of the norm inside a projection.
  static std::string innerNormName(llvm::StringRef weightName);
  /// "model.layers.{}.x", 3 -> "model.layers.3.x"
  static std::string atLayer(llvm::StringRef name, int64_t layer);

  /// An error if the tables of all positions the config allows are out of
  /// proportion to the tensors: a number in a small file must not fill a disk.
  llvm::Error checkRopeTables() const;

  bool hasBias(Projection projection) const {
    return biases[static_cast<size_t>(projection)];
  }

  /// True if a tensor holds digits. Of the embedding and of the head only the
  /// tensor says it: by its type or, among products, by a sample of its rows.
  bool isTernary(llvm::StringRef name) const;

  /// Bytes a floating-point tensor has per element as readRaw gives them (2 or
  /// 4), and what they mean.
  llvm::Expected<DType> floatType(llvm::StringRef name) const;

  /// Rows of the ternary matrix that tensor `name` holds, packed or as masters.
  llvm::Expected<int64_t> ternaryRows(llvm::StringRef name) const;

  /// Reads the ternary matrix `name`, from the first row to the last, and its
  /// scales in their simplest shape. Masters are ternarized.
  llvm::Error readDigits(llvm::StringRef name, DigitSink sink,
                         Scales &scales) const;
  /// The same into rows x columns digits.
  llvm::Error readDigits(llvm::StringRef name, int8_t *digits,
                         Scales &scales) const;
  llvm::Error readDigits(Projection projection, int64_t layer, int8_t *digits,
                         Scales &scales) const {
    return readDigits(atLayer(weightName(projection), layer), digits, scales);
  }

  /// Groups of products read so far that have no single magnitude
  /// (docs/models.md).
  int64_t inexactGroups() const;
  /// The same as a sentence; empty if there are none.
  std::string warnOfInexactGroups() const;

  /// The scales alone, of a matrix that is stored as digits.
  llvm::Expected<Scales> readScales(llvm::StringRef weightName) const;

  /// The simplest shape that holds the scales of this projection in any layer.
  ScaleShape scaleShape(Projection projection) const {
    return scaleShapes[static_cast<size_t>(projection)];
  }
  /// Of a ternary embedding, and of a ternary head.
  ScaleShape tableScaleShape() const { return tableScales; }
  ScaleShape headScaleShape() const {
    return modelConfig.tiedHead ? tableScales : headScales;
  }

  /// True if 16 bits hold all scales of the ternary matrices `name` exactly, of
  /// all layers if it stands for these. Of floats that are digits times scales
  /// a few rows say it: to read all is to read the model, and whoever writes
  /// its weights sees them all.
  bool hasHalfScales(llvm::StringRef name) const;
  /// From now on all rows say it.
  void readAllScales() { samplesScales = false; }

  /// Reads `count` elements from element `from`, widened exactly. A value that
  /// is not finite is an error.
  llvm::Error readFloats(llvm::StringRef name, int64_t from, int64_t count,
                         float *out) const;
  llvm::Error readFloats(llvm::StringRef name, float *out) const;

  /// The same as stored: little-endian values of floatType(name).
  llvm::Error readRaw(llvm::StringRef name, int64_t from, int64_t count,
                      void *out) const;

private:
  Checkpoint() = default;
  llvm::Error openDirectory();
  llvm::Error openGguf(const GgufOptions &options);
  llvm::Error readRopeFactors();
  void takeTextModel();
  void findNormForm();
  llvm::Error dropSynonyms();
  llvm::Error findHead();
  std::string differenceOfHead() const;
  llvm::Error compareFrequencies();
  void findSubNorms();
  void findBiases();
  llvm::Expected<const TensorEntry *> get(llvm::StringRef name) const;
  llvm::Error findScaleShapes();
  llvm::Error widenScaleShape(llvm::StringRef weightName, ScaleShape &shape);
  llvm::Expected<ScaleShape> findShape(llvm::StringRef name,
                                       ScaleShape stored) const;
  /// As many as the file has, whatever their values; checked by open().
  ScaleShape storedScaleShape(llvm::StringRef weightName) const;
  bool areScalesHalf(llvm::StringRef weightName) const;
  llvm::Expected<Scales> sampleScales(llvm::StringRef name,
                                      const TensorEntry &entry) const;
  llvm::Error readPacked(llvm::StringRef name, const TensorEntry &entry,
                         DigitSink sink) const;
  llvm::Error readMaster(llvm::StringRef name, const TensorEntry &entry,
                         DigitSink sink, float &alpha) const;
  static int64_t rowsAtOnce(const TensorEntry &entry);
  llvm::Error readEncodedRows(llvm::StringRef name, const TensorEntry &entry,
                              DigitSink sink, Scales &scales) const;
  llvm::Error readEncoded(llvm::StringRef name, const TensorEntry &entry,
                          DigitSink sink, Scales &scales) const;
  llvm::Error readPlain(llvm::StringRef name, const TensorEntry &entry,
                        DigitSink sink, Scales &scales) const;
  void takeCodes();
  bool areProducts(const TensorEntry &entry) const;
  bool hasGroups(const TensorEntry &entry) const;
  int64_t groupsOf(const TensorEntry &entry) const;
  llvm::Error readGroupRows(llvm::StringRef name, const TensorEntry &entry,
                            int64_t from, int64_t count, int8_t *digits,
                            float *scales) const;
  llvm::Error readProducts(llvm::StringRef name, const TensorEntry &entry,
                           int64_t from, int64_t count, int8_t *digits,
                           float *scales) const;
  llvm::Error readCodes(llvm::StringRef name, const TensorEntry &entry,
                        int64_t from, int64_t count, int8_t *digits,
                        float *scales) const;
  llvm::Error readBlockRows(llvm::StringRef name, const TensorEntry &entry,
                            int64_t from, int64_t count, int8_t *digits,
                            float *scales) const;
  llvm::Error readGrouped(llvm::StringRef name, const TensorEntry &entry,
                          DigitSink sink, Scales &scales) const;
  llvm::Error readTernaryFloats(llvm::StringRef name, const TensorEntry &entry,
                                int64_t from, int64_t count, float *out) const;
  ScaleShape encodedScaleShape(const TensorEntry &entry) const;
  /// Floats of a GGUF file are digits times scales, or a master.
  enum class PlainForm { Rows, Groups, Master };
  PlainForm plainForm(const TensorEntry &entry, int64_t &row,
                      float &scale) const;
  ScaleShape plainScaleShape(const TensorEntry &entry) const;
  llvm::Error refuseDigits(llvm::StringRef name, const TensorEntry &entry,
                           const GgufVerdict &verdict) const;
  /// Floats of a GGUF file that are no products are masters then.
  bool mayBeMaster() const;
  bool isWeightOnly() const;
  llvm::Expected<Scales> readEncodedScales(llvm::StringRef name) const;
  llvm::Expected<Scales> readScaleTensor(llvm::StringRef weightName) const;
  llvm::Error finishScales(llvm::StringRef name, const TensorEntry &entry,
                           Scales &scales) const;
  llvm::Error readStored(llvm::StringRef name, const TensorEntry &entry,
                         int64_t from, int64_t count, float *out) const;
  llvm::Error readSeparated(llvm::StringRef name, const TensorEntry &entry,
                            int64_t from, int64_t count, float *out) const;
  llvm::Error readBlocks(llvm::StringRef name, const TensorEntry &entry,
                         int64_t from, int64_t count, float *out) const;
  llvm::Error checkFinite(llvm::StringRef name, const TensorEntry &entry,
                          int64_t from, int64_t count,
                          const float *values) const;
  llvm::Error error(llvm::StringRef name, const TensorEntry &entry,
                    const llvm::Twine &message) const;

  std::string path;
  ModelConfig modelConfig;
  GgufOptions ggufOptions;
  std::string ggufConfigText;
  std::unique_ptr<TensorFiles> tensors;
  llvm::StringRef attentionSubNorm, ffnSubNorm;
  std::array<bool, projectionCount> biases{}; ///< by Projection
  /// Scales of products that were read with their digits, by tensor: to read
  /// them again would be to read all of a model again.
  mutable std::map<std::string, std::vector<float>, std::less<>> knownScales;
  mutable std::map<std::string, int64_t, std::less<>> inexactByTensor;
  std::array<ScaleShape, projectionCount> scaleShapes; ///< by Projection
  ScaleShape tableScales, headScales;
  bool samplesScales = true;
};

} // namespace tern

#endif // TERN_IMPORT_CHECKPOINT_H
