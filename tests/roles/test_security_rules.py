import pytest

from srlr.roles import security_rules as rules
from srlr.roles.security_findings import statements


@pytest.mark.parametrize(
    ("statement", "test", "mended"),
    [
        ("yaml.load(body, Loader=Loader)", "B506", "yaml.safe_load(body)"),
        ("os.chmod(path, 0o777)", "B103", "os.chmod(path, 0o600)"),
        ("s.bind(('0.0.0.0', 80))", "B104", "s.bind(('127.0.0.1', 80))"),
        ("hashlib.new('MD4')", "B324", "hashlib.new('sha256')"),
        ("requests.get(url, timeout=None)", "B113", "requests.get(url, timeout=5)"),
        ("requests.get(url)", "B113", "requests.get(url, timeout=5)"),
        ('c.execute("SELECT 1 WHERE a = \'%s\'" % a)', "B608",
         'c.execute("SELECT 1 WHERE a = %s", (a,))'),
        ("SSL.Context(method=SSL.SSLv2_METHOD)", "B502", "SSL.Context(method=SSL.TLS_METHOD)"),
        ("os.system(line)", "B605", None),
        ("yaml.dump(body)", "B506", None),
    ],
)  # fmt: skip
def test_a_weak_statement_has_a_fixed_form_where_a_rule_mends_it(statement, test, mended):
    assert rules.fixed(statement, test) == mended


def test_signs_are_named_with_their_lines():
    code = "a = 1\nb = yaml.load(a)\nassert b, random.random()"

    assert [(one.line, one.cwe, one.word) for one in rules.signs(code)] == [
        (2, 20, "yaml.load"), (2, 502, "load"), (3, 330, "random.random"), (3, 703, "assert"),
    ]  # fmt: skip
    assert rules.seen(code) == ("yaml.load", "load", "random.random", "assert")
    assert rules.looks("a = 1") == "Nothing looks like one."


def test_a_word_can_stand_in_a_list_of_words():
    code = "os.chmod('/a, b', 0o777)\nshell = True\nexcept (A, B):"

    for one in rules.signs(code):
        assert one.word
        assert not set(one.word) & set(",\n")


def test_every_weakness_in_the_table_has_a_cwe_and_advice():
    found = {one.test for known in statements().values() for s in known for one in s.found}

    assert found <= set(rules.TESTS)
    assert set(rules.TESTS.values()) == set(rules.ADVICE)
