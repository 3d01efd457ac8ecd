"""Labeling jobs on the stand-in for AWS, where a test supplies the labels of the workers."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest

from backend.errors import UserError
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.layout import OUTPUT_MANIFEST_PATH
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from backend.platforms.aws.account import Account
from backend.platforms.aws.labeling import (
    CORRECTION_TASK,
    LABELING_TASK,
    LAMBDA_ACCOUNTS,
    GroundTruth,
    labeling_options,
)
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.aws.storage import Bucket
from backend.progress import silent
from bytetrack.tracks import Tracks

LABELED = Tracks([0, 1], [1, 1], [[1, 2, 11, 22], [2, 2, 12, 22]], [1, 1], [1, 1], ("person", "car"))


@pytest.fixture
def account(aws_account: dict) -> Account:
    return Account(AwsSettings.parse(aws_account))


@pytest.fixture
def labeling(account: Account) -> GroundTruth:
    return GroundTruth(account)


@pytest.fixture
def spec(tmp_path: Path) -> LabelingSpec:
    """A job on every second frame of two clips of five frames; the images are never decoded."""
    clips = {}
    for name in ("site_0", "site_1"):
        folder = tmp_path / "frames" / name
        folder.mkdir(parents=True)
        for number in (0, 2, 4):
            (folder / f"frame_{number:06d}.jpg").write_bytes(f"{name} {number}".encode())
        clips[name] = ClipToLabel(folder, 5, 2)
    return LabelingSpec(
        "Crossing, north", secrets.token_hex(4), clips, ["person", "car"], "Be exact.", "Be exact, please."
    )


def with_initial_tracks(spec: LabelingSpec, tracks: Tracks) -> LabelingSpec:
    return replace(spec, clips={name: replace(clip, initial_tracks=tracks) for name, clip in spec.clips.items()})


def test_the_lambda_functions_of_all_regions_are_those_in_the_aws_documentation() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    pre_annotation = model.shape_for("HumanTaskConfig").members["PreHumanTaskLambdaArn"].documentation
    consolidation = model.shape_for("AnnotationConsolidationConfig").members["AnnotationConsolidationLambdaArn"]
    for task in (LABELING_TASK, CORRECTION_TASK):
        for documentation, function in ((pre_annotation, f"PRE-{task}"), (consolidation.documentation, f"ACS-{task}")):
            accounts = re.findall(rf"arn:aws:lambda:([a-z0-9-]+):(\d{{12}}):function:{function}<", documentation)
            assert dict(accounts) == LAMBDA_ACCOUNTS


def test_a_job_is_started_and_its_labels_are_fetched(
    standin, account: Account, labeling: GroundTruth, spec: LabelingSpec, tmp_path: Path
) -> None:
    ref = labeling.start(spec, silent)
    job = standin.sagemaker.labeling.jobs.get(ref["job"])
    assert job["Tags"] == account.settings.tag_list
    assert labeling.jobs()[ref["job"]] == ref
    state = labeling.state(ref)
    assert (state.status, state.labeled, state.total) == ("in progress", 0, 2)
    assert re.fullmatch(r"https://\w+\.labeling\.eu-west-1\.sagemaker\.aws", state.link)

    standin.label(ref["job"], {0: LABELED, 1: LABELED})
    assert replace(labeling.state(ref), location="") == replace(state, status="done", labeled=2, link="", location="")
    attribute = labeling.fetch(ref, tmp_path / "result", silent)
    sequences = reading.read(tmp_path / "result", attribute)
    assert [(sequence.name, sequence.frames, sequence.labeled_frames) for sequence in sequences] == [
        ("site_0", 5, [0, 2, 4]),
        ("site_1", 5, [0, 2, 4]),
    ]
    assert [row["frame"] for row in sequences[0].tracks.rows()] == [0, 2]
    assert sequences[0].tracks.classes == ("person", "car")


def test_a_job_has_the_chosen_time_limits(standin, labeling: GroundTruth, spec: LabelingSpec) -> None:
    ref = labeling.start(replace(spec, options={"hours": 1.5, "days": 2}), silent)
    task = standin.sagemaker.labeling.jobs.get(ref["job"])["HumanTaskConfig"]
    assert (task["TaskTimeLimitInSeconds"], task["TaskAvailabilityLifetimeInSeconds"]) == (5400, 172800)


def test_uploaded_frames_are_not_uploaded_again(standin, labeling: GroundTruth, spec: LabelingSpec) -> None:
    labeling.start(spec, silent)
    uploads = standin.count("s3", "PutObject")
    labeling.start(replace(spec, token=secrets.token_hex(4)), silent)
    assert standin.count("s3", "PutObject") - uploads == 4  # two sequence files, manifest, categories


def test_only_the_corrected_clips_have_labels(
    standin, labeling: GroundTruth, spec: LabelingSpec, tmp_path: Path
) -> None:
    initial = Tracks([0, 1, 2], [5, 5, 5], [[3, 4, 13, 24]] * 3, [0.9] * 3, [0, 0, 0], ("person",))
    ref = labeling.start(with_initial_tracks(spec, initial), silent)
    standin.sagemaker.labeling.finish(ref["job"], {0: LABELED}, {1: "The task expired."})
    attribute = labeling.fetch(ref, tmp_path / "result", silent)
    corrected, failed = reading.read(tmp_path / "result", attribute)
    assert corrected.tracks.xyxy.tolist() == LABELED.xyxy.tolist()
    assert not failed.labeled_frames and "The task expired" in failed.notes[0]
    assert (labeling.state(ref).labeled, labeling.state(ref).failed) == (1, 1)


def test_a_stopped_or_missing_job_can_be_stopped_but_not_fetched(
    labeling: GroundTruth, spec: LabelingSpec, tmp_path: Path
) -> None:
    ref = labeling.start(spec, silent)
    labeling.stop(ref)
    labeling.stop(ref)
    assert labeling.state(ref).status == "stopped"
    with pytest.raises(UserError, match="has no output at s3://.*ended before a clip was labeled"):
        labeling.fetch(ref, tmp_path / "result", silent)
    missing = {"job": "no-such-job", "region": "eu-west-1"}
    assert labeling.state(missing).status == "gone"
    labeling.stop(missing)
    with pytest.raises(UserError, match="not found in eu-west-1: “no-such-job”"):
        labeling.fetch(missing, tmp_path / "result", silent)


def test_deleted_label_files_are_named_in_the_notes(
    standin, account: Account, labeling: GroundTruth, spec: LabelingSpec, tmp_path: Path
) -> None:
    ref = labeling.start(spec, silent)
    standin.label(ref["job"], {0: LABELED, 1: LABELED})
    output = f"s3://{account.settings.bucket}/labeling/{ref['job']}/output/{ref['job']}"
    Bucket(account).remove(f"{output}/annotations/consolidated-annotation/output/1/")
    attribute = labeling.fetch(ref, tmp_path / "result", silent)
    first, second = reading.read(tmp_path / "result", attribute)
    assert first.labeled_frames and "are missing: s3://" in second.notes[0] and "output/1/" in second.notes[0]


def test_the_output_of_a_job_is_fetched_by_its_address(
    standin, account: Account, labeling: GroundTruth, spec: LabelingSpec, tmp_path: Path
) -> None:
    refs = [labeling.start(replace(spec, token=secrets.token_hex(4)), silent) for _ in range(2)]
    standin.label(refs[0]["job"], {0: LABELED, 1: LABELED})
    root = f"s3://{account.settings.bucket}/labeling"
    folder = f"{root}/{refs[0]['job']}/output/{refs[0]['job']}"
    for number, address in enumerate((folder, f"{folder}/", f"{folder}/{OUTPUT_MANIFEST_PATH}", root)):
        labeling.fetch_output(address, tmp_path / str(number), silent)
        assert len(reading.read(tmp_path / str(number))) == 2
    with pytest.raises(UserError, match=f"has no {OUTPUT_MANIFEST_PATH}"):
        labeling.fetch_output(f"{root}/{refs[1]['job']}", tmp_path / "none", silent)
    standin.label(refs[1]["job"], {0: LABELED})
    with pytest.raises(UserError, match="the output of 2 labeling jobs"):
        labeling.fetch_output(root, tmp_path / "both", silent)


def test_an_address_in_a_manifest_cannot_point_outside_the_folder(
    account: Account, labeling: GroundTruth, tmp_path: Path
) -> None:
    bucket = Bucket(account)
    outside = bucket.put_bytes("a/../../../../outside.json", b"{}")
    bucket.put_bytes(f"job/{OUTPUT_MANIFEST_PATH}", json.dumps({"source-ref": outside, "a-ref": outside}).encode())
    labeling.fetch_output(bucket.uri("job"), tmp_path / "parent" / "output", silent)
    assert not list(tmp_path.rglob("outside.json"))


def test_jobs_other_than_video_tracking_are_not_listed(standin, labeling: GroundTruth, spec: LabelingSpec) -> None:
    ref = labeling.start(spec, silent)
    task = standin.sagemaker.labeling.jobs.get(ref["job"])["HumanTaskConfig"]
    task["PreHumanTaskLambdaArn"] = task["PreHumanTaskLambdaArn"].replace("Tracking", "Detection")
    assert ref["job"] not in labeling.jobs()


def test_jobs_on_further_pages_are_listed(labeling: GroundTruth, spec: LabelingSpec) -> None:
    refs = [labeling.start(replace(spec, token=secrets.token_hex(4)), silent) for _ in range(12)]
    assert {ref["job"] for ref in refs} <= set(labeling.jobs())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"region": "eu-north-1"}, "does not label video in eu-north-1. Choose one of these regions .*ap-northeast-1"),
        ({"workteam": ""}, "No work team is chosen"),
        ({"workteam": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/t"}, "cannot label.*eu-west-1"),
        ({"workteam": "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default"}, "private or a vendor"),
        ({"role": ""}, "execution role is missing"),
    ],
)
def test_settings_are_checked_before_files_are_uploaded(
    standin, aws_account: dict, spec: LabelingSpec, change: dict, message: str
) -> None:
    uploads = standin.count("s3", "PutObject")
    with pytest.raises(UserError, match=message):
        GroundTruth(Account(AwsSettings.parse(aws_account | change))).start(spec, silent)
    assert standin.count("s3", "PutObject") == uploads


def test_cors_rules_are_set_only_in_a_bucket_without_any(
    standin, account: Account, labeling: GroundTruth, spec: LabelingSpec
) -> None:
    s3, bucket = standin.client("s3"), account.settings.bucket
    labeling.start(spec, silent)
    (rule,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert rule["AllowedMethods"] == ["GET", "HEAD", "PUT"]
    existing = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [existing]})
    labeling.start(replace(spec, token=secrets.token_hex(4)), silent)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [existing]


def test_a_denied_cors_change_is_reported_with_the_command_for_it(
    standin, labeling: GroundTruth, spec: LabelingSpec
) -> None:
    standin.fail_next("s3", "PutBucketCors", "AccessDenied", status=403)
    with pytest.raises(UserError, match="aws s3api put-bucket-cors --bucket studio-"):
        labeling.start(spec, silent)


def test_the_chosen_work_team_is_the_first_option(standin, aws_account: dict) -> None:
    other = standin.client("sagemaker").create_workteam(
        WorkteamName=f"other-{aws_account['stack']}",
        Description="others",
        MemberDefinitions=[{"OidcMemberDefinition": {"Groups": ["others"]}}],
    )["WorkteamArn"]

    def teams(settings: dict) -> dict:
        return dict(labeling_options(Account(AwsSettings.parse(settings)))[0].choices or {})

    assert next(iter(teams(aws_account).items())) == (aws_account["workteam"], aws_account["stack"])
    assert teams(aws_account | {"workteam": ""})[other] == f"other-{aws_account['stack']}"
