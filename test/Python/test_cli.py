# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m tern_reference`: what the commands print and write."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import MODELS, model_directory
from tern_reference import synth
from tern_reference.__main__ import main
from test_golden import golden, golden_json

A48 = str(model_directory(MODELS[0]))


def test_logits(tmp_path, capsys):
    ids = golden(MODELS[0]).f32("tokens").astype(int).tolist()[:9]
    out, hidden = tmp_path / "l.npy", tmp_path / "h.npy"
    flags = ["--ids", ",".join(map(str, ids)), "-o", str(out), "--hidden", str(hidden)]
    assert main(["logits", A48, *flags, "--kv-bits", "3", "--bos-bits", "4", "--q-bits", "4"]) == 0
    want = golden(MODELS[0]).f32("kv3_bos4_q4.logits")[:9]
    assert (np.load(out) == want).all() and np.load(hidden).shape == (5, 9, 192)
    printed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [int(row[2]) for row in printed] == want.argmax(axis=1).tolist()


def test_generate(capsys):
    want = golden_json(MODELS[0])["greedy"][0]
    assert main(["generate", A48, "-p", want["prompt"], "-n", "12", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got == {"prompt_ids": want["prompt_ids"], "ids": want["ids"][:12]}
    assert main(["generate", A48, "-p", want["prompt"], "-n", "3"]) == 0
    assert capsys.readouterr().out == "ROMEO: but I am\n"


def test_interrupt_is_one_line(monkeypatch, capsys, tmp_path):
    def press(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tern_reference.model.Model.run", press)
    assert main(["logits", A48, "--ids", "1"]) == 130
    assert capsys.readouterr().err == "python -m tern_reference: interrupted\n"
    monkeypatch.setattr("tern_reference.synth.synthesize", press)
    assert synth.main(["-o", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "python -m tern_reference.synth: interrupted\n"


def test_ppl(tmp_path, capsys):
    text = tmp_path / "t.txt"
    text.write_text("First Citizen:\nWe are accounted poor citizens.\n" * 3)
    assert main(["ppl", A48, "-f", str(text), "--window", "8", "--windows", "2"]) == 0
    assert capsys.readouterr().out.endswith("over 16 tokens\n")
    assert main(["ppl", A48, "-f", str(text), "--window", "800"]) == 1
    assert "a window needs 800" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ids, message", [("1024", "in [0, vocab_size)"), ("1," * 256 + "1", "exceed")]
)
def test_refusals(capsys, ids, message):
    assert main(["logits", A48, "--ids", ids]) == 1
    assert message in capsys.readouterr().err


def test_no_model(tmp_path, capsys):
    assert main(["logits", str(tmp_path), "--ids", "1"]) == 1
    assert "config.json" in capsys.readouterr().err
