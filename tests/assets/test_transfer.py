import hashlib

import pytest

from srlr.assets import transfer
from srlr.assets.cache import silent
from srlr.assets.content import Wanted
from srlr.assets.pip_settings import PipSettings
from srlr.assets.web import Unavailable

DATA = bytes(range(256)) * 20  # 5,120 bytes
WANTED = Wanted("f.bin", hashlib.sha256(DATA).hexdigest(), len(DATA))
ONCE = PipSettings(retries=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(transfer, "pause", lambda breaks: None)


@pytest.fixture
def server(serve):
    index = serve()
    index.pages["/f.bin"] = ("application/octet-stream", DATA)
    return index


@pytest.fixture
def part(tmp_path):
    return tmp_path / "f.part"


def fetch(server, part, wanted=WANTED, settings=ONCE, progress=silent):
    transfer.fetch(f"{server.url}/f.bin", part, wanted, settings, progress)


def ranges(server):
    return [one.range for one in server.asked("/f.bin")]


def test_progress_is_told_and_ends_at_the_size(server, part):
    told = []
    fetch(server, part, progress=lambda *event: told.append(event))

    assert part.read_bytes() == DATA
    assert told[-1] == ("fetching f.bin", 5120, 5120)


def test_a_broken_download_goes_on_where_it_stopped(server, part):
    server.broken["/f.bin"] = [{"cut": 1000}]
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == [None, "bytes=1000-"]


def test_what_an_earlier_process_left_is_not_fetched_again(server, part):
    part.write_bytes(DATA[:5000])
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == ["bytes=5000-"]


def test_a_complete_part_needs_no_server(part):
    part.write_bytes(DATA)

    transfer.fetch("http://127.0.0.1:1/f.bin", part, WANTED, ONCE, silent)
    sizeless = Wanted("f.bin", WANTED.sha256)
    transfer.fetch("http://127.0.0.1:1/f.bin", part, sizeless, ONCE, silent)

    assert part.read_bytes() == DATA


def test_a_server_without_ranges_starts_over(server, part):
    server.ranges = False
    part.write_bytes(DATA[:1000])
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == ["bytes=1000-"]


def test_a_part_the_server_has_nothing_after_starts_over(server, part):
    part.write_bytes(b"x" * 6000)
    fetch(server, part, Wanted("f.bin", WANTED.sha256))

    assert part.read_bytes() == DATA
    assert ranges(server) == ["bytes=6000-", None]


@pytest.mark.parametrize("left", [b"x" * 5120, b"x" * 6000])
def test_a_wrong_part_of_full_length_is_dropped_unasked(server, part, left):
    part.write_bytes(left)
    fetch(server, part)

    assert ranges(server) == [None]


def test_a_wrong_part_is_found_out_and_fetched_from_the_start(server, part):
    part.write_bytes(b"x" * 1000)
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == ["bytes=1000-", None]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (DATA[:-20], "truncated: 5,100 bytes where 5,120 are locked"),
        (DATA + b"more", "too long: 5,124 bytes where 5,120 are locked"),
        (b"x" + DATA[1:], "corrupt: its sha256 is "),
    ],
)
def test_a_wrong_file_is_refetched_once_and_then_refused_with_the_reason(server, part, wrong, said):
    server.broken["/f.bin"] = [wrong]
    fetch(server, part)
    assert part.read_bytes() == DATA
    part.unlink()

    server.pages["/f.bin"] = ("application/octet-stream", wrong)
    server.seen.clear()
    with pytest.raises(Unavailable) as error:
        fetch(server, part)
    assert f"/f.bin is {said}" in str(error.value)
    assert str(error.value).endswith("(fetched twice)")
    assert ranges(server) == [None, None]
    assert not part.exists()


def test_an_endless_file_is_cut_off(server, part, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 1000)
    server.pages["/f.bin"] = ("application/octet-stream", DATA * 1000)

    with pytest.raises(Unavailable, match="too long: 6,000 bytes"):
        fetch(server, part)


def test_a_server_that_stays_busy_is_given_up_and_what_came_is_kept(server, part):
    server.broken["/f.bin"] = [{"cut": 1000}, 503, 503]

    with pytest.raises(Unavailable, match="503"):
        fetch(server, part)
    assert part.read_bytes() == DATA[:1000]
    fetch(server, part)
    assert part.read_bytes() == DATA


def test_breaks_with_headway_do_not_count(server, part, monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK_BYTES", 1000)
    server.broken["/f.bin"] = [{"cut": 1500}] * 3
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == [None, "bytes=1500-", "bytes=3000-", "bytes=4500-"]


def test_a_body_of_unannounced_length_is_taken_whole(server, part):
    server.announce_length = False
    fetch(server, part)

    assert part.read_bytes() == DATA


def test_a_page_is_read_within_limits(server):
    url = f"{server.url}/f.bin"
    server.broken["/f.bin"] = [503]

    assert transfer.read_page(url, ONCE, "text/html", 10_000)[0] == DATA
    with pytest.raises(Unavailable, match="longer than 100 bytes"):
        transfer.read_page(url, ONCE, "text/html", 100)
    server.broken["/f.bin"] = [503, 503]
    with pytest.raises(Unavailable, match="503"):
        transfer.read_page(url, ONCE, "text/html", 10_000)


def test_a_chunked_body_that_breaks_is_broken(server, part):
    """http.client raises IncompleteRead here, and only here."""
    server.broken["/f.bin"] = ["chunked"]
    fetch(server, part)

    assert part.read_bytes() == DATA
    assert ranges(server) == [None, "bytes=10-"]
