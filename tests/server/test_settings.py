from pathlib import Path

import pytest

from isocenter.errors import ConfigurationError
from isocenter.server.listen_address import ListenAddress
from isocenter.server.settings import Settings, load, unknown_variables


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ["CONFIG", *(field.upper() for field in Settings.model_fields)]:
        monkeypatch.delenv(f"ISOCENTER_{name}", raising=False)


def write(text: str, name: str = "isocenter.toml") -> Path:
    path = Path(name)
    path.write_text(text, "utf-8")
    return path


def test_without_anything_the_documented_defaults_hold():
    settings = load().settings
    assert str(settings.http) == "127.0.0.1:8104"
    assert str(settings.dicom) == "127.0.0.1:11112"
    assert settings.aet == "ISOCENTER"
    assert settings.data == Path("isocenter-data")
    assert (settings.durability, settings.on_conflict) == ("safe", "refuse")


def test_the_environment_is_stronger_than_the_file_and_a_flag_stronger_than_both(monkeypatch):
    write('aet = "FILE"\ndata = "from-file"\ndurability = "fast"\n')
    monkeypatch.setenv("ISOCENTER_AET", "ENVIRONMENT")
    monkeypatch.setenv("ISOCENTER_DATA", "from-environment")
    effective = load({"aet": "FLAG", "data": None})
    assert effective.settings.aet == "FLAG"
    assert effective.settings.data == Path("from-environment")
    assert effective.settings.durability == "fast"
    assert effective.origins["aet"] == "--aet"
    assert effective.origins["data"] == "ISOCENTER_DATA"
    assert effective.origins["durability"] == "isocenter.toml"
    assert effective.origins["http"] == "default"


def test_the_file_can_be_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("ISOCENTER_CONFIG", str(write('aet = "OTHER"', "other.toml")))
    assert load().settings.aet == "OTHER"


def test_a_list_is_written_with_commas_in_the_environment_and_as_an_array_in_the_file(monkeypatch):
    write('hosts = ["a.example", "b.example"]')
    monkeypatch.setenv("ISOCENTER_PEERS", "CT1, MR1@192.0.2.10")
    settings = load().settings
    assert settings.peers == ("CT1", "MR1@192.0.2.10")
    assert settings.hosts == ("a.example", "b.example")


