# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern serve`: the answers of OpenAI's API, and what is refused.

Needs TERN_BINARY, built with the server; without it these tests are skipped.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from cached import compiled_once
from conftest import MODELS, ROOT, model_directory
from served import Served, serving
from tern_reference.synth import synthesize
from test_driver import run
from test_golden import golden_json

GREEDY = golden_json(MODELS[0])["greedy"][0]
CHAT = {"messages": [{"role": "user", "content": "Speak, my lord."}], "temperature": 0, "max_tokens": 12}
TEXT = {"prompt": GREEDY["prompt"], "temperature": 0, "max_tokens": len(GREEDY["ids"])}


def need_server(tern: str) -> None:
    if "built without its server" in run(tern, "serve", "/nowhere", "--port", "0").stderr:
        pytest.skip("tern was built without libmicrohttpd")


@pytest.fixture(scope="module")
def server(tern, tmp_path_factory) -> Served:
    need_server(tern)
    with serving(tern, tmp_path_factory.mktemp("server"), "--max-body", "64K") as served:
        yield served


def test_completion_is_the_text_of_the_command_line(server):
    answer = server.json("/v1/completions", TEXT)
    assert answer["choices"][0]["text"] == GREEDY["text"]
    assert answer["object"] == "text_completion" and answer["model"] == "bard"
    usage = answer["usage"]
    assert usage["completion_tokens"] == len(GREEDY["ids"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_stream_is_the_same_text(server):
    want = server.json("/v1/chat/completions", CHAT)
    chunks = server.events("/v1/chat/completions", {**CHAT, "stream_options": {"include_usage": True}})
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == want["usage"]["total_tokens"]
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert choices[0]["delta"]["role"] == "assistant" and len(choices) > 5
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    assert text == want["choices"][0]["message"]["content"]
    assert [c["finish_reason"] for c in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[-1]["finish_reason"] == want["choices"][0]["finish_reason"] == "length"


def test_several_answers_have_seeds_of_their_own(server):
    """The second of two is the answer that the next seed gives alone, streaming or not."""
    body = {**CHAT, "temperature": 1, "seed": 7, "n": 2}
    both = [c["message"]["content"] for c in server.json("/v1/chat/completions", body)["choices"]]
    alone = server.json("/v1/chat/completions", {**body, "seed": 8, "n": 1})
    assert both[0] != both[1] == alone["choices"][0]["message"]["content"]
    texts = ["", ""]
    for chunk in server.events("/v1/chat/completions", body):
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == both


def test_stop_ends_before_the_text(server):
    answer = server.json("/v1/completions", {**TEXT, "stop": ["man", "nowhere"]})
    assert answer["choices"][0]["text"] == GREEDY["text"][: GREEDY["text"].index("man")]
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_log_probabilities_of_a_prompt(server):
    """Those that echo asks for are those of the tokens when they were an answer."""
    said = server.json("/v1/completions", {**TEXT, "max_tokens": 6, "logprobs": 2})["choices"][0]
    body = {"prompt": TEXT["prompt"] + said["text"], "max_tokens": 0, "echo": True, "logprobs": 2}
    echoed = server.json("/v1/completions", body)["choices"][0]
    assert echoed["text"] == body["prompt"] == "".join(echoed["logprobs"]["tokens"])
    assert echoed["logprobs"]["token_logprobs"][-6:] == said["logprobs"]["token_logprobs"]
    assert echoed["logprobs"]["top_logprobs"][-6:] == said["logprobs"]["top_logprobs"]
    offsets = echoed["logprobs"]["text_offset"]
    assert offsets[0] == 0 and offsets[-6] == len(TEXT["prompt"])
    [*chunks] = server.events("/v1/completions", body)
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == body["prompt"]
    assert sum(len((c["choices"][0]["logprobs"] or {"tokens": []})["tokens"]) for c in chunks) == len(offsets)


SCHEMA = {
    "type": "object", "required": ["mood", "age"], "additionalProperties": False,
    "properties": {"mood": {"enum": ["merry", "sad"]}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
}  # fmt: skip
FORM = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("act", "sing")]


def test_answers_have_the_form_that_was_asked_for(server):
    for seed in range(5):
        body = {**CHAT, "max_tokens": 100, "temperature": 1, "seed": seed, "response_format": FORM}
        choice = server.json("/v1/chat/completions", body)["choices"][0]
        value = json.loads(choice["message"]["content"])
        assert choice["finish_reason"] == "stop"
        assert set(value) == {"mood", "age"} and value["mood"] in ("merry", "sad") and 0 <= value["age"] <= 99
    bad = {**CHAT, "response_format": {**FORM, "json_schema": {"name": "x", "schema": {"type": "horse"}}}}
    assert server.refused("/v1/chat/completions", bad)["param"] == "response_format"


def test_grammars_have_a_limit(tern, tmp_path):
    """One that has no room alone is no reason to try again later."""
    need_server(tern)
    with serving(tern, tmp_path, "--grammar-memory", "10K") as served:
        error = served.refused("/v1/chat/completions", {**CHAT, "response_format": FORM})
        assert "more than grammar_bytes, 10240" in error["message"]
        assert served.json("/v1/chat/completions", CHAT)["choices"]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "sing"}}])
