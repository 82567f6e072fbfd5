// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   const model = await load(fetch("model.wasm"));
//   for (const text of model.generate("ROMEO:", 60)) ...

/** Takes the bytes of model.wasm, or a promise of a response with them. */
export async function load(source) {
  const found = await source;
  const bytes = found.arrayBuffer ? await found.arrayBuffer() : found;
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return new Model(instance.exports);
}

class Model {
  constructor(wasm) {
    this.wasm = wasm;
  }

  /** Text behind the prompt, in pieces of whole characters. */
  *generate(prompt, count) {
    const wasm = this.wasm;
    const text = new TextEncoder().encode(prompt);
    if (text.length > wasm.room())
      throw new Error(`a prompt may have ${wasm.room()} bytes, not ${text.length}`);
    new Uint8Array(wasm.memory.buffer).set(text, wasm.input());
    this.check(wasm.begin(text.length));
    const decoder = new TextDecoder();
    for (let i = 0; i < count; ++i) {
      const at = wasm.piece();
      const bytes = new Uint8Array(wasm.memory.buffer, at, wasm.piece_bytes());
      yield decoder.decode(bytes, { stream: true });
      this.check(wasm.next());
    }
    yield decoder.decode();
  }

  check(status) {
    if (status === 0) return;
    const bytes = new Uint8Array(this.wasm.memory.buffer, this.wasm.reason(status));
    throw new Error(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))));
  }
}
