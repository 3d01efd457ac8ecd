"""`python -m app`: the web server of the console, with the routes of `app.routes` beside Streamlit's own."""

from __future__ import annotations

import argparse
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from app.routes import component_data, files, labeling_editor, uploads
from app.routes.hosts import HostCheck, allowed_hosts
from app.widgets.errors import show_error
from app.workspace import workspace_root
from backend.errors import UserError
from backend.steps import deployments
from backend.workspace import Workspace
from backend.workspace.paths import WORKSPACE_VARIABLE

console = App(
    Path(__file__).with_name("main.py"),
    routes=[uploads.route(workspace_root), files.route, component_data.route, labeling_editor.route],
    middleware=[Middleware(HostCheck)],
    on_script_error=show_error,
)


def main() -> None:
    """Parse the command line and run the server."""
    parser = argparse.ArgumentParser(prog="python -m app", description="Start the ByteTrack Studio console.")
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        help="address to listen on (default: this machine only)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="host name under which browsers reach the console, for example of a reverse proxy; may be repeated",
    )
    parser.add_argument("--port", type=int, help="port to listen on (default: 8501, or the next free port)")
    parser.add_argument("--workspace", type=Path, help="folder for all data of the console (default: workspace/)")
    options = parser.parse_args()
    if options.workspace:
        os.environ[WORKSPACE_VARIABLE] = str(options.workspace.resolve())
    uploads.clean_up(workspace_root())
    with suppress(UserError, OSError, sqlite3.Error):  # The pages show what is wrong with the workspace.
        deployments.end_unrecorded_servers(Workspace(workspace_root()))
    port = {"server.port": options.port} if options.port else {}
    hosts = allowed_hosts(options.address, options.allow_host)
    console.run(config={"server.address": options.address, "server.allowedHosts": hosts, **port})


if __name__ == "__main__":
    main()
