import json

import pytest
from tests.factories import ct_slice, part10_bytes

from isocenter.cli import main


@pytest.fixture
def isocenter(monkeypatch, capsys):
    """The command, in this process: its exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["isocenter", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "sound.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8)))
    return path


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.dcm"
    path.write_bytes(part10_bytes(ct_slice(8, 8, KVP=None)))
    return path


@pytest.mark.parametrize("flags", [(), ("--json",), ("--sarif",)], ids=str)
def test_a_folder_without_an_object_is_not_said_to_be_sound(isocenter, tmp_path, flags):
    """A script that names the wrong folder would never learn of it."""
    (tmp_path / "notes.txt").write_text("no DICOM at all")
    assert isocenter("validate", tmp_path, *flags) == (
        2,
        "",
        f"isocenter: nothing to validate: there is no DICOM object in {tmp_path}\n",
    )


def test_a_sound_file_exits_with_0(isocenter, sound):
    code, out, _ = isocenter("validate", sound, "--no-warnings")
    assert (code, out) == (0, "1 file, 0 errors, 0 warnings\n")


def test_an_error_exits_with_1_and_names_the_attribute(isocenter, wrong):
    code, out, _ = isocenter("validate", wrong)
    assert code == 1
    assert f"{wrong}: error: (0018,0060) KVP [CT Image, Type 2]: missing" in out


def test_an_unreadable_file_exits_with_2_and_the_others_are_judged(isocenter, wrong, tmp_path):
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(wrong.read_bytes()[:-9])
    code, out, _ = isocenter("validate", tmp_path)
    assert code == 2
    assert f"{cut}: unreadable: " in out and "KVP" in out and ", 1 unreadable\n" in out


def test_a_name_that_moves_a_cursor_is_printed_escaped(isocenter, wrong):
    odd = wrong.rename(wrong.with_name("\x1b[2Jwrong.dcm"))
    odd.with_name("\x1b[2Jcut.dcm").write_bytes(odd.read_bytes()[:-9])
    _, out, _ = isocenter("validate", odd.parent)
    assert "\x1b" not in out
    assert "/\\x1b[2Jwrong.dcm: error: " in out and "/\\x1b[2Jcut.dcm: unreadable: " in out


def test_json_has_everything_of_a_finding(isocenter, wrong):
    code, out, _ = isocenter("validate", wrong, "--json", "--no-warnings")
    report = json.loads(out)
    assert code == 1 and report["files"] == 1 and report["unreadable"] == []
    (finding,) = report["findings"]
    assert finding["keyword"] == "KVP" and finding["module"] == "CT Image"


def test_sarif_has_a_result_for_each_finding(isocenter, wrong):
    _, out, _ = isocenter("validate", wrong, "--sarif")
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    assert "missing-attribute" in {result["ruleId"] for result in log["runs"][0]["results"]}


def test_sarif_has_the_shape_that_its_standard_asks_for(isocenter, wrong):
    """OASIS SARIF 2.1.0, 3.13 (log) to 3.28 (location)."""
    _, out, _ = isocenter("validate", wrong, "--sarif")
    log = json.loads(out)
    assert log["$schema"].startswith("https://") and "sarif-2.1.0" in log["$schema"]
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert isinstance(driver["name"], str) and driver["name"]
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    assert run["results"]
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result.get("ruleIndex", rules.index(result["ruleId"])) == rules.index(
            result["ruleId"]
        )
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        for location in result["locations"]:
            place = location["physicalLocation"]["artifactLocation"]["uri"]
            assert place and " " not in place and "\\" not in place


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["validate", "nowhere.dcm"], "no such file or folder: nowhere.dcm"),
        (["validate", "{sound}", "--json", "--sarif"], "exclude each other"),
        (["dump", "{sound}", "--json", "--xml"], "exclude each other"),
        (["dump", "{sound}", "--filter", "("], "no regular expression"),
        (["dump", "{folder}"], "is a folder"),
        (["dump", "{text}"], "no DICOM file"),
    ],
)
def test_mistakes_are_answered_with_what_to_do(isocenter, sound, tmp_path, arguments, hint):
    text = tmp_path / "notes.txt"
    text.write_text("no DICOM")
    names = {"sound": sound, "folder": tmp_path, "text": text}
    code, out, err = isocenter(*(a.format(**names) for a in arguments))
    assert (code, out) == (2, "") and hint in err


def test_dump_shows_lines_that_match_with_annotations(isocenter, sound):
    code, out, _ = isocenter("dump", sound, "--filter", "PatientID", "--annotate")
    assert code == 0
    assert out == "(0010,0020) LO PatientID: PID-1  # Patient ID; Type 2 in Patient\n"


def test_dump_says_that_it_was_shortened(isocenter, sound):
    _, out, _ = isocenter("dump", sound, "--limit", "80")
    assert out.endswith("\ntag list shortened and not shown completely\n")


def test_dump_prints_the_json_model_of_what_matches(isocenter, sound):
    code, out, _ = isocenter("dump", sound, "--json", "--filter", "PatientID", "--annotate")
    assert code == 0
    assert json.loads(out) == {
        "00100020": {
            "vr": "LO",
            "Value": ["PID-1"],
            "annotation": "Patient ID; Type 2 in Patient",
        }
    }


def test_dump_prints_the_native_model(isocenter, sound):
    _, out, _ = isocenter("dump", sound, "--xml", "--filter", "PatientID")
    assert '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID">' in out


def test_dump_of_a_broken_file_shows_the_start_and_exits_with_1(isocenter, sound):
    sound.write_bytes(sound.read_bytes()[:-9])
    code, out, err = isocenter("dump", sound)
    assert code == 1 and "PatientID" in out and "truncated" in err


def test_an_empty_path_is_not_taken_for_the_current_folder(isocenter, sound, monkeypatch):
    monkeypatch.chdir(sound.parent)
    code, out, err = isocenter("validate", "")
    assert (code, out) == (2, "")
    assert "a path is empty; name a file or a folder" in err
