"""The page as a person meets it: in Chromium, wide and on a phone, by day and by night."""

import re
import shutil
from pathlib import Path

import pytest

from keras_ser import reports
from keras_ser.cli import commands
from keras_ser.output import markdown, page, tables
from keras_ser.output.page import content

CHROMIUM = shutil.which("chromium")
ARTIFACTS = Path(__file__).parents[3] / "artifacts"
WIDTHS = (1280, 360)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=["made", "committed"])
def address(request, page):
    """Of a page with sounds in it, and of the one in the repository."""
    return (page if request.param == "made" else ARTIFACTS / page.name).as_uri()


def opened(browser, address, width=1280, scheme="light"):
    """→ (tab with everything unfolded, what it complained about)"""
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: request.url.startswith(("data:", "file:")) or complaints.append(request.url))
    tab.goto(address)
    tab.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    return tab, complaints


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(browser, address, width):
    tab, complaints = opened(browser, address, width)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert complaints == []
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(browser, address, scheme):
    """By axe-core's rules: contrast, names, headings, keyboard."""
    api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab, _ = opened(browser, address, scheme=scheme)
    found = api.Axe().run(tab).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    assert (
        tab.evaluate("getComputedStyle(document.body).backgroundColor")
        == {
            "light": "rgb(255, 255, 255)",
            "dark": "rgb(20, 23, 27)",
        }[scheme]
    )
    tab.close()


def test_headings_sort(browser, address):
    tab, _ = opened(browser, address)
    table = tab.locator("#overview table")
    heading = table.locator("th", has_text="as reported")
    column = heading.evaluate("cell => cell.cellIndex")

    def values():
        texts = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
        numbers = [float(re.match(r"[\d.]+", text)[0]) for text in texts if text != "–"]
        return numbers, texts[len(numbers) :]

    before, _ = values()
    heading.locator("button").focus()
    tab.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    numbers, rest = values()
    assert numbers == sorted(before)
    assert set(rest) <= {"–"}  # experiments without a run of that protocol
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert values() == (sorted(before, reverse=True), rest)
    tab.close()


def test_what_is_no_number_comes_last(browser, page):
    tab, _ = opened(browser, page.as_uri())
    tab.set_content(
        "<table><thead><tr><th>a</th></tr></thead><tbody>"
        + "".join(f"<tr><td>{text}</td></tr>" for text in ("–", "10", "+0.5 ± 0.1", "b", "-2", "a", "9"))
        + "</tbody></table>"
    )
    tab.add_script_tag(path=Path(content.__file__).parent / "sort.js")
    tab.locator("button").click()
    assert tab.locator("td").all_inner_texts() == ["-2", "+0.5 ± 0.1", "9", "10", "–", "a", "b"]
    tab.close()


def test_sounds_and_pictures_load(browser, page):
    tab, complaints = opened(browser, page.as_uri())
    seconds = tab.evaluate(
        """Promise.all([...document.querySelectorAll("audio")].map(sound => new Promise((done, failed) => {
            sound.onloadedmetadata = () => done(sound.duration);
            sound.onerror = () => failed(sound.error.message);
            sound.preload = "metadata";
            sound.load();
        })))"""
    )
    assert len(seconds) == tab.locator(".cards li").count() > 0
    assert min(seconds) > 0.5
    widths = tab.evaluate(
        """Promise.all([...document.images].map(async picture => {
            picture.loading = "eager";
            await picture.decode();
            return [picture.naturalWidth, Number(picture.getAttribute("width"))];
        }))"""
    )
    assert widths
    assert all(found == said > 0 for found, said in widths)
    assert complaints == []
    tab.close()


def test_everything_that_is_linked_is_there(browser, address):
    tab, _ = opened(browser, address)
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
    assert len(set(ids)) == len(ids)
    links = tab.evaluate("[...document.querySelectorAll('a')].map(link => link.getAttribute('href'))")
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    tab.close()


def test_the_committed_page_shows_the_committed_tables():
    text = (ARTIFACTS / page.NAME).read_text()
    rows = re.findall(r"<tr>(.*?)</tr>", text.partition('id="overview"')[2].partition("</section>")[0], re.DOTALL)
    cells = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for row in rows]
    known = [reports.load(name) for name in reports.NAMES]
    expected = markdown.results(tables.accuracies(known, ARTIFACTS)).astype(str)
    headings = re.findall(r'<th scope="col">(.*?)</th>', text.partition('id="overview"')[2].partition("</tr>")[0])
    shown = [dict(zip(headings, [re.sub("<.*?>", "", cell) for cell in row], strict=True)) for row in cells if row]
    shown = [{name: row.get(name) for name in expected} for row in shown]
    for row in expected.to_dict("records"):
        assert {name: content.firm(value) for name, value in row.items()} in shown, (
            "out of step: python -m keras_ser page --data DIR"
        )
    articles = text.split("<article")[1:]
    heard = [article for article in articles if "data:audio" in article]
    assert heard
    assert all("Synthetic speech" in article for article in heard)  # nobody's voice is in the repository


def test_without_results_it_says_what_to_do(tmp_path, embedded, capsys):
    assert commands.main(["page", "--data", str(embedded), "--out", str(tmp_path)]) == 2
    assert "reproduce one first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(results, embedded, capsys, small_disk):
    before = sorted(path.name for path in results.iterdir())
    with small_disk(1000):
        assert commands.main(["page", "--data", str(embedded), "--out", str(results)]) == 2
    assert "File too large" in capsys.readouterr().err
    assert sorted(path.name for path in results.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("table.csv", "", "table.csv: cannot be read (the file is empty"),
        ("table.csv", "a,b\n1,2\n", "table.csv: cannot be read (no column ci_high"),
        ("figures/clips.png", "GIF", "clips.png: the picture cannot be read"),
    ],
)
def test_damaged_results(results, embedded, tmp_path, capsys, name, content, said):
    out = shutil.copytree(results, tmp_path / "results")
    (out / "synthetic" / "tess_mfcc" / name).write_text(content)
    assert commands.main(["page", "--data", str(embedded), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "delete it and reproduce again" in error
