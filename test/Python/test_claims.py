# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The claims of docs/training.md: they go on, and the page is what was measured."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT
from small_training import RECIPE, TEXT, needs_torch
from tern_train import claims, claims_page


@pytest.fixture
def command(tmp_path, monkeypatch) -> list[str]:
    """The claims of the small recipe, but for their variants."""
    recipe, text = tmp_path / "recipe.toml", tmp_path / "text.txt"
    recipe.write_text(RECIPE)
    text.write_text(TEXT.read_text()[:30000])
    monkeypatch.setattr(claims, "SIZES", {"2m": str(recipe)})
    flags = ["--size", "2m", "--seeds", "1", "--steps", "5"]
    places = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "docs/training")]
    return [str(text), *places, *flags]


@needs_torch
def test_claims_go_on_and_are_the_page(command, tmp_path, capsys):
    """Two variants, one after the other from one first stage; the page is their tables."""
    docs = tmp_path / "docs"
    assert claims.main([*command, "--variant", "a8"]) == 0
    path = docs / "training/2m-5-1.json"
    first = json.loads(path.read_text())["runs"]["a8"]
    assert claims.main([*command, "--variant", "a8", "--variant", "a4"]) == 0
    lines = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["2m-5-1 first stage", "2m-5-1 a8", "2m-5-1 a4"]
    runs = json.loads(path.read_text())["runs"]
    assert runs["a8"] == first  # not measured again
    assert list(runs) == ["first stage", "a8", "a4"]
    assert len(runs["a4"]["perplexity"]) > len(runs["a8"]["perplexity"])
    page = docs / "training.md"
    page.write_text("# Page\n<!-- claims -->\n<!-- end -->\n")
    assert claims_page.main(["--check", str(page)]) == 1
    assert claims_page.main([str(page)]) == 0
    assert claims_page.main(["--check", str(page)]) == 0
    row = next(line for line in page.read_text().splitlines() if "after the second stage" in line)
    assert f"| {runs['a4']['perplexity']['16']:.2f} |" in row
    assert "| a4.8 with fp4 | not run | not run |" in page.read_text()


@needs_torch
def test_a_variant_that_diverges_is_a_result(command, tmp_path, monkeypatch):
    """The others are run behind it, and the page says so."""
    from tern_train import training

    advance = training.Training.advance

    def diverges(self, zeros=None):
        if self.recipe.stages[-1].activations == "a4.8-down4":
            raise training.TrainingError("the loss is nan")
        return advance(self, zeros)

    monkeypatch.setattr(training.Training, "advance", diverges)
    assert claims.main([*command, "--variant", "int4 down", "--variant", "int4 down from the start",
                        "--variant", "a8"]) == 0  # fmt: skip
    page = tmp_path / "docs/training.md"
    runs = json.loads((page.with_name("training") / "2m-5-1.json").read_text())["runs"]
    assert runs["int4 down"] == {"diverged": 3} | {
        key: runs["a8"][key] for key in ("threads", "torch", "machine")
    }
    assert runs["int4 down from the start"]["diverged"] == 0
    page.write_text("<!-- claims -->\n<!-- end -->\n")
    assert claims_page.main([str(page)]) == 0
    assert "| a4.8, down_proj int4 in the second stage | diverges |  |  |  |" in page.read_text()


def test_the_page_is_its_results():
    assert claims_page.main(["--check", str(ROOT / "docs/training.md")]) == 0