def test_calls_of_tools(server, choice):
    """As messages and in a stream, and their results can be told."""
    body = {**CHAT, "max_tokens": 220, "tools": TOOLS, "tool_choice": choice, "parallel_tool_calls": False}
    answer = server.json("/v1/chat/completions", body)["choices"][0]
    [call] = answer["message"]["tool_calls"]
    assert answer["finish_reason"] == "tool_calls" and answer["message"]["content"] is None
    assert call["function"]["name"] in (("act", "sing") if choice == "required" else ("sing",))
    assert set(json.loads(call["function"]["arguments"])) == {"mood", "age"}
    deltas = [chunk["choices"][0] for chunk in server.events("/v1/chat/completions", body)]
    [streamed] = [one for delta in deltas for one in delta["delta"].get("tool_calls", [])]
    assert streamed["index"] == 0 and streamed["function"] == call["function"]
    assert deltas[-1]["finish_reason"] == "tool_calls"
    told = [*CHAT["messages"], answer["message"], {"role": "tool", "tool_call_id": call["id"], "content": "done"}]
    assert server.json("/v1/chat/completions", {**CHAT, "messages": told, "tools": TOOLS})["choices"]


def test_embeddings_have_the_length_one(server):
    answer = server.json("/v1/embeddings", {"input": ["my lord", "my lord", "a fool"]})
    vectors = [one["embedding"] for one in answer["data"]]
    assert vectors[0] == vectors[1] != vectors[2]
    assert abs(sum(x * x for x in vectors[2]) - 1) < 1e-6
    coded = server.json("/v1/embeddings", {"input": "a fool", "encoding_format": "base64"})
    raw = base64.b64decode(coded["data"][0]["embedding"])
    assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == pytest.approx(vectors[2], abs=1e-7)


def test_texts_tokens_and_templates(server):
    tokens = server.json("/tokenize", {"content": "my lord"})["tokens"]
    assert server.json("/detokenize", {"tokens": tokens})["content"] == "my lord"
    rendered = server.json("/apply-template", {"messages": CHAT["messages"]})["prompt"]
    assert rendered == "user:\nSpeak, my lord.\nassistant:\n"
    by_tokens = server.json("/v1/completions", {**TEXT, "prompt": server.json(
        "/tokenize", {"content": TEXT["prompt"], "add_special": True})["tokens"]})  # fmt: skip
    assert by_tokens["choices"][0]["text"] == GREEDY["text"]