EXAMPLES = {
    "http": "0.0.0.0:80",
    "dicom": "[::1]:104",
    "tokens": "0123456789abcdef",
    "durability": "fast",
    "on_conflict": "keep",
    "validation": "refuse",
    "demo": "true",
    "origins": "https://viewer.example.org",
    "insecure": "1",
    "max_object_size": "8GiB",
    "max_associations": "7",
    "max_associations_per_peer": "3",
    "shutdown_grace": "2.5",
    "log_level": "debug",
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_given_by_the_environment(name, monkeypatch):
    monkeypatch.setenv(f"ISOCENTER_{name.upper()}", EXAMPLES.get(name, "something"))
    effective = load()
    assert effective.origins[name] == f"ISOCENTER_{name.upper()}"
    assert getattr(effective.settings, name) != Settings.model_fields[name].default


def test_sizes_may_carry_a_unit():
    write('max_object_size = "2GiB"')
    assert load().settings.max_object_size == 2 << 30


def test_a_missing_file_is_an_error_only_when_it_was_named():
    load()
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: cannot read"):
        load(file=Path("nowhere.toml"))


def test_a_misspelt_setting_names_the_likely_one():
    write('durabilty = "fast"')
    with pytest.raises(ConfigurationError, match="did you mean durability"):
        load()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('http = "127.0.0.1:99999"', r"http \(from isocenter.toml\): .*port from 0 to 65535"),
        ('aet = "BACK\\\\SLASH"', r"aet .* is no AE title"),
        ('aet = "SEVENTEEN-LETTERS"', r"aet .* is no AE title"),
        ('durability = "perhaps"', r"durability .*found 'perhaps'; expected 'safe' or 'fast'$"),
        ("max_associations = 0", r"max_associations .*above 0"),
        ("http = [", r"cannot read the configuration"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_source(text, complaint):
    write(text)
    with pytest.raises(ConfigurationError, match=complaint):
        load()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('data = ""', "the path is empty; name a folder (. is this folder)"),
        ('quarantine = " "', "the path is empty; name a folder (. is this folder)"),
        (r'data = "a\u0000b"', "a path has no NUL; name a folder"),
        ("data = 5", 'found a number; expected a path in quotes, for example "/srv/isocenter"'),
        (
            'http = ["a"]',
            'found a list; expected HOST:PORT in quotes, for example "127.0.0.1:8104"',
        ),
        (
            "dicom = true",
            'found true or false; expected HOST:PORT in quotes, for example "127.0.0.1:8104"',
        ),
        ("aet = nan", 'found a number; expected an AE title in quotes, for example "ARCHIVE"'),
        (
            "index_url = 5",
            'found a number; expected a URL in quotes, for example "postgresql+psycopg://db/index"',
        ),
        ("peers = 5", 'found a number; expected a list, for example ["CT1", "MR1@192.0.2.10"]'),
        (
            'peers = ["CT1", 5]',
            "found a number in the list; expected each value in quotes, "
            'for example ["CT1", "MR1@192.0.2.10"]',
        ),
        ("hosts = 5", 'found a number; expected a list, for example ["pacs.example.org"]'),
        (
            "origins = 2026-11-22",
            'found a date or time; expected a list, for example ["https://viewer.example.org"]',
        ),
        (
            "tokens = 5",
            'found a number; expected a list, for example ["OUTPUT OF openssl rand -hex 24"]',
        ),
        ("max_object_size = 0", "give a number of bytes above 0, or a size such as 8GiB"),
        ("max_object_size = true", "give a number of bytes above 0, or a size such as 8GiB"),
        ("max_object_size = inf", "give a number of bytes above 0, or a size such as 8GiB"),
        ('shutdown_grace = "inf"', "give seconds, above 0 and up to 86400, for example 10"),
        ("shutdown_grace = nan", "give seconds, above 0 and up to 86400, for example 10"),
        ("shutdown_grace = 1e300", "give seconds, above 0 and up to 86400, for example 10"),
        ("shutdown_grace = true", "give seconds, above 0 and up to 86400, for example 10"),
        ('max_associations = "many"', "give a whole number above 0, for example 256"),
        ("max_associations = true", "give a whole number above 0, for example 256"),
        ('demo = "perhaps"', "give true or false"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_of_the_file(text, sentence):
    write(text)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value) == f"{text.split(' =')[0]} (from isocenter.toml): {sentence}"


@pytest.mark.parametrize(
    "name", ["*", "*.example.org", "http://pacs.example.org", "pacs.example.org:8104", "a b", ""]
)
def test_what_is_no_host_name_is_refused(name):
    """The name is compared with that of the Host header, without its port (RFC 9110 7.2)."""
    write(f'hosts = ["{name}"]')
    with pytest.raises(ConfigurationError, match="hosts .* is no host name; write each alone"):
        load()


@pytest.mark.parametrize("name", ["pacs", "pacs.example.org", "PACS_2.local"])
def test_a_host_name_is_taken_as_it_is(name):
    assert load({"hosts": name}).settings.hosts == (name,)


@pytest.mark.parametrize("name", ["data", "quarantine"])
def test_an_empty_variable_does_not_mean_the_working_directory(name, monkeypatch):
    monkeypatch.setenv(f"ISOCENTER_{name.upper()}", "")
    with pytest.raises(ConfigurationError, match=f"ISOCENTER_{name.upper()}.*the path is empty"):
        load()


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write('data = "~/archive"')
    settings = load({"quarantine": Path("~")}).settings
    assert (settings.data, settings.quarantine) == (tmp_path / "archive", tmp_path)


def test_a_tilde_before_nobody_is_refused():
    write('data = "~no-such-user/archive"')
    with pytest.raises(ConfigurationError, match="data .*whose home"):
        load()


def test_an_empty_variable_names_no_configuration_file(monkeypatch):
    monkeypatch.setenv("ISOCENTER_CONFIG", "")
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value) == (
        "ISOCENTER_CONFIG is empty; name the configuration file, or remove the variable"
    )


@pytest.mark.parametrize("name", ["AET", "Aet", "On_Conflict", "on-conflict"])
def test_a_setting_in_another_case_names_the_right_one(name):
    write(f'{name} = "X"')
    likely = name.lower().replace("-", "_")
    with pytest.raises(ConfigurationError, match=f"did you mean {likely}"):
        load()


def test_a_short_token_is_refused_without_showing_it(monkeypatch):
    monkeypatch.setenv("ISOCENTER_TOKENS", "hunter2")
    with pytest.raises(ConfigurationError, match="16 characters") as caught:
        load()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["PEERS", "TOKENS"])
