"""The marker's page: it shows everything, loads nothing, and no text of a submission becomes part of its structure."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import report_sample as sample
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.display import display
from grader.marking.evidence import Difference, Evidence, Json, Worst
from grader.marking.verdicts import Flag, Outcome
from grader.report.as_html import to_html

VOID = {"meta", "br", "hr", "img", "input", "link", "path", "rect", "circle"}

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></pre></details></svg>]]>--><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% for x in y %}",
    "&lt;b&gt;&#60;&amp;",
    "<!--",
    "<![CDATA[",
    "a|b`c`\x1b[31m\u202etxt.exe\x00\x85\u2028\ud800\udc80",
    "javascript:alert(1)",
]


class Page(HTMLParser):
    """Elements with their attributes, the text, and whether every element is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.words: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return "".join(self.words)

    def attributes(self, name: str) -> list[str | None]:
        return [value for _, attributes in self.elements for key, value in attributes if key == name]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in {"dt", "dd", "td", "th", "li"}:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)
        if self.headings and any(re.fullmatch("h[1-6]", tag) for tag in self._open):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data!r}")

    def unknown_decl(self, data: str) -> None:
        pytest.fail(f"a declaration: {data!r}")


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(to_html(sample.everything()))


class TestTheWholeReport:
    @pytest.mark.parametrize(
        "words",
        [
            "alice",
            "Colouring horses (CSC413, 2020)",
            "2.25 / 7.5",
            "Needs review 2.25 points are still to be marked by a person. 0.5 bonus points count in the score but not",
            "To look at ✗ CNN computes the same function as the handout's network, under any parameters The second",
            "in the wrong order: expected conv, pool, batch-norm, ReLU. 0 / 1.5 ~ CNN has",
            "1 criterion was skipped; its feedback says why.",
            "two-files Both a2-cnn.ipynb and a2-cnn (1).ipynb were handed in",
            "A. Pooling and upsampling",
            "G. Dilated convolution bonus",
            "✓ passed The output has the right shape 1 / 1 cnn.shapes",
            "cnn.architecture · recognised: relu-before-norm",
            "~ partly CNN has the right number of trainable parameters 0.75 / 1",
            "! grader error Nothing in CNN is tied to the CPU – / 0.25",
            "– skipped A short training run of UNet learns what the reference learns 0 / 0.5",
            "… to be marked C2. Why do skip connections help? – / 2",
            "elements that differ 81,302 of 196,608",
            "largest difference 0.9, allowed 3.1e-05",
            "at [3, 17, 9, 20]: expected 0.123457, actual -0.776543",
            "print(network(torch.ones(1, 1, 4, 4)).sum())",
            "tensor(-0.4180, grad_fn=<SumBackward0>)",
            "kernel=3, num_filters=8, num_colours=16 8,488 8,490 ✗ no",
            "Last step: expected 1.61201 (step 20), actual nan (step 20)",
            "learning_rate 0.001",
            "downconv1.0.weight: yes, finalconv.0.bias: no",
            "a2-cnn.ipynb, cell 7, line 3 train(args) training at the top level",
            "Batch-norm comes before pooling",
            "Epoch [1/25], loss: 2.4178",
            "parts/preprocessing.py examined 3,120",
            "seed 20261",
            "isolation bubblewrap",
            "torch 2.13.0, on cpu",
            "took 3.42 s",
            "assignment The file name a2-cnn.ipynb is that of csc413-2020.",
            "memory 2 GiB",
            sample.SHA,
        ],
    )
    def test_says(self, page: Page, words: str) -> None:
        assert words in squeezed(page.text)

    def test_draws_the_curve_the_map_and_a_bar_for_each_part(self, page: Page) -> None:
        pictures = [dict(attributes) for tag, attributes in page.elements if tag == "svg"]
        assert [picture["class"] for picture in pictures] == ["bar"] * 4 + ["plot"] * 2
        assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)

    def test_has_its_headings_in_order(self, page: Page) -> None:
        levels = [level for level, _ in page.headings]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert all(text.strip() for _, text in page.headings)

    def test_has_its_landmarks(self, page: Page) -> None:
        tags = [tag for tag, _ in page.elements]
        assert [tags.count(tag) for tag in ("main", "footer", "nav")] == [1, 1, 1]

    def test_has_each_id_once_and_no_dangling_reference(self, page: Page) -> None:
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        assert {*page.attributes("aria-labelledby")} <= {*ids}
        assert {link.removeprefix("#") for link in page.attributes("href")} <= {*ids}


