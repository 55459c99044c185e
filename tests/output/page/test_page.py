"""The pages as a person meets them: in Chromium, wide and on a phone, by day and by night.

Each page is loaded once; the tests change the size of its window and the colours that it is asked for.
"""

import html
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from keras_ser import reports
from keras_ser.cli import commands
from keras_ser.output import markdown, page, tables
from keras_ser.output.page import content
from tests.words import house_words

pytestmark = pytest.mark.slow
KNOWN = (*reports.NAMES, *reports.RECIPES)
CHROMIUM = shutil.which("chromium")
ARTIFACTS = Path(__file__).parents[3] / "artifacts"
WIDTHS = (1280, 360)
SCHEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}
PAGES = {
    **{f"made-{name}": name for name in ("first", "emodb_losses", "four_corpora", "to_hear")},
    **{f"committed-{name}": name for name in ("first", *KNOWN)},
}


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=PAGES, scope="module")
def address(request):
    """Of a page in the repository, or of one made for the tests."""
    kind, _, name = request.param.partition("-")
    if name == "to_hear":
        return request.getfixturevalue("page_to_hear")
    first = ARTIFACTS / page.NAME if kind == "committed" else request.getfixturevalue("page")
    return first if name == "first" else first.parent / page.PAGES / f"{name}.html"


@pytest.fixture(scope="module")
def tab(browser, address):
    """The page with everything unfolded, as wide as a screen; ``complaints``: what it complained about or asked for."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("requestfailed", lambda request: tab.complaints.append(request.url))
    tab.on("request", lambda request: request.url.startswith(("data:", "file:")) or tab.complaints.append(request.url))
    tab.goto(address.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    yield tab
    tab.close()


# A row whose elements are such as were seen before, but for their words, is left out; of each table the first remains.
EXCERPT = """() => {
    const seen = new Set();
    for (const table of document.querySelectorAll("table")) {
        table.style.setProperty("--whole", table.offsetWidth + "px");
    }
    for (const body of document.querySelectorAll("tbody")) {
        for (const [place, row] of [...body.rows].entries()) {
            const parts = [row, ...row.querySelectorAll("*")];
            const made = parts.map(part =>
                [part.localName, part.className, !part.textContent.trim(), ...part.getAttributeNames()].join());
            if (place && made.every(part => seen.has(part))) row.remove();
            made.forEach(part => seen.add(part));
        }
    }
}"""


@pytest.fixture(scope="module")
def excerpt(browser, address):
    """The page unfolded, with tables as wide as they are and of the few rows that differ in what they are made of:
    there axe, which looks at each cell, finds what it would find in all of them, in a fraction of the time.
    """
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(address.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    tab.evaluate(EXCERPT)
    tab.add_style_tag(content="@media (min-width: 1280px) { table { min-width: var(--whole); } }")
    yield tab
    tab.close()


@pytest.fixture
def wide(tab):
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.emulate_media(color_scheme="light")
    return tab


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(tab, width):
    tab.set_viewport_size({"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.complaints == []


def violations(tab, width, scheme, **options):
    """What axe-core complains about. → list of (rule, HTML)"""
    api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab.set_viewport_size({"width": width, "height": 800})
    tab.emulate_media(color_scheme=scheme)
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == SCHEMES[scheme]
    options["resultTypes"] = ["violations"]  # of passes, one example each
    answer = api.Axe().run(tab, options=options).response
    assert answer["passes"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in answer["violations"]]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible(excerpt, width, scheme):
    """By axe-core's rules: contrast, names, headings, keyboard."""
    assert violations(excerpt, width, scheme) == []


# What a page is about has no part in its colours: those of the other two are seen on pages made for the tests.
@pytest.mark.parametrize("address", [name for name in PAGES if name.startswith("made")], indirect=True)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_its_colours_are_accessible(excerpt, width, scheme):
    assert violations(excerpt, width, scheme, runOnly=["color-contrast"]) == []


COLORS = """([selector, names]) => [...document.querySelectorAll(selector)].map(part => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const style = getComputedStyle(part);
    return names.map(name => {
        canvas.fillStyle = style[name];
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    });
})"""


def colors_of(tab, selector, *names):
    """Of every element, each of these of its computed colours as [red, green, blue]."""
    return tab.evaluate(COLORS, [selector, names])


def contrast(first, second):
    """WCAG's."""
    dark, bright = sorted(luminance(color) for color in (first, second))
    return (bright + 0.05) / (dark + 0.05)