def test_health_models_and_metrics(server):
    assert server.json("/health") == {"status": "ok"}
    [model] = server.json("/v1/models")["data"]
    assert model["id"] == "bard" and model["context_length"] == 256
    before = server.settled("tern_answer_tokens_total")
    server.json("/v1/completions", {**TEXT, "max_tokens": 5})
    assert server.settled("tern_answer_tokens_total") == before + 5


REFUSED = [
    ("/v1/chat/completions", "", "the body is empty"),
    ("/v1/chat/completions", "{", "no valid JSON"),
    ("/v1/chat/completions", b'{"messages": "\xff"}', "no valid JSON"),
    ("/v1/chat/completions", '{"n": 1, "n": 2}', "'n' twice"),
    ("/v1/chat/completions", "[" * 100, "64 levels"),
    ("/v1/chat/completions", {str(i): 0 for i in range(1025)}, "more than 1024 members"),
    ("/v1/chat/completions", {}, "messages is missing"),
    ("/v1/chat/completions", {**CHAT, "temperature": -1}, "temperature is -1"),
    ("/v1/chat/completions", '{"temperature": NaN}', "no valid JSON"),
    ("/v1/chat/completions", {**CHAT, "n": 1.5}, "n is 1.5"),
    ("/v1/chat/completions", {**CHAT, "seed": 1 << 70}, "seed is 1.1805916207174113e+21"),
    ("/v1/chat/completions", {**CHAT, "logit_bias": {"1": 200}}, 'logit_bias has "1": 200'),
    ("/v1/chat/completions", {**CHAT, "logit_bias": {"the": 2}}, 'logit_bias has "the": 2'),
    ("/v1/chat/completions", {**CHAT, "logit_bias": {"999999": 2}}, "token 999999"),
    ("/v1/chat/completions", {**CHAT, "logit_bias": [1]}, "logit_bias"),
    ("/v1/chat/completions", {**CHAT, "frequency_penalty": 3}, "frequency_penalty is 3"),
    ("/v1/chat/completions", {**CHAT, "colour": "red"}, "'colour'"),
    ("/v1/chat/completions", {**CHAT, "messages": [{"role": "king", "content": ""}]}, "messages[0].role"),
    ("/v1/chat/completions", {**CHAT, "max_tokens": 5, "max_completion_tokens": 6}, "two values"),
    ("/v1/chat/completions", {**CHAT, "stream_options": {}}, '"stream": true'),
    ("/v1/completions", {**TEXT, "prompt": [1, 99999]}, "99999"),
    ("/v1/completions", {**TEXT, "prompt": "x " * 9000}, "the context of 256"),
    ("/v1/embeddings", {"input": "x", "dimensions": 3}, "dimensions is 3"),
    ("/detokenize", {"tokens": [-1]}, "-1"),
]


@pytest.mark.parametrize("path, body, words", REFUSED)
def test_refusals_say_why(server, path, body, words):
    assert words in server.refused(path, body)["message"]


def test_penalties_and_biases_are_those_of_the_command_line(tern, server):
    program = compiled_once(tern, model_directory(MODELS[0]), ["--target=generic"]) / "bard"
    flags = ["--presence-penalty", "-0.5", "--frequency-penalty", 0.25, "--logit-bias", "416+30"]
    done = run(program, "-p", "ROMEO:", "-n", 20, "-q", "--temp", 0, *flags)
    assert done.returncode == 0, done.stderr
    wanted = {"presence_penalty": -0.5, "frequency_penalty": 0.25, "logit_bias": {"416": 30}}
    body = {"prompt": "ROMEO:", "temperature": 0, "max_tokens": 20}
    answer = server.json("/v1/completions", {**body, **wanted})["choices"][0]["text"]
    assert answer.rstrip("\n") == done.stdout.rstrip("\n")
    assert answer != server.json("/v1/completions", body)["choices"][0]["text"]


