# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The page of `tern serve` in headless Chromium, by keyboard alone.

Needs TERN_BINARY, built with the server, and chromium, which CI does not install.
"""

from __future__ import annotations

import pytest
from boards import need
from browser import Browser
from served import serving
from test_server import need_server

SAID = "[...document.querySelectorAll('article p')].map(p => p.textContent)"
STATUS = "document.getElementById('status').textContent"


@pytest.fixture(scope="module")
def server(tern, tmp_path_factory):
    need("chromium")
    need_server(tern)
    with serving(tern, tmp_path_factory.mktemp("page")) as served:
        yield served


@pytest.fixture
def page(server, tmp_path):
    browser = Browser(tmp_path)
    browser.call("Page.navigate", url=f"http://{server.host}:{server.port}/")
    browser.until("document.readyState == 'complete' && document.getElementById('model').value")
    yield browser
    browser.close()
    assert browser.logged == [], "the console is empty, so nothing was loaded from elsewhere"


def test_a_chat_by_keyboard(server, page):
    """The message field has the focus; Enter asks, and the answer is the server's."""
    page.evaluate("document.getElementById('temperature').value = 0")
    page.evaluate("document.getElementById('tokens').value = 12")
    page.type("Speak, my lord.")
    page.key("Enter")
    page.until(f"{STATUS}.includes('12 tokens')")
    body = {"messages": [{"role": "user", "content": "Speak, my lord."}], "temperature": 0, "max_tokens": 12}
    want = server.json("/v1/chat/completions", body)["choices"][0]["message"]["content"]
    assert page.evaluate(SAID) == ["Speak, my lord.", want]
    page.type("<b>And</b>")
    page.key("Enter", shift=True)
    page.type("now?")
    page.key("Enter")
    page.until(f"{SAID}.length == 4 && {STATUS}.includes('tokens')")
    assert page.evaluate(SAID)[2] == "<b>And</b>\nnow?"


def test_escape_stops_and_frees(server, page):
    """The text so far stays, and the server computes no more."""
    page.evaluate("document.getElementById('tokens').value = ''")
    page.evaluate("fetch = ((f) => (p, o) => f(p, o && o.body ? {...o, body: JSON.stringify("
                  "{...JSON.parse(o.body), ignore_eos: true, n: 16})} : o))(fetch)")  # fmt: skip
    page.type("Speak")
    page.key("Enter")
    page.until("document.querySelectorAll('article.assistant p').length > 0")
    page.key("Escape")
    page.until(f"{STATUS} == 'Stopped'")
    assert page.evaluate("document.activeElement.id") == "message"
    page.until("fetch('metrics').then(r => r.text()).then(t => /^tern_running.* 0$/m.test(t))", 5)


def test_a_new_chat_begins_with_its_own_message(server, page):
    """Also while an answer comes, and after one that was refused."""
    page.evaluate("asked = []; fetch = ((f) => (p, o) => { if (o && o.body) asked.push(JSON.parse(o.body).messages);"
                  "return f(p, o && o.body ? {...o, body: JSON.stringify({...JSON.parse(o.body), ...more})} : o);"
                  "})(fetch); more = {ignore_eos: true, n: 16}")  # fmt: skip
    page.type("Speak")
    page.key("Enter")
    page.until("document.querySelectorAll('article.assistant p').length > 0")
    page.evaluate("document.getElementById('clear').click(); more = {colour: 'red'}")
    page.until("!document.getElementById('log').hasAttribute('aria-busy')")
    page.type("Again")
    page.key("Enter")
    page.until("document.querySelectorAll('article.fault').length == 1")
    page.until("!document.getElementById('log').hasAttribute('aria-busy')")
    page.evaluate("more = {max_tokens: 2}")
    page.type("At last")
    page.key("Enter")
    page.until("asked.length == 3")
    said = page.evaluate("asked.map(messages => messages.map(m => m.content).join())")
    assert said == ["Speak", "Again", "At last"]
    page.logged.clear()  # of the refusal


def test_controls_have_names_and_the_order_of_tabs(server, page):
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    named = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]}
    for want in [("combobox", "Model"), ("button", "New chat"), ("log", "Conversation"),
                 ("textbox", "Message"), ("button", "Send"), ("heading", "tern")]:  # fmt: skip
        assert any(role == want[0] and name.startswith(want[1]) for role, name in named), (want, named)
    reached = []
    page.evaluate("document.getElementById('model').focus()")
    for _ in range(5):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        page.key("Tab")
    assert reached == ["model", "SUMMARY", "clear", "log", "message"]


def test_both_color_schemes_have_contrast(page):
    """At least 4.5 to 1 between text and its background."""
    ratio = """(() => {
      const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      const light = (s) => { const [r, g, b] = s.match(/\\d+/g).map(Number).map(part);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const style = getComputedStyle(document.body);
      const quiet = getComputedStyle(document.getElementById('status'));
      const [a, b, c] = [style.color, style.backgroundColor, quiet.color].map(light);
      const against = (x) => (Math.max(x, b) + 0.05) / (Math.min(x, b) + 0.05);
      return [style.backgroundColor, Math.min(against(a), against(c))]; })()"""
    seen = set()
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        back, least = page.evaluate(ratio)
        seen.add(back)
        assert least >= 4.5
    assert len(seen) == 2


def test_a_missing_key_is_asked_for(tern, tmp_path):
    need("chromium")
    need_server(tern)
    keys = tmp_path / "keys"
    keys.write_text("secret\n")
    with serving(tern, tmp_path, "--api-key-file", str(keys)) as served:
        browser = Browser(tmp_path / "profile")
        browser.call("Page.navigate", url=f"http://{served.host}:{served.port}/")
        browser.until("document.querySelector('details')?.open")
        browser.evaluate("document.getElementById('key').focus()")
        browser.type("secret")
        browser.key("Enter")
        browser.until("document.getElementById('model').value == 'bard'")
        browser.close()
