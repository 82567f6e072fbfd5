// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// usage: node compare_templates.mjs RENDERER DATA
//
// Renders every template of DATA with every conversation, and every snippet,
// with ours and with the npm package @huggingface/jinja, and compares. Where the
// package is not what Python's Jinja2 is, which templates are written for,
// python.json has Jinja2's text and what the package does instead. Prints the
// mismatches and their count; exits with 1 if there are any.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";

const [renderer, data] = process.argv.slice(2);
const read = (name) => readFileSync(join(data, name), "utf8");

function byPackage(template, variables) {
  try {
    return { text: new Template(template).render(variables) };
  } catch (error) {
    return { error: error.message };
  }
}

/** One rendering by ours and what it is compared with. */
function* renderings() {
  const conversations = JSON.parse(read("conversations.json"));
  const snippets = JSON.parse(read("snippets.json"));
  const python = JSON.parse(read("python.json"));
  for (const name of readdirSync(data).filter((file) => file.endsWith(".jinja")))
    for (const [title, conversation] of Object.entries(conversations)) {
      const exception = python.conversations.find(
        (each) => each.template === name && each.conversation === title,
      );
      const variables = { bos_token: "<s>", eos_token: "</s>", ...conversation };
      yield { name: `${name}, ${title}`, template: read(name), variables, exception };
    }
  const { variables } = snippets;
  for (const template of snippets.agree) yield { name: template, template, variables };
  for (const exception of python.snippets)
    yield { name: exception.template, template: exception.template, variables, exception };
}

/** Ours, all in one process. */
function render(jobs) {
  const input = jobs.map(({ template, variables }) => {
    const [text, json] = [template, JSON.stringify(variables)].map((s) => Buffer.from(s));
    return Buffer.concat([Buffer.from(`${text.length} ${json.length}\n`), text, json]);
  });
  const run = spawnSync(renderer, { input: Buffer.concat(input), maxBuffer: 1 << 28 });
  const rendered = [];
  for (let at = 0; at < run.stdout.length; ) {
    const line = run.stdout.indexOf("\n", at);
    const [failed, bytes] = run.stdout.toString("utf8", at, line).split(" ").map(Number);
    at = line + 1 + bytes;
    rendered.push({ [failed ? "error" : "text"]: run.stdout.toString("utf8", line + 1, at) });
  }
  if (run.status !== 0 || rendered.length !== jobs.length) {
    console.log(`${renderer} ended with ${run.status ?? run.signal}\n${run.stderr}`);
    process.exit(1);
  }
  return rendered;
}

// That both refuse is enough: sentences are ours.
const agree = (a, b) => ("error" in a ? "error" in b : a.text === b.text);

const jobs = [...renderings()];
const ours = render(jobs);
const count = { package: 0, python: 0, refused: 0, mismatches: 0 };
jobs.forEach(({ name, template, variables, exception }, i) => {
  const reference = byPackage(template, variables);
  const expected = exception ? { text: exception.text } : reference;
  ++count[exception ? "python" : "package"];
  count.refused += !exception && "error" in reference;
  if (exception && agree(expected, reference))
    console.log(`${name}\n  python.json: the package agrees by now; no exception is needed`);
  else if (agree(expected, ours[i])) return;
  else
    console.log(
      `${name}\n  expected ${JSON.stringify(expected)}\n  got      ${JSON.stringify(ours[i])}`,
    );
  ++count.mismatches;
});
console.log(
  `${count.package} renderings compared with @huggingface/jinja (${count.refused} refused by ` +
    `both), ${count.python} with Jinja2's text; mismatches: ${count.mismatches}`,
);
process.exit(count.mismatches ? 1 : 0);