def test_other_refusals(server):
    assert server.refused("/v1/completions", {**TEXT, "model": "gpt"}, 404)["code"] == "model_not_found"
    assert "takes POST" in server.refused("/v1/completions", None, 405)["message"]
    assert server.refused("/nowhere", None, 404)["code"] == "not_found"
    assert server.refused("/v1/completions", "x" * 70000, 413)["code"] == "body_too_large"
    assert server.refused("/health", None, 403, Host="evil.example")["code"] == "wrong_host"
    assert server.refused("/health", None, 403, Host="127.evil.example:80")["code"] == "wrong_host"
    assert server.json("/health", Host="LocalHost:1", Origin="http://localHOST:1")["status"] == "ok"
    assert server.refused("/health", None, 403, Origin="null")["code"] == "wrong_origin"
    assert server.refused("/health", None, 403, Origin="https://evil.example")["code"] == "wrong_origin"


def test_log_has_no_texts(server):
    server.json("/v1/completions", {**TEXT, "max_tokens": 17})
    line = server.logged("/v1/completions", answer_tokens=17)
    assert line["status"] == 200
    assert "asked" not in line and "ROMEO" not in json.dumps(server.log())


def test_keys_are_asked_for(tern, tmp_path):
    need_server(tern)
    keys = tmp_path / "keys"
    keys.write_text("one\ntwo\n")
    flags = ["--api-key-file", str(keys), "--cors", "https://a.example"]
    with serving(tern, tmp_path, *flags, TERN_API_KEY="three") as served:
        assert served.refused("/v1/models", None, 401)["code"] == "missing_api_key"
        assert served.refused("/v1/models", None, 401, Authorization="Bearer on")["code"] == "invalid_api_key"
        for key in ("Bearer one", "bearer two", "BEARER  three"):
            assert served.json("/v1/models", Authorization=key)["data"]
        assert served.refused("/v1/models", None, 401, Authorization="Basic one")["code"] == "invalid_api_key"
        assert served.refused("/v1/models", None, 401, Authorization="Bearer ")["code"] == "invalid_api_key"
        assert served.json("/health")["status"] == "ok"
        # A page's preflight gets the fields that it asks for, but no text that is no list of names.
        for wanted, allowed in (("authorization,x-stainless-lang", "authorization,x-stainless-lang"),
                                ("x: y", "Authorization, Content-Type")):  # fmt: skip
            status, headers, _ = served.ask("/v1/models", method="OPTIONS", Origin="https://a.example",
                                            Access_Control_Request_Headers=wanted)  # fmt: skip
            assert status == 204 and headers["Access-Control-Allow-Origin"] == "https://a.example"
            assert headers["Access-Control-Allow-Headers"] == allowed
    refused = run(tern, "serve", "/nowhere", "--cors", "https://a.example/")
    assert refused.returncode == 2 and "no slash at the end" in refused.stderr


def test_an_empty_key_is_none(tern):
    """Not one that everybody has."""
    refused = run(tern, "serve", "/nowhere", "--port", "0", env={"TERN_API_KEY": ""})
    assert refused.returncode == 1 and "TERN_API_KEY is empty" in refused.stderr


def test_transcripts_of_the_page(tern, tmp_path):
    """docs/server.md: each command says what stands behind it; `...` is anything."""
    need_server(tern)
    page = (ROOT / "docs/server.md").read_text()
    [transcript] = re.findall(r"<!-- transcript -->\n```console\n(.*?)```\n", page, re.DOTALL)
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", transcript, re.MULTILINE)
    assert len(steps) > 8
    with serving(tern, tmp_path) as served:
        env = {"PATH": "/usr/bin:/bin", "URL": f"http://{served.host}:{served.port}"}
        for command, want in steps:
            done = run("sh", "-c", command, env=env)
            pattern = re.escape(want).replace(re.escape("..."), ".*")
            assert re.fullmatch(pattern, done.stdout, re.DOTALL), (command, done.stdout)


