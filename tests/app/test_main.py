from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import __main__ as start
from app.journey import STEPS
from backend.workspace import Workspace

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
HEAVY = ("torch", "onnxruntime", "supervision", "yolox", "matplotlib", "scipy")
AWS = ("boto3", "botocore", "s3transfer", "sagemaker", "moto")


@pytest.mark.parametrize("key", STEPS)
def test_every_page_opens_on_an_empty_workspace(key, workspace: Workspace, monkeypatch):
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(workspace.root))
    page = AppTest.from_file(str(PROJECT / "app" / "main.py"), default_timeout=60).run()
    page.switch_page(f"../pages/{key}.py").run()
    assert not page.exception and not page.error
    assert page.title and page.title[0].value.endswith(STEPS[key].title if key != "home" else "trust")


def test_the_console_and_its_first_page_load_nothing_heavy():
    """A second start takes seconds only as long as this holds."""
    code = (
        "import sys, app.__main__, app.widgets.sidebar\n"
        "import backend.steps.videos, backend.steps.datasets, backend.steps.importing\n"
        "import backend.steps.deployments, backend.steps.account\n"
        f"print(*[name for name in {HEAVY + AWS!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_page_loads_anything_of_aws_before_it_is_chosen(workspace: Workspace):
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('app/main.py', default_timeout=60).run()\n"
        f"for key in {[*STEPS]!r}:\n"
        "    assert not page.switch_page(f'../pages/{key}.py').run().exception\n"
        f"print(*[name for name in {AWS!r} if name in sys.modules])"
    )
    environment = {**os.environ, "BYTETRACK_WORKSPACE": str(workspace.root)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_console_begins_by_ending_servers_that_no_record_names(workspace: Workspace, monkeypatch):
    folder = workspace.root / "local" / "endpoints" / "abandoned"
    folder.mkdir(parents=True)
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder)}
    server = subprocess.Popen([sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE)
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(workspace.root))
    monkeypatch.setattr(sys, "argv", ["app"])
    monkeypatch.setattr(start.console, "run", lambda config: None)
    start.main()
    assert server.wait(10) < 0 and not folder.exists()


@pytest.mark.parametrize("workspace", ["no database", "no folder"])
def test_the_console_starts_on_a_workspace_that_cannot_be_read(tmp_path: Path, monkeypatch, workspace: str):
    """Its pages say what is wrong."""
    (tmp_path / "studio.db").write_text("no database")
    started = []
    root = tmp_path if workspace == "no database" else tmp_path / "studio.db" / "workspace"
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(root))
    monkeypatch.setattr(sys, "argv", ["app"])
    monkeypatch.setattr(start.console, "run", lambda config: started.append(config))
    start.main()
    assert started and "localhost" in started[0]["server.allowedHosts"]
