import ssl
import subprocess

import pytest

from srlr.assets.pip_settings import PipSettings
from srlr.assets.web import BadRange, Broken, Unavailable, request, scrub, shown
from srlr.core.errors import ConfigError

SECRET = "s3cr%40t"
LOGIN = "Basic bWU6czNjckB0"  # me:s3cr@t


def body(url, settings=PipSettings(), headers=None):  # noqa: B008  frozen
    with request(url, settings, headers or {}) as response:
        return response.read()


@pytest.fixture
def server(serve):
    index = serve()
    index.pages["/file"] = ("text/plain", b"hello")
    return index


def with_login(url):
    return url.replace("http://", f"http://me:{SECRET}@")


def test_credentials_of_the_address_are_sent_and_not_shown(server):
    server.login = LOGIN
    url = with_login(f"{server.url}/file?token={SECRET}#sha256=1")
    server.pages[f"/file?token={SECRET}"] = server.pages["/file"]

    assert body(url) == b"hello"
    assert shown(url) == f"{server.url}/file"
    server.login = "another"
    with pytest.raises(Unavailable, match="401") as error:
        body(url)
    assert SECRET not in str(error.value)
    assert ".netrc" in str(error.value)


def test_credentials_of_the_index_reach_its_files_but_no_other_host(server, serve):
    other = serve()
    other.pages["/file"] = ("text/plain", b"elsewhere")
    settings = PipSettings(indexes=(with_login(f"{server.url}/simple"), f"{other.url}/simple"))
    server.broken["/file"] = [f"{server.url}/moved", f"{other.url}/file"]
    server.pages["/moved"] = ("text/plain", b"moved")

    assert body(f"{server.url}/file", settings) == b"moved"
    assert body(f"{server.url}/file", settings) == b"elsewhere"
    assert {one.authorization for one in server.seen} == {LOGIN}
    assert other.seen[0].authorization is None


def test_netrc_is_read(server, tmp_path):
    server.login = LOGIN
    with pytest.raises(Unavailable, match="401"):
        body(f"{server.url}/file")

    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cr@t\n")
    assert body(f"{server.url}/file") == b"hello"
    (tmp_path / "netrc").write_text("machine nowhere.example login me password x\n")
    with pytest.raises(Unavailable, match="401"):
        body(f"{server.url}/file")
    (tmp_path / "netrc").write_text("this is not a netrc")
    with pytest.raises(Unavailable, match="401"):
        body(f"{server.url}/file")


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_proxy_of_pip_is_used(server, scheme):
    settings = PipSettings(proxy=scheme + server.url.removeprefix("http://"))

    assert body("http://files.example/file", settings) == b"hello"
    assert server.seen[0].proxied


def test_a_proxy_that_cannot_be_used_is_said():
    with pytest.raises(Unavailable, match="SOCKS"):
        body("http://files.example/file", PipSettings(proxy="socks5://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, Unavailable), (410, Unavailable), (403, Unavailable), (503, Broken), (429, Broken)],
)
def test_a_refusal_is_final_or_worth_another_try(server, status, kind):
    server.broken["/file"] = [status]

    with pytest.raises(kind, match=str(status)):
        body(f"{server.url}/file")


def test_nothing_after_the_last_byte_is_its_own_refusal(server):
    with pytest.raises(BadRange):
        body(f"{server.url}/file", headers={"Range": "bytes=99-"})


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@127.0.0.1:1/file",
        f"http://me:{SECRET}@127.0.0.1:port/file",
        f"ftp://me:{SECRET}@127.0.0.1/file",
        f"http://me:{SECRET}@127.0.0.1/a file",
        f"http://me:{SECRET}@[127.0.0.1/file",
    ],
)
def test_an_address_that_cannot_be_asked_is_said_without_its_password(url):
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as error:
        body(url)

    assert SECRET not in str(error.value)
    assert "me:" not in str(error.value)


def test_a_server_that_hangs_up_is_broken(server):
    server.broken["/file"] = ["gate"]

    with pytest.raises(Broken, match=r"no answer: .*timed out"):
        body(f"{server.url}/file", PipSettings(timeout_s=0.2))
    server.gate.set()


def test_text_is_scrubbed():
    assert scrub("at https://me:pw@host/x and http://t@h") == "at https://host/x and http://h"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody trusts."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    options = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run([*command.split(), *options, *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl program")
    (folder / "both.pem").write_text(
        (folder / "key.pem").read_text() + (folder / "cert.pem").read_text()
    )
    return folder


@pytest.fixture
def secure(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    index = serve(tls=context)
    index.pages["/file"] = ("text/plain", b"hello")
    return index


def test_a_certificate_is_checked_unless_the_user_says_otherwise(secure, certificate):
    url = f"{secure.url}/file"
    host = secure.url.removeprefix("https://")

    with pytest.raises(Unavailable, match="certificate verify failed"):
        body(url)
    with pytest.raises(Unavailable, match="certificate verify failed"):
        body(url, PipSettings(trusted_hosts=("another.example",)))
    assert body(url, PipSettings(trusted_hosts=("127.0.0.1",))) == b"hello"
    assert body(url, PipSettings(trusted_hosts=(host,))) == b"hello"
    own = str(certificate / "cert.pem")
    both = str(certificate / "both.pem")
    assert body(url, PipSettings(cert=own, client_cert=both)) == b"hello"


def test_a_folder_of_certificates_is_one_too(secure, certificate, tmp_path):
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "own.pem").write_text((certificate / "cert.pem").read_text())
    subprocess.run(["openssl", "rehash", str(folder)], check=True, capture_output=True)

    assert body(f"{secure.url}/file", PipSettings(cert=str(folder))) == b"hello"


def test_where_the_system_has_no_certificates_certifi_is_asked(secure, certificate, monkeypatch):
    """certifi does not have our certificate: it is refused, not trusted and not a bug."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate / "none"))

    with pytest.raises(Unavailable, match="certificate verify failed"):
        body(f"{secure.url}/file", PipSettings(timeout_s=14))
    monkeypatch.setitem(__import__("sys").modules, "certifi", None)
    with pytest.raises(Unavailable, match="certificate verify failed"):
        body(f"{secure.url}/file", PipSettings(timeout_s=13))


def test_a_certificate_that_cannot_be_read_is_pips_configuration_to_fix(tmp_path):
    (tmp_path / "bad.pem").write_text("no certificate")
    for settings in (
        PipSettings(cert=str(tmp_path / "gone.pem")),
        PipSettings(cert=str(tmp_path / "bad.pem")),
        PipSettings(client_cert=str(tmp_path / "gone.pem")),
    ):
        with pytest.raises(ConfigError, match="certificate that cannot be read"):
            body("https://127.0.0.1:1/file", settings)
