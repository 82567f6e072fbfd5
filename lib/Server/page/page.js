// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chat with the server that the page came from. All that models and people
// write is set as text, never as markup; nothing is stored.
"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("form"), message = byId("message"), log = byId("log");
const models = new Map(); // by name: what /v1/models says
let conversation = []; // {role, content}
let running = null; // AbortController of the answer that comes

const say = (text) => { byId("status").textContent = text; };

const headers = () => {
  const key = byId("key").value.trim();
  return { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) };
};

// The sentence of a refusal, in OpenAI's form or another.
const refusal = async (response) => {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return text || `${response.status} ${response.statusText}`;
  }
};

const addArticle = (kind, title) => {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const article = document.createElement("article");
  const heading = document.createElement("h2");
  article.className = kind;
  heading.textContent = title;
  article.append(heading);
  log.append(article);
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  return article;
};

// A paragraph whose text grows; scrolled to unless somebody reads further up.
const addText = (article, kind = "") => {
  const paragraph = document.createElement("p");
  const node = document.createTextNode("");
  paragraph.className = kind;
  paragraph.append(node);
  article.append(paragraph);
  return (text) => {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    node.appendData(text);
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  };
};

const showFault = (text) => {
  addText(addArticle("fault", "Error"))(text);
  say("");
};

async function loadModels() {
  const response = await fetch("v1/models", { headers: headers() });
  if (!response.ok) {
    if (response.status === 401) byId("keyLabel").closest("details").open = true;
    say(await refusal(response));
    return;
  }
  models.clear();
  for (const model of (await response.json()).data) models.set(model.id, model);
  byId("model").replaceChildren(...[...models.keys()].map((name) => new Option(name)));
  say("");
}

// The events of a stream, parsed.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const lines = text.split("\n\n");
    text = lines.pop();
    for (const line of lines) {
      const data = line.replace(/^data: /, "");
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}

// A model without a template goes on with the last text.
const requestOf = (name) => {
  const temperature = byId("temperature").valueAsNumber;
  const request = { model: name, stream: true, stream_options: { include_usage: true } };
  if (!Number.isNaN(temperature)) request.temperature = temperature;
  const tokens = byId("tokens").valueAsNumber;
  if (!Number.isNaN(tokens)) request.max_tokens = tokens;
  if (!models.get(name).has_template)
    return ["v1/completions", { ...request, prompt: conversation.at(-1).content }];
  const system = byId("system").value.trim();
  const first = system ? [{ role: "system", content: system }] : [];
  return ["v1/chat/completions", { ...request, messages: [...first, ...conversation] }];
};

async function readAnswer(response, article, turns) {
  let content = "", usage = null, write = null, think = null;
  try {
    for await (const event of eventsOf(response)) {
      if (event.error) throw new Error(event.error.message);
      usage = event.usage ?? usage;
      const choice = event.choices[0];
      const thought = choice?.delta?.reasoning_content ?? "";
      const text = choice?.delta?.content ?? choice?.text ?? "";
      if (thought) (think ??= addText(article, "thought"))(thought);
      if (text) (write ??= addText(article))(text);
      content += text;
    }
  } finally {
    // An answer that was stopped stays said.
    turns.push({ role: "assistant", content });
  }
  return usage;
}

async function answer() {
  const turns = conversation; // "New chat" begins another one meanwhile
  const [path, request] = requestOf(byId("model").value);
  const started = performance.now();
  running = new AbortController();
  byId("stop").disabled = false;
  byId("send").disabled = true;
  log.setAttribute("aria-busy", "true");
  say("Answering");
  try {
    const response = await fetch(path, {
      method: "POST", headers: headers(), body: JSON.stringify(request), signal: running.signal,
    });
    if (!response.ok) throw new Error(await refusal(response));
    const usage = await readAnswer(response, addArticle("assistant", request.model), turns);
    const seconds = (performance.now() - started) / 1000;
    say(usage ? `${usage.completion_tokens} tokens in ${seconds.toFixed(1)} s` : "");
  } catch (error) {
    // Templates want an answer behind each message.
    if (turns.at(-1).role === "user") turns.pop();
    if (error.name === "AbortError") say("Stopped");
    else showFault(error.message);
  } finally {
    running = null;
    byId("stop").disabled = true;
    byId("send").disabled = false;
    log.removeAttribute("aria-busy");
    message.focus();
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = message.value;
  if (!text.trim() || running) return;
  if (!models.size) await loadModels();
  if (!models.size) return;
  message.value = "";
  addText(addArticle("user", "You"))(text);
  conversation.push({ role: "user", content: text });
  await answer();
});

message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});

byId("stop").addEventListener("click", () => running?.abort());

byId("clear").addEventListener("click", () => {
  running?.abort();
  conversation = [];
  log.replaceChildren();
  say("");
  message.focus();
});

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  message.focus();
});

byId("key").addEventListener("change", loadModels);
loadModels().catch((error) => say(error.message));
