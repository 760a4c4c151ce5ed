"""The command line as a person meets it: a process, its output and its exit status."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import zoo
from zoo.cli import COMMANDS, build_parser, main
from zoo.specs.registry import PACKAGED

ROOT = Path(__file__).parent.parent


def run(capsys, *argv):
    status = main(argv)
    out, err = capsys.readouterr()
    return status, out, err


def test_list_prints_one_line_a_model(capsys):
    status, out, _ = run(capsys, "list", "lightsaft_tfctdf*")
    lines = out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines[1:]] == zoo.list_models("lightsaft_tfctdf*")
    assert "2,040,372" in out


def test_list_as_json_and_markdown(capsys):
    _, out, _ = run(capsys, "list", "lasaft", "--json")
    assert json.loads(out)[0]["parameters"] == 8424028
    _, out, _ = run(capsys, "list", "lasaft", "--markdown")
    assert out.splitlines()[1] == "| --- | --- | --- | --- | --- | --- | --- |"


def test_info_prints_the_stage_table(capsys):
    status, out, _ = run(capsys, "info", "lightsaft_tfctdf")
    assert status == 0
    assert re.search(r"decoder\.3 +tfc > gpocm > lightsaft +32 x 128 x 1024 +16 x 128 x 1024", out)
    assert "11.03 for all sources, 4.28 for one" in out
    _, out, _ = run(capsys, "info", "lightsaft_tfctdf", "--json")
    stages = json.loads(out)["stages"]
    assert sum(stage["parameters"] for stage in stages) + 4 * 64 == 2040372


def test_a_spec_of_ones_own_is_listed_and_described(capsys, tmp_path):
    spec = yaml.safe_load((PACKAGED / "lightsaft_tfctdf_tiny.yaml").read_text())
    spec |= {"name": "mine_for_the_cli", "input_level_dbfs": -14}
    (tmp_path / "mine_for_the_cli.yaml").write_text(yaml.safe_dump(spec))
    code = (
        "from zoo.cli import main; import sys; sys.exit("
        f"main(['list', 'mine_*', '--specs', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mine_for_the_cli" in done.stdout
    _, out, _ = run(capsys, "info", str(tmp_path / "mine_for_the_cli.yaml"))
    assert out.startswith("mine_for_the_cli:")
    assert "brought to -14 dBFS" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("info", "lightsaft_tfctd"), "unknown model 'lightsaft_tfctd': did you mean"),
        (("info", "absent.yaml"), "absent.yaml"),
        (("list", "--specs", "absent"), "no spec file or folder at"),
    ],
)
def test_mistakes_end_with_one_line_and_status_1(capsys, argv, message):
    status, out, err = run(capsys, *argv)
    assert (status, out) == (1, "")
    assert err.startswith("error: ")
    assert message in err
    assert "Traceback" not in err


def test_wrong_usage_ends_with_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["dance"])
    assert stopped.value.code == 2
    assert "invalid choice: 'dance'" in capsys.readouterr().err


def test_python_dash_m_zoo_lists_its_commands():
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert re.findall(r"^    (\w+) ", done.stdout, flags=re.MULTILINE) == list(COMMANDS)


def test_every_command_has_its_module_and_every_module_its_command():
    modules = {path.stem for path in (ROOT / "zoo" / "cli").glob("*_command.py")}
    assert modules == {f"{name}_command" for name in COMMANDS}


def test_options_may_stand_between_positional_arguments():
    parser = build_parser()
    arguments = parser.parse_args(["space", "push", "--static", "USER/NAME", "--yes"])
    assert (arguments.action, arguments.target, arguments.static) == ("push", "USER/NAME", True)
    arguments = parser.parse_args(["separate", "a", "-o", "OUT", "b", "--debug", "c"])
    assert [str(song) for song in arguments.inputs] == ["a", "b", "c"]
