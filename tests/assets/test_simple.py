import json

import pytest

from srlr.assets.pip_settings import PipSettings
from srlr.assets.simple import JSON, Link, links, places
from srlr.assets.web import Unavailable

NONE = PipSettings()
SHA = "a" * 64


@pytest.fixture
def page(serve):
    """Puts a page on a server; returns its address."""
    index = serve()

    def put(text: str, kind: str = "text/html", path: str = "/simple/tiny/") -> str:
        index.pages[path] = (kind, text.encode())
        return index.url + path

    return put


def test_a_page_in_json(page):
    files = [
        {"filename": "a.whl", "url": "../../f/a.whl", "hashes": {"sha256": SHA}},
        {"filename": "b.whl", "url": "https://files.example/b.whl"},
    ]
    url = page(json.dumps({"files": files}), JSON)
    host = url.removesuffix("/simple/tiny/")

    assert links(url, NONE) == [
        Link("a.whl", f"{host}/f/a.whl", SHA),
        Link("b.whl", "https://files.example/b.whl", None),
    ]


def test_a_page_in_html(page):
    url = page(
        f'<html><body><a href="/f/a%2B1.whl#sha256={SHA.upper()}">a</a><a name="x">no link</a>'
        '<A HREF="b.whl#md5=1" data-yanked>b</A></body></html>'
    )
    host = url.removesuffix("/simple/tiny/")

    assert links(url, NONE) == [
        Link("a+1.whl", f"{host}/f/a%2B1.whl", SHA),
        Link("b.whl", f"{host}/simple/tiny/b.whl", None),
    ]


def test_the_base_of_a_page_counts(page):
    url = page('<base href="https://files.example/x/"><base href="/no"><a href="a.whl">a</a>')

    assert links(url, NONE)[0].url == "https://files.example/x/a.whl"


@pytest.mark.parametrize("text", ["not json", "{}", "[]", '{"files": [{}]}', '{"files": [1]}'])
def test_a_page_that_is_no_index_is_said(page, text):
    with pytest.raises(Unavailable, match="is not a simple index page"):
        links(page(text, JSON), NONE)


def test_a_link_that_is_no_address_is_said(page):
    with pytest.raises(Unavailable, match="a link that is no address"):
        links(page('<a href="http://[x/a.whl">a</a>'), NONE)


def test_folders_pages_and_files_on_this_machine(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "a.whl").write_text("")
    (folder / "sub").mkdir()
    listing = tmp_path / "list.html"
    listing.write_text('<a href="a%20folder/a.whl">a</a>')

    for place in (
        str(folder),
        folder.as_uri(),
        str(folder / "a.whl"),
        str(listing),
        listing.as_uri(),
    ):
        assert [(link.filename, link.local) for link in links(place, NONE)] == [
            ("a.whl", folder / "a.whl")
        ]


def test_an_index_in_a_folder(tmp_path):
    (tmp_path / "simple" / "tiny").mkdir(parents=True)
    (tmp_path / "simple" / "tiny" / "index.html").write_text(
        f'<a href="../../files/a.whl#sha256={SHA}">a</a>'
    )
    settings = PipSettings(indexes=((tmp_path / "simple").as_uri(),))

    found = list(places("Tiny", "a.whl", settings, []))
    assert [(link.local, link.sha256) for link in found] == [(tmp_path / "files" / "a.whl", SHA)]


def test_places_that_cannot_be_read_are_said(tmp_path):
    with pytest.raises(Unavailable, match="is not there"):
        links(str(tmp_path / "gone"), NONE)
    (tmp_path / "x.html").mkdir()
    (tmp_path / "x.html").rmdir()
    with pytest.raises(Unavailable, match="No such file"):
        links(str(tmp_path / "x.html"), NONE)


def test_every_place_is_asked_in_order_and_says_why_it_has_nothing(page, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.whl").write_text("")
    first = page('<a href="b.whl">b</a>', path="/first/tiny/").removesuffix("/tiny/")
    second = page('<a href="a.whl">a</a>', path="/second/tiny/").removesuffix("/tiny/")
    settings = PipSettings(
        indexes=(first + "/", second, f"{first}/gone"),
        find_links=(str(tmp_path / "gone"), str(tmp_path / "links")),
    )
    refused: list[str] = []

    found = [link.url for link in places("Tiny", "a.whl", settings, refused)]
    assert found == [(tmp_path / "links" / "a.whl").as_uri(), f"{second}/tiny/a.whl"]
    assert refused == [
        f"{tmp_path / 'gone'}: is not there",
        f"{first}/tiny/: has no a.whl",
        f"{first}/gone/tiny/: the server says 404 Not Found",
    ]


def test_an_index_that_is_turned_off_is_said():
    refused: list[str] = []

    assert list(places("tiny", "a.whl", PipSettings(no_index=True), refused)) == []
    assert refused == ["pip's no-index is set: no package index was asked"]
