import pytest


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("jo@example.org", "[EMAIL_1]"),
        ("Ask jo.doe+x@mail.example.co.uk.", "Ask [EMAIL_1]."),
        ("<a href='mailto:jo@example.org'>", "<a href='mailto:[EMAIL_1]'>"),
        ("(jo@example.org)", "([EMAIL_1])"),
        ("to=jo@example.org&x=1", "to=[EMAIL_1]&x=1"),
        ("/home/jo@example.org", "/home/[EMAIL_1]"),
        ("mailto:jo%40example.org", "mailto:[EMAIL_1]"),
        ("jo&#64;example.org", "[EMAIL_1]"),
        ('"Jo Doe"@example.org', "[EMAIL_1]"),
        ("josé@exämple.org", "[EMAIL_1]"),
        ("jo@xn--exmple-cua.xn--p1ai", "[EMAIL_1]"),
        ("_jo@example.org_", "[EMAIL_1]_"),
        ("jo@example.org(home) jo@example.eu(work)", "[EMAIL_1](home) [EMAIL_2](work)"),
        ("jo [at] example [dot] org", "[EMAIL_1]"),
        ("jo(at)example.org", "[EMAIL_1]"),
        ("ｊｏ＠ｅｘａｍｐｌｅ．ｏｒｇ", "[EMAIL_1]"),
        ("j\u200bo@exa\u00admple.org", "[EMAIL_1]"),
        ("jo@ехаmple.org", "[EMAIL_1]"),
        ("x" * 100 + "@example.org", "[EMAIL_1]"),
    ],
)
def test_an_address_is_found_in_every_spelling(shown, text, redacted):
    assert shown("email", text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "@app.route('/x')",
        "meet me @ 5.30 pm",
        "W@x.reshape(2, 3)",
        "a@b",
        "git clone git@github.com:a/b",
        "look at amazon dot com",
        '"\n"@example.org',
        "f[at] the end",
    ],
)
def test_what_only_holds_the_sign_is_no_address(shown, text):
    assert shown("email", text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("from 203.0.113.7:8080", "from [IP_1]:8080"),
        ("http://203.0.113.7/x", "http://[IP_1]/x"),
        ("203.0.113.0/24.", "[IP_1]/24."),
        ("host/10.11.12.13", "host/[IP_1]"),
        ("203[.]0[.]113[.]7", "[IP_1]"),
        ("ip 8.8.8.8", "ip [IP_1]"),
        ("10.1.2.3-10.1.2.90,10.1.2.91", "[IP_1]-[IP_2],[IP_3]"),
        ("ip-10.11.12.13", "ip-[IP_1]"),
        ("2001:db8::8a2e:370:7334", "[IP_1]"),
        ("[2001:DB8::1]:443", "[[IP_1]]:443"),
        ("6e40:4041:c617:e898:c11:40d2:c669:2eb4", "[IP_1]"),
        ("fe80::1 and FE80:0::1", "[IP_1] and [IP_1]"),
        ("::ffff is not, 64:ff9b::c000:221 is", "::ffff is not, [IP_1] is"),
    ],
)
def test_an_ip_address_is_found(shown, text, redacted):
    assert shown("ip", text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "version 10.2.30.4",
        "v10.2.30.4",
        "Chrome/10.2.30.4",
        "numpy==10.2.30.4",
        "lib-10.2.30.4.tar",
        "10.2.30.4-beta",
        "1.3.6.1.4.1.311",
        "see 1.2.3.4",
        "256.1.1.1",
        "127.0.0.1 and 0.0.0.0 and 255.255.255.0",
        "::1",
        "std::abc, ab::cd, x[2000::2], 12:30:45",
        "00:1b:44:11:3a:b7",
        "1:2:3:4:5:6:7:8:9",
        "a:b:c:d:e:f:1:zz",
    ],
)
def test_versions_times_and_addresses_of_no_machine_stay(shown, text):
    assert shown("ip", text) == text