def luminance(color):
    part = np.array(color) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_numbers_can_be_read_on_every_shade(tab, scheme):
    """WCAG's contrast, at least 4.5 : 1, which axe does not see through mixed colours."""
    tab.emulate_media(color_scheme=scheme)
    pairs = colors_of(tab, ".matrix tbody td", "color", "backgroundColor")
    for pair in {json.dumps(pair) for pair in pairs}:
        assert contrast(*json.loads(pair)) >= 4.5, pair


@pytest.mark.parametrize("address", ["made-first", "committed-first"], indirect=True)
def test_the_chart_follows_light_and_dark(tab):
    """Text in it has a contrast of at least 4.5 : 1 with the page, marks (WCAG's graphics) of 3 : 1."""
    found = {}
    for scheme in SCHEMES:
        tab.emulate_media(color_scheme=scheme)
        ((ground,),) = colors_of(tab, "body", "backgroundColor")
        texts = [color for (color,) in colors_of(tab, ".chart text", "fill")]
        drawn = ".chart svg > :not(title), .chart .reported, .chart .chance"
        marks = [color for (color,) in colors_of(tab, drawn, "stroke")]
        assert texts
        assert marks
        assert min(contrast(color, ground) for color in texts) >= 4.5
        assert min(contrast(color, ground) for color in marks) >= 3
        found[scheme] = texts + marks
    assert all(light != dark for light, dark in zip(found["light"], found["dark"], strict=True))


def test_what_is_written(wide):
    """No number that is none, one digit too few in a plural, Markdown that shows, a hyphen for a minus."""
    text = wide.evaluate("document.body.textContent")
    for pattern in (r"\bnan\b", r"\bNone\b", r"\b1 (epochs|repetitions)\b", "`", r"(?<![\w-])-\d+\.\d"):
        found = re.search(pattern, text)
        assert found is None, text[found.start() - 40 : found.end() + 40]


def test_the_table_of_contents_lists_every_heading(page):
    paths = [path for folder in (page.parent, ARTIFACTS) for path in (folder / "pages").iterdir()]
    for path in paths:
        _, contents, rest = re.split("</?nav.*?>", path.read_text())
        assert re.findall('href="#(.*?)">(.*?)<', contents) == re.findall('<h2 id="(.*?)">(.*?)<', rest) != []


def test_everything_that_is_linked_is_there(wide, address):
    ids = wide.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(set(ids)) == len(ids)
    links = wide.evaluate("[...document.querySelectorAll('[href], [src]')].map(p => p.getAttribute('href') || p.src)")
    for link in map(urlsplit, links):
        if not link.scheme and not link.path:
            assert link.fragment in ids
        elif not link.scheme:
            assert (address.parent / unquote(link.path)).is_file(), link.path


def test_images_and_sounds_load(wide):
    widths = wide.evaluate(
        """Promise.all([...document.images].map(async image => {
            image.loading = "eager";
            await image.decode();
            return [image.naturalWidth, Number(image.getAttribute("width")), image.alt];
        }))"""
    )
    assert all(found == said > 0 and alt for found, said, alt in widths)
    seconds = wide.evaluate(
        """Promise.all([...document.querySelectorAll("audio")].map(sound => new Promise((done, failed) => {
            sound.onloadedmetadata = () => done(sound.duration);
            sound.onerror = () => failed(sound.error.message);
            sound.preload = "metadata";
            sound.load();
        })))"""
    )
    assert all(second > 0.5 for second in seconds)
    assert wide.complaints == []


@pytest.mark.parametrize("address", ["made-first", "committed-first"], indirect=True)
def test_headings_sort(wide):
    table = wide.locator("#numbers table")
    heading = table.locator("th", has_text="report's split")
    column = heading.evaluate("cell => cell.cellIndex")

    def values():
        texts = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
        numbers = [float(re.match(r"[\d.]+", text)[0]) for text in texts if text != "–"]
        return numbers, texts[len(numbers) :]

    before, _ = values()
    heading.locator("button").focus()
    wide.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    numbers, rest = values()
    assert numbers == sorted(before)
    assert set(rest) <= {"–"}  # experiments without a run of that protocol
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert values() == (sorted(before, reverse=True), rest)


