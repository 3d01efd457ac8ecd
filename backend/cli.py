"""`python -m backend VERB …`: what the pages do, for scripts. Progress goes to stderr, one line of JSON to stdout."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from backend import jobs
from backend.errors import UserError, explain
from backend.jobs.processes import Stopped
from backend.jobs.worker import VERBS
from backend.platforms import registry
from backend.steps import demo, hyperparameter_search, mot_files, platform_setup, training
from backend.workspace import Workspace
from backend.workspace.records import KINDS, Job
from bytetrack.tracking.config import SETTING_NAMES, TrackerConfig
from bytetrack.training.hyperparameters import SIZES

STARTS: dict[str, Callable[..., Job]] = {
    "train": training.start,
    "search hyperparameters": hyperparameter_search.start,
}  # those that check first
DEFAULT_WORKSPACE = os.environ.get("BYTETRACK_WORKSPACE") or jobs.PROJECT / "workspace"


class TerminalProgress:
    """One line that moves where there is a terminal, a line now and then where there is none."""

    def __init__(self) -> None:
        self.started, self.printed = time.monotonic(), 0.0

    def __call__(self, fraction: float, step: str) -> None:
        now = time.monotonic()
        if now - self.printed < (0.2 if sys.stderr.isatty() else 5):
            return
        self.printed = now
        left = (now - self.started) * (1 - fraction) / fraction if fraction > 0.01 else None
        time_left = f", about {left:.0f} s left" if left is not None else ""
        begin, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
        print(f"{begin}{fraction:4.0%} {step}{time_left}", end=end, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        answer = options.verb(options)
    except (KeyboardInterrupt, Stopped):
        print("\nStopped.", file=sys.stderr)
        return 130
    except (UserError, OSError, sqlite3.Error) as error:
        print(f"\n{explain(error)}", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


def _demo(options: argparse.Namespace, workspace: Workspace) -> dict:
    return demo.demo(workspace, TerminalProgress())


def _run(options: argparse.Namespace, workspace: Workspace) -> dict:
    return demo.run(
        workspace,
        TerminalProgress(),
        video=options.video,
        labels=options.labels,
        model=options.model,
        epochs=options.epochs,
        step=options.step,
        first_frame=options.first_frame,
    )


def _values(pairs: list[str]) -> dict[str, Any]:
    """What NAME=VALUE says, for each pair."""
    values = {}
    for each in pairs:
        name, equals, text = each.partition("=")
        if not equals:
            raise UserError(f"“{each}” is not NAME=VALUE.")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text  # text needs no quotes
    return values


def _use(options: argparse.Namespace, workspace: Workspace) -> dict:
    registry.change_settings(
        workspace, options.platform, {name: str(each) for name, each in _values(options.settings).items()}
    )
    registry.choose(workspace, options.platform)
    return {"platform": options.platform, "checks": [vars(check) for check in platform_setup.checks(workspace)]}


def _do(options: argparse.Namespace, workspace: Workspace) -> dict:
    params = _values(options.params)
    try:
        if options.job in STARTS:
            job = STARTS[options.job](workspace, **params)
        else:
            job = jobs.start(workspace, options.job, options.job.capitalize(), **params)
    except TypeError as error:
        raise UserError(f"“{options.job}” cannot be done so: {error}.") from error
    try:
        return jobs.wait(workspace, job.id, TerminalProgress()).result
    except (KeyboardInterrupt, Stopped):
        jobs.stop(workspace, job.id)
        raise


def _list(options: argparse.Namespace, workspace: Workspace) -> list:
    jobs.refresh(workspace)
    return [vars(record) for record in workspace.list(KINDS[options.kind])]


def _log(options: argparse.Namespace, workspace: Workspace) -> str:
    job = workspace.get(Job, options.job_id)
    print(jobs.log(workspace, job), file=sys.stderr)
    return job.id


def _stop(options: argparse.Namespace, workspace: Workspace) -> str:
    job = workspace.get(Job, options.job_id)
    jobs.stop(workspace, job.id)
    return job.id


def _track_detections(options: argparse.Namespace) -> dict:
    settings = {name: getattr(options, name) for name in SETTING_NAMES}
    return mot_files.track_detections(TerminalProgress(), options.detections, options.out, settings)


def _evaluate(options: argparse.Namespace) -> dict:
    return mot_files.evaluate(
        options.gt, options.tracks, options.benchmark, lambda text: print(text, file=sys.stderr, flush=True)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add_plain(name: str, verb: Callable, help: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(verb=verb)
        return sub

    def add(name: str, verb: Callable, help: str) -> argparse.ArgumentParser:
        sub = add_plain(name, lambda options: verb(options, Workspace(options.workspace)), help)
        sub.add_argument("--workspace", type=Path, default=DEFAULT_WORKSPACE, help="folder (default: %(default)s)")
        return sub

    add("demo", _demo, "the whole journey on the sample")
    run = add("run", _run, "the whole journey on one's own video")
    run.add_argument("--video", type=Path, required=True)
    run.add_argument("--labels", required=True, help="Ground Truth output folder, MOTChallenge text or COCO")
    run.add_argument("--step", type=int, help="frames of the video from one labeled picture to the next")
    run.add_argument("--first-frame", type=int, help="frame of the video, from 0, that the first labeled picture is")
    run.add_argument("--model", choices=list(SIZES), default="nano")
    run.add_argument("--epochs", type=int, help="default: what suits the number of labeled frames")
    use = add("use", _use, "choose where jobs run, and tell whether all is there that it needs")
    use.add_argument("platform", choices=list(registry.PLATFORMS))
    use.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="such as region=eu-west-1")
    do = add("do", _do, "one step of the journey, as a job")
    do.add_argument("job", choices=list(VERBS))
    do.add_argument("params", nargs="*", metavar="NAME=VALUE", help="values are text or JSON")
    add("list", _list, "everything of one kind, newest first").add_argument("kind", choices=list(KINDS))
    add("log", _log, "what a job printed").add_argument("job_id")
    add("stop", _stop, "stop a job").add_argument("job_id")
    track = add_plain("track-detections", _track_detections, "track a MOTChallenge file of detections")
    track.add_argument("detections", type=Path, metavar="DET.txt")
    track.add_argument("--out", type=Path, required=True, metavar="TRACKS.txt")
    for setting in fields(TrackerConfig):
        default = mot_files.UNREFINED.get(setting.name, setting.default)
        track.add_argument(
            "--" + setting.name.replace("_", "-"),
            metavar="NUMBER",
            default=default,
            help=f"{setting.metadata['help']} (default: %(default)s)",
        )
    score = add_plain("evaluate", _evaluate, "score a MOTChallenge file of tracks: HOTA, MOTA, IDF1 and their parts")
    score.add_argument("--gt", type=Path, required=True, metavar="GT.txt")
    score.add_argument("--tracks", type=Path, required=True, metavar="TRACKS.txt")
    score.add_argument(
        "--benchmark",
        choices=mot_files.BENCHMARKS,
        help="score by this benchmark's rules: MOT16, MOT17 and MOT20 score pedestrians (class 1) only and leave out "
        "tracks on distractors, MOT15 ignores classes (default: the rules that the ground truth calls for)",
    )
    return parser
