// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// usage: node tokenize.mjs DIRECTORY
//
// DIRECTORY/jobs.json lists {engine, tokenizer, texts, out}: names of files in
// DIRECTORY. A job's texts are encoded and decoded by the engine, and written to
// `out` as {ids: [[...]], texts: [...]}. Where a tokenizer is missing but its
// engine has a vocabulary of its own, that is written as tokenizer.json first.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import llama2 from "llama-tokenizer-js";
import { Llama3Tokenizer } from "llama3-tokenizer-js";

const llama3 = new Llama3Tokenizer();
const directory = process.argv[2];
const read = (name) => JSON.parse(readFileSync(`${directory}/${name}`, "utf8"));
const write = (name, value) => writeFileSync(`${directory}/${name}`, JSON.stringify(value));

const addedToken = (id, content) => ({
  id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
});

const bosTemplate = (bos, id) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
});

// Packages keep "left right" -> priority; the order of insertion is the rank.
const mergesOf = (tokenizer) =>
  [...tokenizer.merges.entries()].sort((a, b) => a[1] - b[1]).map(([pair]) => pair.split(" "));

const llama3Json = () => {
  const special = llama3.vocabById.length - 256;
  const names = llama3.vocabById;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: names.slice(special).map((name, i) => addedToken(special + i, name)),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" +
              "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: "Isolated",
          invert: false,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: bosTemplate("<|begin_of_text|>", special),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null,
      end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: true,
      vocab: Object.fromEntries(names.slice(0, special).map((name, id) => [name, id])),
      merges: mergesOf(llama3),
    },
  };
};

const llama2Json = () => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["<unk>", "<s>", "</s>"].map((name, id) => addedToken(id, name)),
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "\u2581" },
      { type: "Replace", pattern: { String: " " }, content: "\u2581" },
    ],
  },
  pre_tokenizer: null,
  post_processor: bosTemplate("<s>", 1),
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "\u2581" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null,
    end_of_word_suffix: null, fuse_unk: true, byte_fallback: true,
    vocab: Object.fromEntries(llama2.vocabById.map((name, id) => [name, id])),
    merges: mergesOf(llama2),
  },
});

const engines = {
  huggingface: {
    load: (json) => new Tokenizer(json, {}),
    encode: (tokenizer, text) => tokenizer.encode(text).ids,
    decode: (tokenizer, ids) =>
      ids.length === 0
        ? ""
        : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
  },
  llama3: {
    make: llama3Json,
    load: () => llama3,
    encode: (tokenizer, text) => tokenizer.encode(text, { bos: true, eos: false }),
    decode: (tokenizer, ids) => tokenizer.decode(ids.filter((id) => id < 128000)),
  },
  llama2: {
    make: llama2Json,
    load: () => llama2,
    encode: (tokenizer, text) => tokenizer.encode(text),
    decode: (tokenizer, ids) => (ids.length === 0 ? "" : tokenizer.decode(ids)),
  },
};

for (const job of read("jobs.json")) {
  const engine = engines[job.engine];
  if (!existsSync(`${directory}/${job.tokenizer}`)) write(job.tokenizer, engine.make());
  const tokenizer = engine.load(read(job.tokenizer));
  const ids = read(job.texts).map((text) => engine.encode(tokenizer, text));
  write(job.out, { ids, texts: ids.map((list) => engine.decode(tokenizer, list)) });
}
