from __future__ import annotations

import os
import sys

from backend import jobs, progress
from backend.jobs import processes
from backend.steps import account, videos
from backend.steps.account import disk_bytes, machine, remove_everything, running, usage
from backend.workspace.records import KINDS, Endpoint, Job, Model, Video


def add_model(workspace) -> Model:
    model = workspace.add(Model(name="street", size="nano", classes=["car"], input_size=[64, 64], source="trained"))
    (workspace.folder(model) / "model.onnx").write_bytes(b"x" * 1000)
    return model


def add_endpoint(workspace, model: Model, mode: str) -> Endpoint:
    ref = {"port": 1, "pid": 2**22, "pid_started": 0.0, "folder": str(workspace.root / "local" / "gone")}
    return workspace.add(Endpoint(name=mode, model=model.id, mode=mode, platform="local", ref=ref))


def test_machine(workspace):
    facts = machine(workspace)
    assert facts.cores >= 1 and facts.processor and facts.system
    assert 0 < facts.memory_free <= facts.memory and 0 <= facts.disk_free <= facts.disk


def test_gpus_are_those_that_the_driver_lists(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!{sys.executable}\nprint('NVIDIA T4, 15360 MiB')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert account.gpus() == ["NVIDIA T4, 15360 MiB"]
    program.write_text(f"#!{sys.executable}\nraise SystemExit(9)\n")
    assert account.gpus() == []


def test_usage_counts_records_and_bytes(workspace):
    add_model(workspace)
    by_kind = {item.kind: item for item in usage(workspace)}
    assert list(by_kind) == list(KINDS.values())
    assert (by_kind[Model].count, by_kind[Model].bytes) == (1, 1000)
    assert (by_kind[Video].count, by_kind[Video].bytes) == (0, 0)


def test_usage_finds_the_files_of_every_kind(workspace):
    for kind in KINDS.values():
        record = object.__new__(kind)
        record.id = "some"
        (workspace.folder(record) / "file").write_bytes(b"x" * 10)
    assert all(item.bytes == 10 for item in usage(workspace))


def test_a_hard_link_counts_no_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 10)
    os.link(tmp_path / "a", tmp_path / "b")
    assert disk_bytes(tmp_path) == 10


def test_running_endpoints_are_those_that_keep_a_server(workspace):
    model = add_model(workspace)
    for mode in ("batch", "realtime"):
        add_endpoint(workspace, model, mode)
    (only,) = running(workspace)
    assert (only.endpoint.name, only.state.status, only.state.cost_per_hour) == ("realtime", "gone", 0.0)


def test_remove_everything_keeps_other_files(workspace, tiny_video):
    videos.add(workspace, progress.silent, source=str(tiny_video))
    for mode in ("batch", "async"):
        add_endpoint(workspace, add_model(workspace), mode)
    (workspace.root / "uploads").mkdir()
    notes = workspace.root / "notes.txt"
    notes.write_text("mine")
    job = jobs.start(workspace, "make sample", "Make the sample", scenes=50, frames=500)

    remove_everything(workspace)

    assert all(workspace.list(kind) == [] for kind in KINDS.values())
    assert tiny_video.exists() and notes.exists() and not (workspace.root / "uploads").exists()
    assert not processes.is_alive(job.pid, job.pid_started)
    assert sum(item.bytes for item in usage(workspace)) == 0


def test_a_job_that_does_not_stop_is_killed(workspace, monkeypatch):
    monkeypatch.setattr(jobs, "stop", lambda workspace, job_id: None)
    monkeypatch.setattr(account, "STOP_TIMEOUT_SECONDS", 1)
    job = jobs.start(workspace, "make sample", "Make the sample", scenes=50, frames=500)
    remove_everything(workspace)
    assert not workspace.list(Job) and not processes.is_alive(job.pid, job.pid_started)


def test_folders_of_killed_jobs_are_removed(workspace):
    (workspace.root / "local" / "endpoint-abc123").mkdir(parents=True)
    remove_everything(workspace)
    assert sorted(path.name for path in workspace.root.iterdir() if path.is_dir()) == []
