import json
import subprocess
import sys


def isocenter_config(*flags: str, folder, **environment: str) -> str:
    return ran(*flags, folder=folder, **environment).stdout


def ran(*flags: str, folder, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isocenter", "config", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=folder,
        env={"PATH": "", **environment},
    )


def test_an_empty_flag_does_not_mean_the_working_directory(tmp_path):
    """As a variable of a shell that was never set leaves it."""
    for command, flag in [
        ("config", "--config"),
        ("check", "--data"),
        ("serve", "--data"),
        ("serve", "--quarantine"),
    ]:
        done = subprocess.run(
            [sys.executable, "-m", "isocenter", command, flag, ""],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={"PATH": "", "ISOCENTER_HTTP": "0", "ISOCENTER_DICOM": "0"},
        )
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            "",
            f"isocenter: {flag}: the path is empty; name one (. is this folder)\n",
        )
    assert not list(tmp_path.iterdir())


def test_every_setting_is_shown_with_its_source(tmp_path):
    (tmp_path / "isocenter.toml").write_text('aet = "ARCHIVE"\ndurability = "fast"\n')
    shown = isocenter_config(folder=tmp_path, ISOCENTER_DURABILITY="safe")
    rows = {line.split("=")[0].strip(): line for line in shown.splitlines()}
    assert '"ARCHIVE"' in rows["aet"] and rows["aet"].endswith("# isocenter.toml")
    assert '"safe"' in rows["durability"] and rows["durability"].endswith("# ISOCENTER_DURABILITY")
    assert '"127.0.0.1:8104"' in rows["http"] and rows["http"].endswith("# default")


def test_secrets_are_hidden(tmp_path):
    token = "this-is-a-secret-token"
    for flags in ([], ["--json"]):
        shown = isocenter_config(*flags, folder=tmp_path, ISOCENTER_TOKENS=token)
        assert token not in shown
        assert "**********" in shown


def test_scripts_get_json(tmp_path):
    rows = json.loads(isocenter_config("--json", folder=tmp_path))
    assert rows["data"] == {"value": "isocenter-data", "source": "default"}


def test_a_variable_that_is_no_setting_is_told_beside_what_is_printed(tmp_path):
    done = ran("--json", folder=tmp_path, ISOCENTER_DURABILTY="fast")
    assert json.loads(done.stdout)["durability"]["source"] == "default"
    assert done.stderr.strip() == (
        "isocenter: unknown variable ISOCENTER_DURABILTY; did you mean ISOCENTER_DURABILITY?"
    )
