"""``make fuzz``: throws changed inputs at every reader of what a stranger sends.

A target is a module beside this one: ``check(content)`` handles an input as the project would and
raises only where that is a fault; ``seeds()`` returns good inputs to begin with. Atheris changes
them, guided by what new code they reach. An input that makes ``check`` raise, hang, crash the
process or take too much memory is a finding: it is kept in ``build/fuzz/findings`` and printed.
Mend the fault and move the input to ``tests/fuzz/corpus/TARGET``, which ``tests/test_fuzz.py``
replays.
"""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "fuzz"
TARGETS = ("arguments", "audio", "checkpoints", "records", "specs")
INSTRUMENTED = ["zoo", "yaml"]
MAX_BYTES = 1 << 16
INPUT_SECONDS = 20  # for one input, on a busy machine
MEGABYTES = 3000
MAX_SHOWN = 5000  # characters of what a process with a finding said last
SUMMARY = re.compile(r"Done (\d+) runs in (\d+) second")
COVERAGE = re.compile(r"cov: (\d+)")


def main() -> int:
    """Run targets one after another, each in a process of its own; 1 if there are findings."""
    parser = argparse.ArgumentParser(description="Fuzz the readers.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=BUILD, help="default: build/fuzz")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        fuzz(arguments.targets[0], seconds=arguments.seconds, output=arguments.output)
    results = [
        watch(target, seconds=arguments.seconds, output=arguments.output)
        for target in arguments.targets or TARGETS
    ]
    return 0 if all(results) else 1


def watch(target: str, *, seconds: int, output: Path) -> bool:
    """Run a target in a process of its own, and say what it found; True if it found nothing."""
    command = [sys.executable, __file__, target, "--inside"]
    command += ["--seconds", str(seconds), "--output", str(output)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    summary, covered = SUMMARY.search(done.stdout), COVERAGE.findall(done.stdout)
    if done.returncode == 0 and summary:
        inputs, took = summary.groups()
        print(f"{target}: {inputs} inputs in {took} s, {covered[-1]} places reached, no finding")
        return True
    print(f"{target}: FINDING\n{done.stdout[-MAX_SHOWN:]}")
    return False


def fuzz(target: str, *, seconds: int, output: Path) -> None:
    """Fuzz a target in this process, and end it."""
    import atheris

    sys.path[:0] = [str(ROOT), str(HERE.parent)]
    with atheris.instrument_imports(include=INSTRUMENTED):
        module = importlib.import_module(f"tests.fuzz.{target}")
    seeds, grown, findings = (output / name / target for name in ("seeds", "corpus", "findings"))
    for folder in (seeds, grown, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in module.seeds().items():
        (seeds / name).write_bytes(content)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={MAX_BYTES}",
        f"-artifact_prefix={findings}/",
    ]
    kept = HERE / "corpus" / target
    corpora = [str(folder) for folder in (grown, seeds, kept) if folder.is_dir()]
    atheris.Setup([sys.argv[0], *options, *corpora], module.check)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
