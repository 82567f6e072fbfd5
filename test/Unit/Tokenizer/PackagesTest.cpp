//===- PackagesTest.cpp - Tokens of independent packages ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every tokenizer encodes and decodes the same texts as packages for JavaScript
// that others wrote, and no token may differ. The environment's
// TERN_JAVASCRIPT_DIR is where install.sh put them.
//
//===----------------------------------------------------------------------===//

#include "SentencePieceWriter.h"
#include "SyntheticTokenizers.h"
#include "TokenizerReference.h"

#include <cstdlib>
#include <filesystem>

using namespace tern_test;

namespace {

constexpr size_t textCount = 2050;

const char *const handPicked[] = {
    "",
    " ",
    "  ",
    "Hello, world!",
    " leading",
    "trailing ",
    "a  b   c    d",
    "line\nline\r\nline\rline",
    "\n\n\n",
    " \n \n ",
    "\t\tif (x == 1) {\n\t\t\treturn \"y\";\n\t\t}",
    "    def f(x):\n        return x ** 2  # squared\n",
    "don't DON'T we'll WE'LL I'm I'M they've",
    "1 12 123 1234 12345 3.14159 1,000,000 0x1F 1e-9",
    "\u0661\u0662\u0663\u0664 \u00B2\u00B3 \u2167 \u00BD",
    "na\u00EFve caf\u00E9 nai\u0308ve cafe\u0301 \u1E9B\u0323",
    "\u0418\u0432\u0430\u043D \u0387 "
    "\u0395\u03BB\u03BB\u03B7\u03BD\u03B9\u03BA\u03AC",
    "\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627 "
    "\u0639\u0644\u064A\u0643\u0645",
    "\u0928\u092E\u0938\u094D\u0924\u0947 \u0935\u093F\u0936\u094D\u0935",
    "\u4F60\u597D\uFF0C\u4E16\u754C\u3002\u3053\u3093\u306B\u3061\u306F "
    "\uC548\uB155\uD558\uC138\uC694",
    "\u1112\u1161\u11AB\u1100\u1173\u11AF \u0E2A\u0E27\u0E31\u0E2A\u0E14\u0E35",
    "\U0001F600\U0001F468\u200D\U0001F469\u200D\U0001F467 \U0001F1E9\U0001F1EA "
    "\U0001F44D\U0001F3FD",
    "\u2764\uFE0F \u00A9 \u2122 \uFB01 \uFDFA \u2460 \u212B \u2126",
    "a\u0315\u0300\u05AE\u0062 \u1100\uAC00\u11A8 \u0344 \u0958",
    "<|begin_of_text|>system<|eot_id|> <|end_of_text|>x",
    "<s>[INST] hi [/INST]</s><unk>",
    "<s> </s>  <s>x",
    "<a><b><b> late later lates LATE",
    "\u2581 \u2581\u2581x \u2581",
    "x\u2581y \u2581 z",
    "<0x0A> <0xFF> <0x-1>",
    "\u00A0\u2003\u3000\u200B\uFEFF\u00AD\u2028\u2029",
    "https://example.com/a?b=c&d=%20#frag user@host.org",
    "SELECT * FROM t WHERE a<>'b''c' AND d IS NOT NULL;",
    "\u0130stanbul \u0131 \u1E9E \u01C5 \u02B0\u02B1AAA",
    "!!!??? ... --- ___ *** $$$ ((( ))) [[]] {{}} \\\\ //",
};

/// Invalid UTF-8 is no text to a package; here it becomes U+FFFD.
std::string validText(const std::string &text) {
  std::string out(TERN_UTF8_ROOM(text.size()) * 2, '\0');
  tern_utf8 state = {};
  size_t n = tern_utf8_push(&state, text.data(), text.size(), &out[0]);
  n += tern_utf8_flush(&state, &out[n]);
  out.resize(n);
  return out;
}

std::vector<std::string> texts() {
  std::vector<std::string> result(std::begin(handPicked), std::end(handPicked));
  std::mt19937 random(20);
  result.push_back(std::string(3000, 'a'));
  result.push_back(std::string(3000, ' '));
  std::string word;
  for (int i = 0; i < 2000; ++i)
    word += char('a' + random() % 26);
  result.push_back(word);
  while (result.size() < textCount)
    result.push_back(validText(randomText(random)));
  return result;
}

bool foldsCase(const std::string &engine, const std::string &name) {
  return engine == "llama3" || name == "llama3" || name == "qwen2" ||
         name == "o200k" || name == "nfkc" || name == "nfd";
}

/// Where a package does something else than Hugging Face's own library, which
/// is in Rust: texts that are left out if they differ. The number is printed.
const char *knownDifference(const std::string &engine, const std::string &name,
                            const std::string &text, bool sameIds) {
  auto has = [&](const char *part) {
    return text.find(part) != std::string::npos;
  };
  if (engine == "llama2" &&
      (text.empty() || has("<s>") || has("</s>") || has("<unk>")))
    return "the package does not look for control tokens in text, nor does it "
           "set one before an empty text";
  if (sameIds)
    return has("\uFEFF") ? "the package drops U+FEFF when it decodes bytes"
                         : nullptr;
  if (has("'\u017F") && foldsCase(engine, name))
    return "(?i:'s) matches U+017F in Unicode, but not in the package";
  if ((engine == "llama3" || name == "gpt2-prefix") &&
      (has("\uFEFF") || has("\u0085")))
    return "\\s of JavaScript has U+FEFF and lacks U+0085";
  return nullptr;
}

/// True if Unigram found the same tokens in another order.
bool isTie(const std::string &name, std::vector<int32_t> ours,
           std::vector<int32_t> theirs) {
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  return name.rfind("unigram", 0) == 0 && ours == theirs;
}

/// The same tokenizer in other words, where the package reads the first ones in
/// its own way: its Digits are those of ASCII, its ByteLevel splits with \s of
/// JavaScript, its Metaspace does not split.
Json inOtherWords(Json json) {
  if (json.is_structured())
    for (Json &inner : json)
      inner = inOtherWords(std::move(inner));
  std::string type =
      json.is_object() && json.contains("type") && json["type"].is_string()
          ? json["type"]
          : "";
  if (type == "Digits")
    return splitStep(json["individual_digits"] ? "\\p{N}" : "\\p{N}+",
                     "Isolated");
  if (type == "ByteLevel" && json.value("use_regex", false) &&
      !json["add_prefix_space"])
    return {
        {"type", "Sequence"},
        {"pretokenizers",
         {splitStep(gpt2Pattern, "Isolated"), byteLevelStep(false, false)}}};
  if (type == "Metaspace" && json["split"]) {
    json["split"] = false;
    return {
        {"type", "Sequence"},
        {"pretokenizers",
         {json, splitStep("\u2581[^\u2581]+|\u2581|[^\u2581]+", "Isolated")}}};
  }
  return json;
}

struct Job {
  std::string name, engine, tokenizer, theirs = tokenizer;
};

class Packages : public testing::Test {
protected:
  void SetUp() override {
    directory = testing::TempDir() + "tern-packages";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
  }
  void write(const std::string &name, const Json &json) {
    std::ofstream(directory + "/" + name, std::ios::binary) << json.dump();
  }
  void run(const std::vector<Job> &jobs) {
    Json list = Json::array();
    for (const Job &job : jobs)
      list.push_back({{"engine", job.engine},
                      {"tokenizer", job.theirs},
                      {"texts", "texts.json"},
                      {"out", job.name + ".out.json"}});
    write("jobs.json", list);
    write("texts.json", all);
    const char *scripts = std::getenv("TERN_JAVASCRIPT_DIR");
    ASSERT_NE(scripts, nullptr) << "where tokenize.mjs and packages are";
    std::string command = "cd '" + std::string(scripts) +
                          "' && node tokenize.mjs '" + directory + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void compare(const Job &job) {
    compare(job, Table(readFile(directory + "/" + job.tokenizer)));
  }
  void compare(const Job &job, const Table &table);

  std::string directory;
  const std::vector<std::string> all = texts();
};

void Packages::compare(const Job &job, const Table &table) {
  Json theirs = Json::parse(readFile(directory + "/" + job.name + ".out.json"));
  size_t tokens = 0, mismatches = 0;
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<int32_t> ids = table.encode(all[i]);
    tokens += ids.size();
    bool sameIds = Json(ids) == theirs["ids"][i];
    bool same =
        sameIds && validText(table.decodeText(ids)) == theirs["texts"][i];
    const char *reason =
        same ? nullptr
        : isTie(job.name, ids, theirs["ids"][i])
            ? "equal scores but for rounding, which the package does elsewhere"
            : knownDifference(job.engine, job.name, all[i], sameIds);
    if (reason)
      ++known[reason];
    else if (!same && ++mismatches <= 3)
      ADD_FAILURE()
          << job.name << ": " << Json(all[i]).dump(-1, ' ', true)
          << "\n  ours   " << Json(ids) << " "
          << Json(validText(table.decodeText(ids))).dump(-1, ' ', true)
          << "\n  theirs " << theirs["ids"][i] << " "
          << theirs["texts"][i].dump(-1, ' ', true);
  }
  std::printf("%-16s %-12s %zu texts, %zu tokens, %zu mismatches\n",
              job.name.c_str(), job.engine.c_str(), all.size(), tokens,
              mismatches);
  for (auto &[reason, count] : known)
    std::printf("  left out: %zu texts: %s\n", count, reason.c_str());
  EXPECT_EQ(mismatches, 0u);
}

/// Llama-2's tokenizer.model: a token's score falls with the rank of the first
/// merge that makes it.
std::string llama2Model(const std::string &json) {
  const Json root = Json::parse(json);
  std::map<std::string, float> scores;
  for (const Json &merge : root["model"]["merges"])
    scores.emplace(merge[0].get<std::string>() + merge[1].get<std::string>(),
                   -float(scores.size()));
  tern::SentencePieces model = bytePieces();
  const size_t first = model.pieces.size();
  model.pieces.resize(root["model"]["vocab"].size());
  for (auto &[name, id] : root["model"]["vocab"].items())
    if (id >= first)
      model.pieces[id] = {name, scores[name], tern::SentencePieces::Normal};
  return sentencePieceFile(model);
}

TEST_F(Packages, AllTokens) {
  std::vector<Job> jobs = {
      {"llama3-full", "llama3", "llama3-full.json"},
      {"llama3-full-hf", "huggingface", "llama3-full.json"},
      {"llama2-full", "llama2", "llama2-full.json"},
      {"llama2-full-hf", "huggingface", "llama2-full.json"}};
  for (const SyntheticTokenizer &tokenizer : syntheticTokenizers()) {
    write(tokenizer.name + ".json", tokenizer.json);
    Json theirs = tokenizer.json;
    theirs["pre_tokenizer"] = inOtherWords(theirs["pre_tokenizer"]);
    write(tokenizer.name + ".theirs.json", theirs);
    jobs.push_back({tokenizer.name, "huggingface", tokenizer.name + ".json",
                    tokenizer.name + ".theirs.json"});
  }
  ASSERT_NO_FATAL_FAILURE(run(jobs));
  for (const Job &job : jobs)
    compare(job);
  tern::TokenizerSources sources;
  sources.sentencePiece =
      llama2Model(readFile(directory + "/llama2-full.json"));
  Job model = jobs[3];
  std::printf("and from tokenizer.model:\n");
  compare(model, Table(sources));
}

} // namespace
