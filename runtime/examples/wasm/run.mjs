// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The page without a browser: node run.mjs [PROMPT]
import { readFileSync } from "node:fs";
import { load } from "./tern.js";

const model = await load(readFileSync(new URL("model.wasm", import.meta.url)));
for (const text of model.generate(process.argv[2] ?? "ROMEO:", 60)) process.stdout.write(text);
process.stdout.write("\n");
