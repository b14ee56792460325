import random
import subprocess
import sys

import postgres
import pytest
from servers import free_port

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.text.hashed import Hashed
from srlr.text.pgvector import Pgvector, open_database, shown
from srlr.text.vectors import Exact, Vectors

WORDS = "the lens is sharp and its battery lasts for days of hard use in cold rain or heat".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def url():
    with postgres.running() as url:
        yield url


@pytest.fixture
def database(url):
    one = open_database(url, "URL")
    yield one
    one.close()


def texts(count, seed=1):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=8)) for _ in range(count)]


def test_it_finds_what_exact_search_finds(database):
    held = texts(300)
    vectors = Vectors(Hashed(), None)
    exact, index = Exact(held, vectors), Pgvector(held, vectors, database, "same", 300)

    for query in texts(10, seed=2):
        assert index.nearest(query, 5, exclude=[0, 1]) == [
            (position, pytest.approx(cosine, abs=1e-5))
            for position, cosine in exact.nearest(query, 5, exclude=[0, 1])
        ]


def test_another_namespace_is_never_found_however_near_and_large(database):
    vectors = Vectors(Hashed(), None)
    Pgvector([f"red boat {n}" for n in range(400)], vectors, database, "large", 10)
    small = Pgvector(["a blue boat", "a tree"], vectors, database, "small", 10)

    assert [one for one, _ in small.nearest("red boat", 5)][:1] == [0]
    assert len(small.nearest("red boat 7", 5)) <= 2


def test_what_is_there_is_not_sent_again_and_what_is_gone_is_deleted(database, tmp_path):
    vectors = Vectors(Hashed(), None)
    Pgvector(["red boat", "blue boat"], vectors, database, "kept")
    again = Pgvector(["green boat", "red boat", "red boat"], vectors, database, "kept")

    assert vectors.embedded == 3
    assert [one for one, _ in again.nearest("red boat", 2)] == [1, 2]
    with database.transaction() as cursor:
        cursor.execute("SELECT count(*) FROM srlr_vectors_1024 WHERE namespace LIKE 'kept/%'")
        assert cursor.fetchone() == (2,)


def test_the_index_is_one_of_hnsw(database):
    Pgvector(["a"], Vectors(Hashed(), None), database, "any")
    with database.transaction() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'srlr_vectors_1024_hnsw'")

        assert "USING hnsw (" in cursor.fetchone()[0]


def test_a_database_that_is_gone_is_told_without_its_password(url):
    index = Pgvector(["a"], Vectors(Hashed(), None), gone := open_database(url, "URL"), "gone")
    gone.close()

    with pytest.raises(ResourceError, match="the connection is closed") as error:
        index.nearest("a", 1)

    assert "secret" not in str(error.value)
    assert "127.0.0.1" in error.value.what


def test_an_address_without_a_database_is_told(url):
    address = f"postgresql://me:secret@127.0.0.1:{free_port()}/x"
    with pytest.raises(ResourceError, match="cannot be reached") as error:
        open_database(address, "MY_URL")

    assert "secret" not in str(error.value)
    assert "MY_URL" in error.value.hint


def test_a_database_where_the_extension_may_not_be_made_is_told(url):
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE USER guest")
        connection.execute("CREATE DATABASE bare")
    with pytest.raises(MissingArtifact, match="has no extension 'vector'") as error:
        open_database(url.replace("owner:secret", "guest").replace("/postgres", "/bare"), "URL")

    assert "CREATE EXTENSION vector" in error.value.hint


def test_a_variable_that_is_not_set_is_told():
    with pytest.raises(ConfigError, match="the environment variable 'MY_URL' holds no address"):
        open_database("", "MY_URL")


@pytest.mark.parametrize("said", ["localhost", "mysql://a:secret@b/c"])
def test_what_is_no_address_is_told(said):
    with pytest.raises(ConfigError, match="not postgresql") as error:
        shown(said)

    assert "secret" not in str(error.value)


def test_without_psycopg_the_extra_is_named():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from srlr.text.pgvector import open_database\n"
        "try: open_database('postgresql://x/y', 'URL')\n"
        "except Exception as error: print(type(error).__name__, error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "MissingArtifact pip install 'srlr[pgvector]'"