def test_lists_in_the_environment_are_no_json(monkeypatch, name):
    monkeypatch.setenv(f"ISOCENTER_{name}", '["0123456789abcdef"]')
    with pytest.raises(ConfigurationError, match=r"without \[ \] and quotes") as caught:
        load()
    assert "0123456789abcdef" not in str(caught.value)


def test_secrets_are_not_in_the_printed_model():
    secret = "postgresql://user:password@db/isocenter"
    model = load({"index_url": secret, "tokens": "0123456789abcdef0"}).settings
    assert "password" not in repr(model) + model.model_dump_json()
    assert "0123456789abcdef0" not in repr(model) + model.model_dump_json()


def test_a_variable_that_is_no_setting_is_named_with_the_likely_one():
    environment = {"ISOCENTER_DURABILTY": "fast", "ISOCENTER_AET": "X", "HOME": "/"}
    (found,) = unknown_variables(environment)
    assert found == "ISOCENTER_DURABILTY; did you mean ISOCENTER_DURABILITY?"


@pytest.mark.parametrize(
    ("text", "endpoint", "loopback"),
    [
        ("127.0.0.1:8104", ListenAddress("127.0.0.1", 8104), True),
        ("8104", ListenAddress("127.0.0.1", 8104), True),
        ("localhost:0", ListenAddress("localhost", 0), True),
        ("[::1]:104", ListenAddress("::1", 104), True),
        ("127.9.9.9:104", ListenAddress("127.9.9.9", 104), True),
        ("0.0.0.0:104", ListenAddress("0.0.0.0", 104), False),
        ("[::]:104", ListenAddress("::", 104), False),
        ("pacs.example:104", ListenAddress("pacs.example", 104), False),
    ],
)
def test_an_endpoint_knows_whether_other_machines_reach_it(text, endpoint, loopback):
    assert ListenAddress.parse(text) == endpoint
    assert endpoint.is_loopback is loopback


@pytest.mark.parametrize("text", ["", ":", "host:", "host:x", "::1:104", "host:70000", "host:-1"])
def test_what_is_no_endpoint_is_refused(text):
    with pytest.raises(ConfigurationError):
        ListenAddress.parse(text)


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        ("http://127.0.0.1:8990/", "127.0.0.1:8990"),
        ("https://[::1]:8990", "[::1]:8990"),
        ("127.0.0.1:8990/viewer", "127.0.0.1:8990"),
    ],
)
def test_a_url_is_told_to_be_none(text, likely):
    with pytest.raises(ConfigurationError) as caught:
        ListenAddress.parse(text)
    assert str(caught.value) == (
        f"{text!r} is a URL: write HOST:PORT alone, without http:// and path, such as {likely}"
    )


@pytest.mark.parametrize("origin", ["*", "viewer.example.org", "https://viewer.example.org/"])
def test_an_origin_that_names_everybody_or_nobody_is_refused(origin):
    with pytest.raises(ConfigurationError, match="origins"):
        load({"origins": origin})
