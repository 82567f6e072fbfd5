// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// usage: node openai.mjs URL KEY
//
// Calls a server by OpenAI's own client. A line for each call; status 1 if one of
// them does not get what OpenAI's documentation promises.

import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const model = "bard";
const messages = [{ role: "user", content: "Speak, my lord." }];
const chat = { model, messages, temperature: 0, max_completion_tokens: 12 };
const text = { model, prompt: "ROMEO:", temperature: 0, max_tokens: 12 };
const tool = {
  type: "function",
  function: {
    name: "weather", description: "Weather now",
    parameters: { type: "object", properties: { place: { enum: ["Verona", "Rome"] } }, required: ["place"] },
  },
};
const complete = (more = {}) => client.completions.create({ ...text, ...more });
const say = (more = {}) => client.chat.completions.create({ ...chat, ...more });

const collect = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const join = (chunks, index = 0) =>
  chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index)
    .map((choice) => choice.delta?.content ?? choice.text ?? "").join("");
const fails = async (promise, kind, word) => {
  const error = await promise.then(() => assert.fail("no error"), (e) => e);
  assert(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  assert.match(error.message, word);
  return error;
};

let whole, said; // answers that others are compared with

const calls = {
  "models.list": async () => {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    assert.deepEqual(ids, [model]);
  },
  "models.retrieve": async () => assert.equal((await client.models.retrieve(model)).object, "model"),
  "completion": async () => {
    whole = (await complete()).choices[0];
    assert(whole.text.length > 5);
    assert.equal(whole.finish_reason, "length");
  },
  "completion, streamed": async () =>
    assert.equal(join(await collect(await complete({ stream: true }))), whole.text),
  "completion, streamed, with usage": async () => {
    const chunks = await collect(await complete({ stream: true, stream_options: { include_usage: true } }));
    assert.equal(chunks.at(-1).usage.completion_tokens, 12);
    assert.equal(chunks[0].usage, null);
  },
  "completion, echo": async () =>
    assert.equal((await complete({ echo: true })).choices[0].text, `ROMEO:${whole.text}`),
  "completion, logprobs": async () => {
    const { logprobs } = (await complete({ logprobs: 2 })).choices[0];
    assert.equal(logprobs.tokens.join(""), whole.text);
    assert.equal(Object.keys(logprobs.top_logprobs[0]).length, 2);
    assert(logprobs.token_logprobs.every((value) => value <= 0));
  },
  "completion, two prompts": async () => {
    const { choices } = await complete({ prompt: ["ROMEO:", "JULIET:"] });
    assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
    assert.equal(choices[0].text, whole.text);
  },
  "completion, stop": async () => {
    const choice = (await complete({ stop: whole.text.slice(4, 8) })).choices[0];
    assert.equal(choice.text, whole.text.slice(0, 4));
    assert.equal(choice.finish_reason, "stop");
  },
  "chat": async () => {
    const answer = await say();
    said = answer.choices[0].message.content;
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.equal(answer.usage.completion_tokens, 12);
  },
  "chat, streamed": async () => {
    const chunks = await collect(await say({ stream: true }));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(join(chunks), said);
  },
  "chat, streamed, with usage": async () => {
    const chunks = await collect(await say({ stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 12);
  },
  "chat, the client's own runner": async () => {
    const stream = client.chat.completions.stream(chat);
    assert.equal(await stream.finalContent(), said);
  },
  "chat, two answers": async () => {
    const { choices } = await say({ n: 2, temperature: 1, seed: 5 });
    assert.notEqual(choices[0].message.content, choices[1].message.content);
  },
  "chat, two answers, streamed": async () => {
    const { choices } = await say({ n: 2, temperature: 1, seed: 5 });
    const chunks = await collect(await say({ n: 2, temperature: 1, seed: 5, stream: true }));
    for (const index of [0, 1]) assert.equal(join(chunks, index), choices[index].message.content);
  },
  "chat, seed": async () => {
    const [a, b, c] = await Promise.all([3, 3, 4].map((seed) => say({ temperature: 1, seed })));
    assert.equal(a.choices[0].message.content, b.choices[0].message.content);
    assert.notEqual(a.choices[0].message.content, c.choices[0].message.content);
  },
  "chat, logprobs": async () => {
    const { content } = (await say({ logprobs: true, top_logprobs: 3 })).choices[0].logprobs;
    assert.equal(content.length, 12);
    assert.equal(content.map((one) => one.token).join(""), said);
    assert.equal(content[0].top_logprobs[0].token, content[0].token);
    assert.deepEqual(Buffer.from(content[0].bytes).toString(), content[0].token);
  },
  "chat, logprobs, streamed": async () => {
    const chunks = await collect(await say({ logprobs: true, top_logprobs: 1, stream: true }));
    const tokens = chunks.flatMap((chunk) => chunk.choices[0].logprobs?.content ?? []);
    assert.equal(tokens.map((one) => one.token).join(""), said);
  },
  "chat, roles and parts": async () => {
    const parts = [{ role: "developer", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Speak," }, { type: "text", text: " my lord." }] },
      { role: "assistant", content: "Ay." }, { role: "user", content: "On." }];
    assert((await say({ messages: parts })).usage.prompt_tokens > 20);
  },
  "chat, results of calls": async () => {
    const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"place": "Verona"}' } };
    const turns = [...messages, { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "rain" }];
    assert.equal((await say({ messages: turns, tools: [tool], tool_choice: "none" })).choices.length, 1);
  },
  "chat, a call of a tool": async () => {
    const { message, finish_reason } = (await say({
      tools: [tool], tool_choice: "required", parallel_tool_calls: false, max_completion_tokens: 220,
    })).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.tool_calls[0].function.name, "weather");
    assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).place, "string");
  },
  "chat, a form": async () => {
    const schema = { type: "object", properties: { is: { type: "boolean" } }, required: ["is"], additionalProperties: false };
    const response_format = { type: "json_schema", json_schema: { name: "x", schema, strict: true } };
    const answer = await client.chat.completions.parse({ ...chat, response_format, max_completion_tokens: 60 });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).is, "boolean");
  },
  "chat, aborted": async () => {
    const stream = await say({ stream: true, max_completion_tokens: 200 });
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    assert(stream.controller.signal.aborted);
  },
  "embedding": async () => {
    const { data } = await client.embeddings.create({ model, input: "my lord" });
    assert(Math.abs(data[0].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5);
  },
  "embeddings, as numbers": async () => {
    const both = await client.embeddings.create({ model, input: ["my lord", "a fool"], encoding_format: "float" });
    const { data } = await client.embeddings.create({ model, input: "my lord" });
    assert.equal(both.data.length, 2);
    data[0].embedding.forEach((x, i) => assert(Math.abs(x - both.data[0].embedding[i]) < 1e-6));
  },
  "no such model": () => fails(say({ model: "gpt-4" }), OpenAI.NotFoundError, /gpt-4.*bard/),
  "no such parameter": async () => {
    const error = await fails(say({ colour: "red" }), OpenAI.BadRequestError, /colour/);
    assert.equal(error.param, "colour");
    assert.equal(error.type, "invalid_request_error");
  },
  "temperature out of range": () => fails(say({ temperature: 3 }), OpenAI.BadRequestError, /from 0 to 2/),
  "messages of nobody": () => fails(say({ messages: [] }), OpenAI.BadRequestError, /messages/),
  "a text too long": () =>
    fails(complete({ prompt: "word ".repeat(3000) }), OpenAI.BadRequestError, /context of 256/),
  "a wrong key": () => {
    const other = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
    return fails(other.models.list(), OpenAI.AuthenticationError, /key/);
  },
  "many at once": async () => {
    const answers = await Promise.all(Array.from({ length: 24 }, () => complete()));
    for (const answer of answers) assert.equal(answer.choices[0].text, whole.text);
  },
};

let failed = 0;
for (const [name, call] of Object.entries(calls)) {
  try {
    await call();
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`failed: ${name}: ${error.message}`);
  }
}
console.log(`${Object.keys(calls).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
