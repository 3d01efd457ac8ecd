"""Write the reference of all subcommands into docs/cli.md: `python -m backend.cli.reference`."""

from __future__ import annotations

import re

from backend.cli import program  # noqa: F401 (registers the subcommands)
from backend.cli.app import PROGRAM, SHARED, app
from backend.workspace.paths import PROJECT

PAGE = PROJECT / "docs" / "cli.md"
MARK = "<!-- Below this line: written by `make docs` from the help texts in backend/cli -->\n"


def with_reference(text: str) -> str:
    """Replace the part of docs/cli.md below `MARK` by the reference of the subcommands as they are now."""
    introduction, mark, _ = text.partition(MARK)
    overview, *subcommands = re.split(
        r"^### ", app.generate_docs(usage_name=PROGRAM, heading_level=2), flags=re.MULTILINE
    )
    overview = "## Reference\n" + overview[overview.index("\n**") :].replace(f"](#{PROGRAM}-", "](#")
    order = re.findall(r"\]\(#([a-z-]+)\)", overview)
    sections = {text.partition("\n")[0].removeprefix(f"{PROGRAM} "): _section(text) for text in subcommands}
    return "\n".join([introduction + mark, _tidy(overview), *(sections[name] for name in order)])


def _section(text: str) -> str:
    """Return a subcommand's section with its example, without the options that every command has."""
    title, _, body = text.partition("\n")
    body = body.partition(f"**{SHARED.name}**")[0]
    return f"### {title.removeprefix(PROGRAM).strip()}\n{_tidy(body)}\n{app[title.split()[-1]].help_epilogue}\n"


def _tidy(text: str) -> str:
    """Remove trailing blanks and repeated empty lines."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text()))
