"""Find every command in the documentation, and name the test that runs it: docs/reference/commands.md.

A command is a line of a code block that starts with a program. `RULES` says how each kind is tested; a command that no
rule matches fails a test.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("docs", "examples", "local", "training", "deploy", "notebooks")
GENERATED = ("docs/reference/commands.md", "CHANGELOG.md")
PROGRAMS = "moor|curl|pip|python|make|docker|podman|kubectl|helm|kind|aws|openssl|nginx|npm|npx|eval|umask|cp|git"
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)
QUOTED_BREAK = re.compile(r"(?<=[\[{,])\n\s*(?=[{\[\"])")
"""A line break within a JSON body."""
SHELL = ("", "sh", "bash", "console")
START = re.compile(rf"(?:[A-Z_]+=(?:\S+|\$\(.*?\)) +)*(?:{PROGRAMS})\b(?! {{2,}})")
THIS = "tests/test_documented_commands.py"


@dataclass(frozen=True)
class Command:
    """A documented command."""

    page: str
    """Path in the repository."""
    text: str
    """On one line, without its comment."""


@dataclass(frozen=True)
class Rule:
    """How the commands that a pattern matches are tested."""

    pattern: str
    """Matched at the start of "PAGE: COMMAND"."""
    test: str
    """FILE::FUNCTION."""
    how: str


PARSED = "options and arguments are parsed"
LOCAL = f"run against `moor local`; {PARSED}"
SENT = "sent, with a small model"
TASK_DOCS = "tests/cli/test_task_docs.py"
PAGES = r"(README|docs/(?!reference)\S*|examples/\S*)"
_RULES = (
    (
        r"docs/tasks\.md: moor (run|eval|build)\b",
        "tests/cli/test_task_docs.py::test_the_commands_run_as_written",
        "run",
    ),
    (r"docs/tasks\.md: curl\b", f"{TASK_DOCS}::test_the_requests_are_answered", SENT),
    (r"\S+: moor eval training/data/", "::test_every_moor_command_is_accepted", f"takes minutes; {PARSED}"),
    (PAGES + ": (moor (ask|run|eval|doctor|pack) |python examples/)", "::test_the_command_runs", "run"),
    (r"README: moor serve( (\./\w+|embedded))*$", "::test_the_server_starts", "started"),
    (r"docs/(clients|kubernetes)\.md: curl\b.*/v[12]/models/", "tests/web/test_open_inference.py", SENT),
    (PAGES + r": curl\b.*(127\.0\.0\.1|localhost):8080", "::test_the_request_is_answered", SENT),
    (r"\S+: (moor deploy|moor destroy)\b", "local/tests/deploy/test_commands.py", LOCAL),
    (r"\S+: moor transform\b", "local/tests/batch/test_real_model.py", LOCAL),
    (r"\S+: (eval \"\$\()?moor local\b", "local/tests/cli/test_local_sagemaker.py", f"started; {PARSED}"),
    (r"\S+: moor distil\b", "training/tests", f"run on a small model; {PARSED}"),
    (r"\S+: moor\b", "::test_every_moor_command_is_accepted", PARSED),
    (r"\S+: pip install\b", "tests/test_install_commands.py", "names are checked; the slow tier asks pip"),
    (r"\S+: make\b", "::test_every_target_exists", "`make -n` accepts it"),
    (
        r"\S+: docker\b.*(?:build|run|compose)",
        "tests/image/test_image.py",
        "container tier: it is built and run",
    ),
    (r"docs/kubernetes\.md: helm\b", "deploy/tests/test_chart.py", "no cluster: the chart is rendered and checked"),
    (r"docs/kubernetes\.md: kubectl\b", "deploy/tests/test_kserve.py", "no cluster: the fields are checked"),
    (r"\S+: aws sagemaker", "local/tests/fidelity/test_awscli.py", "sdk tier: the AWS CLI against `moor local`"),
    (r"SECURITY\.md: (openssl|umask|cp|nginx|curl)\b", "::test_the_tls_example", "the same files, checked by nginx"),
    (r"\S+: python -m bench\.", "::test_every_program_exists", "its options are known"),
)
RULES = tuple(Rule(pattern, test if test[0] != ":" else THIS + test, how) for pattern, test, how in _RULES)
"""The first one that matches counts."""


def pages() -> list[Path]:
    """The Markdown files that people read."""
    found = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    hidden = (".venv", "node_modules", ".work")
    wanted = (path for path in found if not set(path.relative_to(ROOT).parts) & set(hidden))
    return sorted(path for path in wanted if str(path.relative_to(ROOT)) not in GENERATED)


def commands() -> list[Command]:
    """The commands of all pages, in order."""
    return [Command(str(page.relative_to(ROOT)), text) for page in pages() for text in _commands(page)]


def _commands(page: Path) -> Iterator[str]:
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language not in (*SHELL, "text"):
            continue
        for line in QUOTED_BREAK.sub(" ", re.sub(r"\\\n\s*", "", body)).splitlines():
            text = re.sub(r"\s+#\s.*$", "", line.strip().removeprefix("$ ")).strip()
            # Output may begin with anything; help texts show commands of ours.
            if START.match(text) and (language != "text" or text.startswith("moor ")):
                yield text


def rule_of(command: Command) -> Rule | None:
    """The rule for it; None if there is none."""
    name = f"{command.page}: {command.text}"
    return next((rule for rule in RULES if re.match(rule.pattern, name.replace("README.md:", "README:"))), None)


def commands_page() -> str:
    """The page, as Markdown."""
    lines = [
        "# Documented commands",
        "<!-- Written by scripts/commands_page.py; change the pages or its rules, then run `make reference`. -->",
        "",
        "Every command in the documentation, and the test that runs it. Where a command names a model that is not part",
        "of this repository, a small model of the same kind takes its place. Every `moor` command is also parsed.",
    ]
    page = ""
    for command in dict.fromkeys(commands()):
        if command.page != page:
            page = command.page
            lines += ["", f"## {page}", "", "| command | test | how |", "| --- | --- | --- |"]
        rule = rule_of(command)
        text = command.text if len(command.text) <= 110 else f"{command.text[:109]}…"
        cell = text.replace("|", "\\|").replace("`", "'")
        lines.append(f"| `{cell}` | `{rule.test if rule else '–'}` | {rule.how if rule else '–'} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(commands_page())
