# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python/tern over libtern: what the command line prints, for many threads.

Needs TERN_BINARY in a build folder; without it these tests are skipped.
"""

from __future__ import annotations

import gc
import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cached import compiled_once
from conftest import MODELS, model_directory
from test_driver import run
from test_golden import assert_same_bits, golden, golden_json

A48 = model_directory(MODELS[0])
GENERIC = ["--target=generic"]
WANT = golden_json(MODELS[0])["greedy"]


@pytest.fixture(scope="module")
def libtern(tern) -> Path:
    path = Path(tern).resolve().parents[1] / "lib" / "libtern.so.0"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture(scope="module")
def library(tern, libtern) -> Path:
    os.environ["TERN_LIBRARY"] = str(libtern)
    return compiled_once(tern, A48, ["--emit=shared", *GENERIC]) / "bard.so"


@pytest.fixture(scope="module")
def model(library):
    import tern as package

    with package.Model(library, threads=1) as model:
        yield model


@pytest.mark.parametrize("seed", [None, 7])
def test_text_is_that_of_the_command_line(tern, model, seed):
    program = compiled_once(tern, A48, GENERIC) / "bard"
    flags = ["--temp", "0"] if seed is None else ["--temp", "0.9", "--seed", seed]
    done = run(program, "-p", "ROMEO:", "-n", 40, "-q", *flags)
    assert done.returncode == 0, done.stderr
    sampling = {"temperature": 0} if seed is None else {"temperature": 0.9, "seed": seed}
    answer = model.generate("ROMEO:", max_tokens=40, **sampling)
    assert done.stdout.rstrip("\n") == answer.text.rstrip("\n") and len(answer.ids) == 40
    assert (answer.finish, answer.prompt_tokens) == ("length", len(model.tokenize("ROMEO:")))
    if seed is None:
        assert answer.ids[: len(WANT[0]["ids"])] == WANT[0]["ids"][:40]


def test_penalties_and_biases(model):
    plain = model.generate("ROMEO:", max_tokens=20, temperature=0)
    often = max(plain.ids, key=plain.ids.count)
    banned = model.generate("ROMEO:", max_tokens=20, temperature=0, logit_bias={often: -1000})
    assert often not in banned.ids
    varied = model.generate("ROMEO:", max_tokens=20, temperature=0, frequency_penalty=1000)
    assert len(set(varied.ids)) == 20
    with pytest.raises(ValueError, match="bias 0 is of token 99999"):
        model.generate("x", logit_bias={99999: 1})


def test_streams_threads_and_single_requests_agree(model):
    jobs = [(WANT[i % 2]["prompt"], seed) for i, seed in enumerate(range(8))]
    alone = [model.generate(text, seed=seed, max_tokens=12).text for text, seed in jobs]
    assert len(set(alone)) == len(alone)
    with ThreadPoolExecutor(len(jobs)) as pool:
        crowd = list(pool.map(lambda job: model.generate(job[0], seed=job[1], max_tokens=12), jobs))
    assert [answer.text for answer in crowd] == alone
    streams = [model.stream(text, seed=seed, max_tokens=12) for text, seed in jobs]
    assert ["".join(map(str, stream)) for stream in streams] == alone


def test_log_probabilities(model):
    answer = model.generate("ROMEO:", max_tokens=8, temperature=0, logprobs=3)
    for token in answer.tokens:
        assert token.id == token.top[0].id and token.logprob == token.top[0].logprob < 0
        assert [t.logprob for t in token.top] == sorted((t.logprob for t in token.top), reverse=True)
    assert model.generate("ROMEO:", max_tokens=1).tokens[0].logprob is None


def test_stop_strings_and_limits(model):
    text = model.generate("ROMEO:", max_tokens=24, temperature=0).text
    stop = text[10:14]
    answer = model.generate("ROMEO:", max_tokens=24, temperature=0, stop=["never", stop])
    assert answer.finish == "stop" and answer.text == text[: text.index(stop)]
    full = model.generate("ROMEO:", temperature=0, ignore_end=True)
    assert full.finish == "context" and full.prompt_tokens + len(full.ids) in (256, 257)


def test_cancelled_streams_end(model):
    with model.stream("ROMEO:", temperature=0, ignore_end=True) as stream:
        next(stream)
    assert stream.answer.finish == "cancelled" and len(stream.answer.ids) < 200
    stream = model.stream("ROMEO:", temperature=0, ignore_end=True)
    timer = threading.Timer(0.02, stream.cancel)
    timer.start()
    assert stream.read().finish == "cancelled"
    forgotten = model.stream("ROMEO:", temperature=0, ignore_end=True)
    listener = forgotten._listener
    del forgotten
    while listener.queue.get(timeout=60) is not None:
        pass
    assert listener.answer.finish == "cancelled"


def test_a_sequence_is_freed_once(model):
    """By two threads that close it at the same time."""
    sequence, freed = model.sequence(), []
    library = sequence._engine.library
    free = library.tern_sequence_destroy

    def slowly(handle: int) -> int:
        freed.append(handle)
        time.sleep(0.05)
        return free(handle) if len(freed) == 1 else 0

    library.tern_sequence_destroy = slowly
    try:
        threads = [threading.Thread(target=sequence.close) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        library.tern_sequence_destroy = free
    assert len(freed) == 1


def test_sequences_go_on_fork_and_come_back(model):
    import tern as package

    greedy = {"temperature": 0, "max_tokens": 10}
    whole = model.generate("ROMEO:", temperature=0, max_tokens=20)
    with model.sequence() as sequence:
        first = sequence.generate("ROMEO:", **greedy)
        saved, fork = sequence.save(), sequence.fork()
        others = [sequence, fork, model.restore(saved)]
        for other in others:
            assert other.tokens == model.tokenize("ROMEO:") + first.ids
            assert first.text + other.generate(**greedy).text == whole.text
        with sequence.stream(**greedy), pytest.raises(package.InvalidError, match="not over"):
            sequence.generate(**greedy)
    with pytest.raises(package.Error, match="the sequence is closed"):
        sequence.generate("x")
    with pytest.raises(package.Error):
        model.restore(saved[:-1])


def test_chats_use_the_template(library, tmp_path):
    import tern as package

    template = tmp_path / "plain.jinja"
    template.write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ m.more }}\n{% endfor %}ROMEO:"
    )
    with package.Model(library, chat_template=template) as model:
        messages = [{"role": "user", "content": "Who?"}]
        assert model.render(messages) == "user: Who?\nROMEO:"
        assert model.render([{**messages[0], "more": "!"}]) == "user: Who?!\nROMEO:"
        answer = model.chat(messages, max_tokens=12, temperature=0)
        ids = model.tokenize_chat(messages)
        assert model.detokenize(ids) == "user: Who?\nROMEO:"
        assert answer.text == model.generate(ids, max_tokens=12, temperature=0).text
        going_on = [*messages, answer.message, {"role": "user", "content": "I?"}]
        assert model.render(going_on) == f"user: Who?\nassistant: {answer.text}\nuser: I?\nROMEO:"
        again = model.chat(going_on, max_tokens=2, temperature=0)
        assert again.reused_tokens > 0 or again.prompt_tokens < 64
        with pytest.raises(package.InvalidError, match="marks"):
            model.render([package.Message("user", "abc", b"\1")])


def test_numbers_are_the_models(model):
    one, two = model.embed("ROMEO:"), model.embed(["ROMEO:", model.tokenize("JULIET:")])
    assert one.shape == (model.hidden_size,) and two.shape == (2, model.hidden_size)
    assert_same_bits(one, two[0])
    assert np.any(two[0] != two[1])


def test_logits_are_the_references(model):
    """Of all tokens of a text, of those of an answer, and their log-probabilities."""
    kept = golden(MODELS[0])
    tokens = kept.f32("tokens").astype(int)[:24].tolist()
    want = kept.f32("config.logits")[:24]
    assert_same_bits(model.logits(tokens), want)
    assert_same_bits(model.logits(tokens[:1]), want[:1])
    answer = model.generate(
        tokens, max_tokens=2, temperature=0, logprobs=2, prompt_logprobs=True, logits=True
    )
    first, second = answer.tokens
    assert_same_bits(first.logits, want[23])
    assert_same_bits(second.logits, model.logits([*tokens, first.id])[-1])
    assert [token.id for token in answer.prompt] == tokens
    assert answer.prompt[0].logprob is None and not answer.prompt[0].top
    wide = want.astype(float)
    every = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    for row, token in zip(every, [*answer.prompt[1:], first]):
        assert token.logprob == pytest.approx(row[token.id], rel=1e-12)
        assert token.top[0].id == row.argmax()
    assert 0 < answer.seconds_queued <= answer.seconds_to_first <= answer.seconds < 600


def test_programs_and_checkpoints_open(tern, model, tmp_path, monkeypatch):
    """The second is compiled, with word of it; giving up is an exception of the caller's."""
    import tern as package

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    want = model.generate("ROMEO:", max_tokens=8, temperature=0).text
    with package.Model(compiled_once(tern, A48, GENERIC) / "bard") as program:
        assert program.generate("ROMEO:", max_tokens=8, temperature=0).text == want
    stages: list[str] = []
    arguments: dict = {"compiler": tern, "compile_flags": GENERIC}

    def give_up(now: package.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        package.Model(A48, on_progress=give_up, **arguments)
    with package.Model(A48, on_progress=lambda now: stages.append(now.stage), **arguments) as made:
        assert made.generate("ROMEO:", max_tokens=8, temperature=0).text == want
        made.check()
    assert "compile" in stages and set(stages) <= {"compile", "load"}
    with pytest.raises(package.Error, match="no-such-flag"):
        package.Model(A48, compiler=tern, compile_flags=["--no-such-flag"])
    with pytest.raises(package.Error, match="config.json"):
        package.Model(tmp_path, compiler=tern)


def test_answers_of_a_form(model):
    import tern as package

    forms = ["yes", "no", "perhaps"]
    rules = package.Grammar.from_rules("root ::= " + " | ".join(f'"{form}"' for form in forms))
    answer = model.generate("ROMEO:", temperature=0, grammar=rules)
    assert answer.text in forms and answer.finish == "stop"
    grammar = package.Grammar.from_schema({"enum": ["yes", 17, None]})
    with ThreadPoolExecutor(4) as pool:
        texts = pool.map(lambda seed: model.generate("ROMEO:", seed=seed, grammar=grammar), range(8))
        assert {json.loads(answer.text) for answer in texts} <= {"yes", 17, None}
    assert model.generate("ROMEO:", grammar=package.Grammar.any_object(), max_tokens=1).text[:1] in "{ "
    with pytest.raises(package.InvalidError, match="root"):
        package.Grammar.from_rules('leaf ::= "x"')
    with pytest.raises(package.InvalidError, match="schema cannot be JSON"):
        package.Grammar.from_schema({"a": object()})


MOOD = {"type": "object", "required": ["mood"], "additionalProperties": False,
        "properties": {"mood": {"enum": ["glad", "sad"]}}}  # fmt: skip
TOOLS = [{"type": "function", "function": {"name": name, "parameters": MOOD}} for name in ("act", "sing")]


def test_calls_of_tools(library, tmp_path):
    """Made by force, taken apart, and said to the template again."""
    import tern as package

    template = tmp_path / "tools.jinja"
    template.write_text(
        "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
        "{{ c.function.name }}{{ c.function.arguments.mood }}{% endfor %}{% endfor %}"
        "{% if tools %}<tool_call>{% endif %}"
    )
    messages = [{"role": "user", "content": "Hi"}]
    with package.Model(library, threads=1, chat_template=template) as model:
        grammar = package.Grammar.from_tools(model, TOOLS, name="sing")
        answer = model.chat(messages, tools=TOOLS, grammar=grammar, seed=1)
        parts = model.take_apart(answer, tools=TOOLS)
        (call,) = parts.calls
        assert call.name == "sing" and call.arguments["mood"] in ("glad", "sad")
        assert (parts.content, parts.thought, answer.finish) == ("", "", "stop")
        told = [*messages, {"role": "assistant", "content": "", "tool_calls": [call.json]}]
        assert model.render(told) == f"Hising{call.arguments['mood']}"
        parts = model.take_apart("<think>hm</think>well <tool_call>{")
        assert (parts.thought, parts.content, parts.calls) == ("hm", "well <tool_call>{", [])
        with pytest.raises(package.InvalidError, match="fly"):
            package.Grammar.from_tools(model, TOOLS, name="fly")


REFUSED = [
    ({"temperature": -1}, "temperature is -1, expected 0 or more"),
    ({"temperature": float("nan")}, "temperature is nan, expected 0 or more"),
    ({"top_p": 3}, "top_p is 3, expected 1e-06 to 1"),
    ({"seed": 2**70}, "expected at most 9223372036854775807"),
    ({"stop": ""}, "stop string 0 has 0 bytes"),
    ({"stop": "a\0b"}, "a stop string has a NUL"),
    ({"logprobs": 21}, "logprobs is 21, expected 0 to 20"),
]


@pytest.mark.parametrize("sampling, words", REFUSED)
def test_refused_numbers(model, sampling, words):
    import tern as package

    with pytest.raises(package.InvalidError, match=re.escape(words)) as caught:
        model.generate("ROMEO:", **sampling)
    assert isinstance(caught.value, ValueError) and "\n" not in str(caught.value)


def test_refused_texts_and_files(model, library, tmp_path):
    import tern as package

    for prompt, words in [
        ([model.vocab_size], "token 0 is 1024, expected 0 to 1023"),
        ([-1], "token 0 is -1, which is no id"),
        ([2**32 + 5], "token 0 is 4294967301, which is no id"),
        ("\ud800", "no Unicode"),
        ([], "no tokens"),
        ("x" * 5000, "the context of 256 has room for 256"),
    ]:
        with pytest.raises(package.InvalidError, match=words):
            model.generate(prompt)
    with pytest.raises(TypeError):
        model.generate("ROMEO:", max_tokens=1.5)
    with pytest.raises(TypeError):
        model.generate("ROMEO:", no_such_number=1)
    with pytest.raises(package.Error, match="No such file"):
        package.Model(tmp_path / "none.so")
    with pytest.raises(package.InvalidError, match="max_sequences is -1"):
        package.Model(library, max_sequences=-1)
    with package.Model(library, max_waiting=0, max_sequences=1) as full:
        with pytest.raises(package.BusyError), full.stream("ROMEO:", ignore_end=True):
            full.stream("ROMEO:"), full.stream("ROMEO:")


def test_closed_and_forgotten_models(library):
    import tern as package

    model = package.Model(library)
    stream, sequence = model.stream("ROMEO:", temperature=0, ignore_end=True), model.sequence()
    model.close()
    model.close()
    assert stream.read().finish == "cancelled"
    sequence.close()
    with pytest.raises(package.Error, match="the model is closed"):
        model.generate("ROMEO:")
    threads = threading.active_count()
    model = package.Model(library)
    engine, streams = model._engine, [model.stream("ROMEO:", ignore_end=True) for _ in range(3)]
    del model
    gc.collect()
    assert not engine.is_closing  # a stream keeps its model
    del streams, stream
    gc.collect()
    assert engine.is_closing and threading.active_count() == threads
