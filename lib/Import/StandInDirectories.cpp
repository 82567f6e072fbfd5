//===- lib/Import/StandInDirectories.cpp - Other directories than wanted --===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/StandIns.h"

#include "Json.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <unistd.h>

using namespace llvm;

namespace tern {

static std::string joined(StringRef directory, StringRef name) {
  SmallString<128> path(directory);
  sys::path::append(path, name);
  return path.str().str();
}

/// Names in a directory, sorted; of a large one not all.
static std::vector<std::string> listNames(StringRef directory) {
  constexpr size_t most = 10000;
  std::vector<std::string> names;
  std::error_code code;
  for (sys::fs::directory_iterator entry(directory, code), end;
       entry != end && !code && names.size() < most; entry.increment(code))
    names.push_back(sys::path::filename(entry->path()).str());
  llvm::sort(names);
  return names;
}

/// Where a link leads; empty if it is none.
static std::string linkTarget(const std::string &path) {
  char target[4096];
  ssize_t bytes = readlink(path.c_str(), target, sizeof(target));
  return bytes > 0 ? std::string(target, static_cast<size_t>(bytes)) : "";
}

std::string explainAbsence(StringRef path) {
  StringRef name = sys::path::filename(path);
  std::string target = linkTarget(path.str());
  if (StringRef(target).contains("annex/objects/"))
    return "its contents are elsewhere, as git-annex keeps them; run git annex "
           "get";
  if (!target.empty())
    return "it is a link to '" + target + "', which is not there";
  for (StringRef ending : {".incomplete", ".part", ".partial", ".crdownload",
                           ".download", ".aria2", ".opdownload", ".tmp"})
    if (sys::fs::exists(path + ending))
      return ("its download is not finished, as '" + name + ending +
              "' is there; let it finish, or download the file again")
          .str();
  for (StringRef ending : {".gz", ".xz", ".zst", ".bz2", ".zip", ".7z"})
    if (sys::fs::exists(path + ending))
      return ("'" + name + ending + "' is there; unpack it").str();
  if (sys::fs::exists(path + ".dvc"))
    return ("'" + name + ".dvc' is a pointer of DVC; run dvc pull").str();
  return "";
}

/// Files get their names when they are whole.
static std::string explainDownload(StringRef directory) {
  for (StringRef one :
       listNames(joined(directory, ".cache/huggingface/download")))
    if (one.ends_with(".incomplete"))
      return "a download by Hugging Face's tools is not finished; run it again";
  return "";
}

//===----------------------------------------------------------------------===//
// Directories that hold something else
//===----------------------------------------------------------------------===//

/// Folders in `directory` that have a config.json.
static std::vector<std::string> modelsInside(StringRef directory,
                                             ArrayRef<std::string> names) {
  std::vector<std::string> found;
  for (const std::string &name : names)
    if (std::string path = joined(directory, name);
        sys::fs::exists(joined(path, "config.json")))
      found.push_back(path);
  return found;
}

static const std::string *findEnding(ArrayRef<std::string> names,
                                     ArrayRef<StringLiteral> endings) {
  // Trainers leave their own state beside a model.
  auto isState = [](StringRef name) {
    return any_of(ArrayRef<StringRef>{"training_args", "optimizer", "scheduler",
                                      "scaler", "rng_state"},
                  [&](StringRef one) { return name.starts_with(one); });
  };
  const auto *found = find_if(names, [&](StringRef name) {
    return !isState(name) && any_of(endings, [&](StringRef ending) {
      return name.ends_with_insensitive(ending);
    });
  });
  return found == names.end() ? nullptr : &*found;
}

static std::string explainGguf(StringRef directory,
                               ArrayRef<std::string> names) {
  const std::string *file = findEnding(names, {".gguf"});
  return file ? "a GGUF file is a model by itself: give tern '" +
                    joined(directory, *file) + "'"
              : "";
}

static std::string explainAdapter(ArrayRef<std::string> names) {
  const auto *file = find_if(
      names, [](StringRef name) { return name.starts_with("adapter_"); });
  return file == names.end()
             ? ""
             : "it has an adapter ('" + *file +
                   "'), which is no model alone; merge it into its base model "
                   "(peft's merge_and_unload) and give tern the result";
}

/// Other programs' weights, and what they are called.
static std::string explainFormat(ArrayRef<std::string> names) {
  struct Format {
    SmallVector<StringLiteral, 5> endings;
    StringLiteral writer;
  };
  static const Format formats[] = {
      {{".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"}, "PyTorch"},
      {{".h5", ".keras"}, "Keras"},
      {{".msgpack"}, "Flax"},
      {{".npz", ".npy"}, "NumPy or MLX"},
      {{".onnx", ".onnx_data"}, "ONNX"},
      {{".ot"}, "rust-bert"},
      {{".tflite"}, "TensorFlow Lite"},
      {{".pdparams"}, "PaddlePaddle"},
      {{".mlmodel", ".mlpackage"}, "Core ML"},
      {{".distcp"}, "PyTorch's distributed checkpoints"}};
  for (const Format &format : formats)
    if (const std::string *file = findEnding(names, format.endings))
      return "'" + *file + "' is of " + format.writer.str() +
             "; convert it: from transformers import AutoModelForCausalLM as "
             "M; M.from_pretrained('OLD').save_pretrained('NEW')";
  return "";
}

static std::string explainOtherName(ArrayRef<std::string> names) {
  std::vector<std::string> found;
  for (StringRef name : names)
    if (name.ends_with(".safetensors") && !name.starts_with("adapter_"))
      found.push_back(name.str());
  if (found.size() == 1)
    return "if '" + found[0] +
           "' has all of the model, rename it to model.safetensors";
  return found.empty()
             ? ""
             : "there are " + std::to_string(found.size()) +
                   " other safetensors files, the first is '" + found[0] +
                   "', but no index that says which belong to the "
                   "model";
}

static Error refuse(StringRef directory, StringRef lacks,
                    ArrayRef<std::string> reasons) {
  for (const std::string &reason : reasons)
    if (!reason.empty())
      return fileError(directory, lacks + "; " + reason);
  return fileError(directory, lacks);
}

Error refuseWithoutConfig(StringRef directory) {
  if (!sys::fs::exists(directory)) {
    std::string reason = explainAbsence(directory);
    return refuse(directory, "there is no such file or directory", reason);
  }
  std::vector<std::string> names = listNames(directory);
  if (names.empty())
    return fileError(directory, "the directory is empty");
  std::vector<std::string> inside = modelsInside(directory, names);
  std::string below, above;
  if (inside.size() == 1)
    below = "the model is one level lower: give tern '" + inside[0] + "'";
  else if (!inside.empty())
    below = "there are " + std::to_string(inside.size()) +
            " models in it; give tern one of them, as '" + inside[0] + "'";
  SmallString<128> full(directory);
  sys::fs::make_absolute(full);
  sys::path::remove_dots(full, /*remove_dot_dot=*/true);
  StringRef parent = sys::path::parent_path(full);
  if (sys::fs::exists(joined(parent, "config.json")))
    above = ("the model is one level higher: give tern '" + parent + "'").str();
  std::string meta = sys::fs::exists(joined(directory, "params.json"))
                         ? "it is in Meta's own form (params.json); take the "
                           "form of Hugging Face's, with config.json"
                         : "";
  return refuse(directory, "config.json is not in this directory",
                {explainAbsence(joined(directory, "config.json")),
                 explainDownload(directory), explainAdapter(names),
                 std::move(below), explainGguf(directory, names),
                 std::move(above), std::move(meta)});
}

Error refuseWithoutWeights(StringRef directory) {
  std::vector<std::string> names = listNames(directory);
  std::vector<std::string> inside = modelsInside(directory, names);
  return refuse(
      directory,
      "neither model.safetensors nor model.safetensors.index.json is in this "
      "directory",
      {explainAbsence(joined(directory, "model.safetensors")),
       explainDownload(directory), explainOtherName(names),
       explainFormat(names), explainGguf(directory, names),
       explainAdapter(names),
       inside.empty()
           ? ""
           : "a model is one level lower: give tern '" + inside[0] + "'"});
}

} // namespace tern