def test_what_was_lost_comes_first_with_links_to_the_criteria(page: Page) -> None:
    ids = {dict(attributes)["id"] for tag, attributes in page.elements if tag == "article"}
    links = [link.removeprefix("#") for link in page.attributes("href") if link.startswith("#criterion")]
    assert len(links) == 4 and {*links} <= ids
    titles = [text for _, text in page.headings]
    assert titles.index("To look at") < titles.index("A. Pooling and upsampling 1.75 / 3.5")


def test_a_flag_about_a_criterion_leads_to_it() -> None:
    flag = Flag("untrusted-evidence", "unet.shapes: says otherwise.")
    page = Page(to_html(sample.report([sample.mark("cnn.shapes"), sample.mark("unet.shapes")], flags=(flag,))))
    assert page.attributes("href")[0] == "#criterion-2"
    assert "To look at" not in page.text


def test_a_question_without_points_is_not_waiting_for_a_mark() -> None:
    aside = sample.mark("manual.a4", Outcome.PENDING, title="A4. Aside", max_points=Fraction(0), feedback="Mark me.")
    text = squeezed(Page(to_html(sample.report([aside]))).text)
    assert (
        "· not marked A4. Aside no points" in text
        and "Mark me" not in text
        and "to be marked" not in text.replace("open: to be marked", "")
    )


class TestThePolicy:
    def test_nothing_is_loaded_and_nothing_runs(self, page: Page) -> None:
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}
        names = {name for _, attributes in page.elements for name, _ in attributes}
        assert not names & {"src", "srcset", "style", "action", "xlink:href"}
        assert not [name for name in names if name.startswith("on")]
        assert all(link.startswith("#") for link in page.attributes("href"))
        assert "url(" not in page.style and "@import" not in page.style

    def test_admits_the_pages_own_style_sheet_alone(self, page: Page) -> None:
        policy = next(
            dict(attributes)["content"]
            for tag, attributes in page.elements
            if tag == "meta" and dict(attributes).get("http-equiv") == "Content-Security-Policy"
        )
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def without_code(page: Page) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    """The page's elements but those that only mark quoted code, which have no attributes."""
    return [element for element in page.elements if element != ("code", ())]


class TestHostileText:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_stays_text(self, text: str) -> None:
        page = Page(to_html(sample.hostile(text)))
        assert without_code(page) == PLAIN.elements
        assert page.text.replace("`", "").count(display(text).replace("`", "")) >= 60

    @pytest.mark.slow
    @settings(derandomize=True, max_examples=60, deadline=None)
    @given(
        st.lists(
            st.sampled_from(["<", ">", '"', "'", "&", "`", "]]>", "--", "{{", "}}", "{%", "<b ", "</", "\n", "="])
            | st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=6),
            min_size=1,
            max_size=8,
        ).map("".join)
    )
    def test_never_adds_an_element_but_plain_code_or_an_attribute(self, text: str) -> None:
        html = to_html(sample.hostile(text))
        assert without_code(Page(html)) == PLAIN.elements
        assert all(character.isprintable() or character == "\n" for character in html)
        html.encode("utf-8")

    def test_only_what_feedback_quotes_between_backticks_is_code(self) -> None:
        html = to_html(sample.report([sample.mark(feedback="At `x < <b>` and `y\n it is z`.")]))
        assert "At <code>x &lt; &lt;b&gt;</code> and `y\n it is z`." in html

    @pytest.mark.slow
    def test_keeps_megabytes_out(self) -> None:
        assert len(to_html(sample.hostile("<" * 3_000_000))) < 3_000_000
        assert len(to_html(sample.hostile("\n" * 3_000_000))) < 3_000_000

    def test_does_not_bury_the_page_under_rows(self) -> None:
        report = sample.everything()
        many = replace(report, files=report.files * 1_000, remarks=report.remarks * 1_000, flags=report.flags * 1_000)
        text = squeezed(Page(to_html(many)).text)
        assert "… and 2800 more." in text
        assert text.count("preprocessing.py") < 300