@pytest.mark.parametrize("address", ["made-emodb_losses"], indirect=True)
def test_a_table_becomes_cards_on_a_phone(tab):
    cell = tab.locator("table.many td").nth(1)
    label = "getComputedStyle(cell, '::before').content"
    tab.set_viewport_size({"width": 1280, "height": 800})
    assert cell.evaluate(f"cell => {label}") == "none"
    tab.set_viewport_size({"width": 360, "height": 800})
    assert cell.evaluate(f"cell => {label}") == f'"{cell.get_attribute("data-label")}"'
    assert cell.evaluate("cell => getComputedStyle(cell.closest('table').tHead).display") == "none"


def test_what_is_no_number_comes_last(browser):
    tab = browser.new_page()
    tab.set_content(
        "<table><thead><tr><th>a</th></tr></thead><tbody>"
        + "".join(f"<tr><td>{text}</td></tr>" for text in ("–", "10", "+0.5 ± 0.1", "b", "−2", "a", "9"))
        + "</tbody></table>"
    )
    tab.add_script_tag(path=Path(content.__file__).parent / "sort.js")
    tab.locator("button").click()
    assert tab.locator("td").all_inner_texts() == ["−2", "+0.5 ± 0.1", "9", "10", "–", "a", "b"]
    tab.close()


def test_the_committed_pages_show_the_committed_tables():
    text = (ARTIFACTS / page.NAME).read_text()
    known = [reports.load(name) for name in KNOWN]
    frame = tables.accuracies(known, ARTIFACTS)
    advice = "out of step: python -m keras_ser page"
    assert content.firm(content.finding(known, frame)) in text, advice
    rows = re.findall(r"<tr.*?>(.*?)</tr>", text.partition('id="numbers"')[2].partition("</section>")[0])
    shown = [re.sub("<.*?>", "|", row.replace("<wbr>", "")).replace("||", "|").strip("|").split("|") for row in rows]
    expected = [[str(cell) for cell in row] for row in markdown.results(frame).itertuples(index=False)]
    for row, cells in zip(shown[1:], expected, strict=True):
        named, _, numbers = " ".join(row).partition(cells[1])  # the experiment's name, perhaps after words
        assert named.startswith(cells[0]), advice
        assert numbers.split() == content.firm(" ".join(cells[2:])).split(), advice


def test_the_committed_pages_say_no_house_words():
    for path in [ARTIFACTS / page.NAME, *(ARTIFACTS / page.PAGES).iterdir()]:
        text = re.sub(r"<(script|style|code).*?</\1>", "", path.read_text(), flags=re.DOTALL)
        said = house_words(html.unescape(re.sub("<.*?>", " ", text)))
        assert said == [], f"{path.name}; out of step? python -m keras_ser page"


def test_the_committed_pages_are_small_and_hold_nobodys_voice():
    assert (ARTIFACTS / page.NAME).stat().st_size < 300e3
    pages = sorted((ARTIFACTS / page.PAGES).iterdir())
    assert [path.stem for path in pages] == sorted(KNOWN)
    for path in [ARTIFACTS / page.NAME, *pages]:
        text = path.read_text()
        assert re.search(r"commit <code>[0-9a-f]{7,}</code>. Code under the Apache License 2.0", text)
        assert "<audio" not in text
        assert "data:audio" not in text
        assert "Synthetic speech:" not in text
        assert "nothing here can be compared" not in text


def test_without_results_it_says_what_to_do(tmp_path, embedded, capsys):
    (tmp_path / "synthetic").mkdir()
    assert commands.main(["page", "--data", str(embedded), "--out", str(tmp_path)]) == 2
    assert f"reproduce one first (results of other speech: --out {tmp_path}/synthetic)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic"]


def test_a_full_disk(results, page, embedded, capsys, small_disk):
    before = {path: path.read_bytes() for path in [page, *(results / "pages").iterdir()]}
    with small_disk(1000):
        assert commands.main(["page", "--data", str(embedded), "--out", str(results)]) == 2
    assert "File too large" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in [page, *(results / "pages").iterdir()]} == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("emodb_losses/table.csv", "", "table.csv: cannot be read (the file is empty"),
        ("emodb_losses/table.csv", "a,b\n1,2\n", "table.csv: cannot be read (no column ci_high"),
        ("emodb_losses/figures/waveforms.png", "GIF", "waveforms.png: the image cannot be read"),
        ("compare/losses/emodb_losses/table.csv", "a,b\n1,2\n", "table.csv: cannot be read (no column"),
    ],
)
def test_damaged_results(results, embedded, tmp_path, capsys, name, content, said):
    out = shutil.copytree(results, tmp_path / "results")
    (out / name).write_text(content)
    assert commands.main(["page", "--data", str(embedded), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "delete it and" in error