def test_https_by_files(tern, tmp_path):
    need_server(tern)
    if not shutil.which("openssl"):
        pytest.skip("no 'openssl' to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip
    assert made.returncode == 0, made.stderr
    with serving(tern, tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as served:
        assert "https://127.0.0.1:" in served.said
        url = f"https://{served.host}:{served.port}"
        done = run("curl", "-s", "--cacert", certificate, f"{url}/v1/completions", "-d", json.dumps(TEXT))
        assert json.loads(done.stdout)["choices"][0]["text"] == GREEDY["text"]
        done = run("curl", "-sN", "--cacert", certificate, f"{url}/v1/completions", "-d",
                   json.dumps({**TEXT, "stream": True}))  # fmt: skip
        assert done.stdout.endswith("data: [DONE]\n\n")
    refused = run(tern, "serve", "/nowhere", "--tls-cert", certificate)
    assert refused.returncode == 2 and "go together" in refused.stderr


def test_others_are_warned_of_and_texts_logged_only_if_asked_for(tern, tmp_path):
    need_server(tern)
    with serving(tern, tmp_path, "--host", "0.0.0.0", "--log-text") as served:
        assert "warning: whoever reaches 0.0.0.0 may ask without a key" in served.said
        served.host = "127.0.0.1"
        served.json("/v1/completions", TEXT)
        line = served.logged("/v1/completions")
        assert line["asked"] == TEXT["prompt"] and line["answered"] == GREEDY["text"]


def test_a_system_prompt_costs_once(tern, tmp_path):
    """A thousand tokens, by the count of those computed, though all ask at the same moment."""
    need_server(tern)
    shape = {"hidden": 64, "intermediate": 128, "layers": 2, "heads": 2, "kv_heads": 2, "vocab": 300}
    synthesize(tmp_path / "model", tokenizer=False, context=1200, **shape)
    done = run(tern, "compile", tmp_path / "model", "-o", tmp_path / "long.so", "--target=generic")
    assert done.returncode == 0, done.stderr
    system = [i * i % 300 for i in range(1000)]
    bodies = [{"prompt": [*system, i, i + 1, i + 2], "max_tokens": 2, "temperature": 0} for i in range(32)]
    with serving(tern, tmp_path, models=(str(tmp_path / "long.so"),)) as served:
        with ThreadPoolExecutor(len(bodies)) as threads:
            answers = list(threads.map(lambda body: served.json("/v1/completions", body), bodies))
        reused = [answer["usage"]["prompt_tokens_details"]["cached_tokens"] for answer in answers]
        computed = served.settled("tern_prompt_tokens_total")
    assert sum(answer["usage"]["prompt_tokens"] for answer in answers) == 1003 * 32 == computed + sum(reused)
    assert computed <= 1003 + 31 * (3 + 63)  # what lies behind the last whole block


def test_several_models_and_names(tern, tmp_path):
    need_server(tern)
    library = str(compiled_once(tern, model_directory(MODELS[0]), ["--emit=shared"]) / "bard.so")
    with serving(tern, tmp_path, models=(f"one={library}", library)) as served:
        assert [model["id"] for model in served.json("/v1/models")["data"]] == ["one", "bard"]
        for name in ("one", "bard"):
            answer = served.json("/v1/completions", {**TEXT, "model": name})
            assert answer["model"] == name and answer["choices"][0]["text"] == GREEDY["text"]
    # A checkpoint is compiled into the cache, as by tern run.
    model = str(model_directory(MODELS[0]))
    with serving(tern, tmp_path, models=(model,)) as served:
        answer = served.json("/v1/completions", TEXT)
        assert answer["model"] == MODELS[0] and answer["choices"][0]["text"] == GREEDY["text"]
    refused = run(tern, "serve", library, library, "--port", "0")
    assert refused.returncode == 2 and "two models are called 'bard'" in refused.stderr
    refused = run(tern, "serve", tmp_path / "missing.so", "--port", "0")
    assert refused.returncode == 1 and "missing.so" in refused.stderr