PLAIN = Page(to_html(sample.hostile("x")))


def test_facts_are_shown_by_name() -> None:
    facts: dict[str, Json] = {"seen": [{"name": "conv1", "class": "Conv2d"}, {"name": "conv2"}], "bare": []}
    page = Page(to_html(sample.report([sample.mark(evidence=Evidence(facts=facts))])))
    assert "Further evidence seen name: conv1, class: Conv2d name: conv2 bare none " in squeezed(page.text)


def test_what_is_for_programs_is_not_shown() -> None:
    html = to_html(sample.report([sample.mark(evidence=Evidence(margins={"outputs": 0.0}))]))
    assert "margins" not in html and "<summary>Evidence" not in html


@pytest.mark.parametrize(
    ("changes", "shown", "hidden"),
    [
        ({}, "elements that differ 1 of 2", "≠"),
        ({"largest": math.nan}, "largest difference nan, allowed 1e-05", "≠"),
        ({"worst": Worst((0, 1), 2.0, math.inf)}, "worst element at [0, 1]: expected 2, actual inf", "≠"),
        ({"actual_shape": (1, 3), "largest": math.nan}, "(1, 3) ≠ expected", "largest"),
        ({"actual_shape": ()}, "actual shape () ≠ expected", "worst"),
    ],
    ids=str,
)
def test_a_difference_shows_shapes_and_values_only_where_the_shapes_agree(
    changes: dict[str, object], shown: str, hidden: str
) -> None:
    plain = Difference((1, 2), (1, 2), 2, 1, Worst((0, 0), 0.0, 1.0), largest=1.0, tolerance=1e-5)
    evidence = Evidence(difference=replace(plain, **changes))  # type: ignore[arg-type]
    page = Page(to_html(sample.report([sample.mark(title="t", feedback="", evidence=evidence)])))
    proof = squeezed(page.text).partition("Evidence")[2].partition("Files")[0]
    assert shown in proof
    assert hidden not in proof.split()


def test_an_empty_report_is_a_page() -> None:
    page = Page(to_html(sample.report(files=(), code_files=(), sheet=sample.sheet([], "ungradable"))))
    text = squeezed(page.text)
    assert "Could not be examined" in text and "Nothing was handed in." in text and "No criterion was examined." in text


def test_a_criterion_without_points_says_so() -> None:
    page = Page(to_html(sample.report([sample.mark(points=Fraction(0), max_points=Fraction(0))])))
    assert "right shape no points" in squeezed(page.text)


def test_a_run_without_isolation_says_what_that_means() -> None:
    report = sample.report()
    page = Page(to_html(replace(report, run=replace(report.run, isolation="none"))))
    assert "isolation none – the submission ran with the rights" in squeezed(page.text)


def test_tables_scroll_in_a_box_of_their_own_and_break_no_word(page: Page) -> None:
    names = [name for name, _ in page.elements]
    boxes = [dict(attributes).get("class") for _, attributes in page.elements]
    tables = [place for place, name in enumerate(names) if name == "table"]
    assert tables and all(boxes[place - 1] == "scroll" for place in tables)
    assert "th, td { overflow-wrap: normal; }" in page.style


def test_the_colours_are_readable_in_light_and_dark(page: Page) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 between text and what it stands on."""
    palettes = [
        dict(re.findall(r"--(\w+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", page.style, re.S)
    ]
    assert len(palettes) == 3
    names = ["ink", "quiet", "accent", *(outcome.value for outcome in Outcome if outcome is not Outcome.PASS), "pass"]
    for palette in palettes:
        for surface in ("paper", "card", "well"):
            ratios = {name: contrast(palette[name], palette[surface]) for name in names}
            assert min(ratios.values()) >= 4.5, (surface, ratios)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_output_that_is_cut_says_by_how_much():
    report = sample.report(
        output="a" * 60_000 + "\n[The output is cut here: at least 7 more characters were printed.]\n"
    )
    text = to_html(report)
    assert "characters left out" in text and "at least 7 more characters" in text
