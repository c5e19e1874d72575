"""Fuzz the harnesses with atheris, each from its corpus: `python -m tests.fuzz --seconds 60 [NAME …]`.

`--seconds` is divided among the harnesses, each of which runs in a process of its own. An input that raises anything
but a refusal, takes more than 10 s or 2 GB is kept in .work/fuzz and ends with exit code 1: add it to corpora.py.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".work" / "fuzz"
SECONDS_PER_INPUT, MEGABYTES = 10, 2048
MOST_BYTES = 1 << 16
"""Larger inputs, of which the corpora have some, slow the search down."""


def main() -> int:
    """Run the harnesses one after the other. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        return fuzz(chosen.one, chosen.seconds)
    from tests.fuzz.harnesses import HARNESSES

    names = chosen.names or list(HARNESSES)
    if unknown := set(names) - set(HARNESSES):
        parser.error(f"unknown harness {sorted(unknown)[0]}; known: {', '.join(HARNESSES)}")
    each = max(1, chosen.seconds // len(names))
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(each), "--one"]
    failed = [name for name in names if subprocess.run([*command, name], cwd=ROOT, check=False).returncode]
    print(f"{len(names)} harnesses, {each} s each; findings: {', '.join(failed) or 'none'} ({PLACE})")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one harness in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["mooring"]):
        from tests.fuzz.corpora import CORPORA
        from tests.fuzz.harnesses import HARNESSES
    seeds, findings = PLACE / name / "corpus", PLACE / name
    seeds.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(CORPORA[name]()):
        if len(data) <= MOST_BYTES:
            (seeds / f"seed-{number:03}").write_bytes(data)
    harness = HARNESSES[name]

    def read(data: bytes) -> None:
        try:
            harness.accepts(data)
        except BaseException:  # Boundary: libFuzzer does not keep the input in every case.
            (findings / f"finding-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-max_len={MOST_BYTES}",
            f"-timeout={SECONDS_PER_INPUT}",
            f"-rss_limit_mb={MEGABYTES}",
            f"-artifact_prefix={findings}/finding-",
            "-print_final_stats=1",
            "-verbosity=0",
            str(seeds),
        ],
        read,
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
