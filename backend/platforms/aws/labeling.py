"""Labeling with SageMaker Ground Truth: jobs of the task type video object tracking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from backend.errors import UserError
from backend.labels.formats.ground_truth.job_input import input_files
from backend.labels.formats.ground_truth.layout import CATEGORIES_FILE, INPUT_MANIFEST, OUTPUT_MANIFEST_PATH
from backend.labels.labeling_spec import LabelingLimits, LabelingSpec
from backend.platforms import options
from backend.platforms.aws.account import Account
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import PARALLEL_TRANSFERS, Bucket, split
from backend.platforms.base import LabelingState, LabelingStatus, Option
from backend.platforms.options import option
from backend.progress import Progress, part
from backend.workspace.records import LabelingRef

# AWS accounts whose Lambda functions prepare the tasks and consolidate the annotations, by region, as in the
# documentation of botocore's service model. A test compares them.
LAMBDA_ACCOUNTS = {
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
    "ca-central-1": "918755190332",
    "eu-central-1": "203001061592",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
}
# Quotas of Ground Truth for video frame object tracking.
LIMITS = LabelingLimits(
    clips=10,
    frames_per_clip=2000,
    classes=30,
    class_name_length=16,
    short_instructions_length=254,
    full_instructions_length=2047,
)
LABELING_TASK, CORRECTION_TASK = "VideoObjectTracking", "AdjustmentVideoObjectTracking"
TASK_UI = "arn:aws:sagemaker:{region}:394669845002:human-task-ui/VideoObjectTracking"
MAX_DESCRIPTION_LENGTH = 255  # characters
STATUSES: dict[str, LabelingStatus] = {
    "Initializing": "starting",
    "InProgress": "in progress",
    "Completed": "done",
    "Failed": "failed",
    "Stopping": "stopping",
    "Stopped": "stopped",
}
# Browsers load frames from the bucket into the worker portal only if the bucket has such a rule.
CORS_RULE = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": ["*"],
    "ExposeHeaders": ["Access-Control-Allow-Origin"],
    "MaxAgeSeconds": 3000,
}


@dataclass(frozen=True)
class LabelingChoices:
    """Options of a labeling job."""

    workteam: str = option("", "Work team", "The people who label: a private team or a vendor's.")
    hours: float = option(
        8.0,
        "Time limit per clip (hours)",
        "Then the clip goes to someone else. More than 8 hours need an execution role with sessions of that length.",
        minimum=0.1,
        maximum=168,
    )
    days: int = option(30, "Available for (days)", "Clips that nobody takes in this time fail.", minimum=1, maximum=30)


def labeling_options(account: Account) -> list[Option]:
    """Return the options of a labeling job, with the work teams of the account as choices."""
    teams = {
        team["WorkteamArn"]: team["WorkteamName"] for team in account.pages("sagemaker", "list_workteams", "Workteams")
    }
    chosen = account.settings.workteam
    if chosen:
        teams = {chosen: teams.get(chosen, chosen.rpartition("/")[2])} | teams
    return options.form(LabelingChoices, workteam=teams or {"": "None yet. Create one on Account."})


class GroundTruth:
    """Implements `backend.platforms.base.LabelingService`."""

    limits = LIMITS
    is_team = True

    def __init__(self, account: Account) -> None:
        self.account = account

    def start(self, spec: LabelingSpec, progress: Progress) -> LabelingRef:
        """Upload the frames and start a job."""
        human_task = self._human_task_config(spec)
        bucket = Bucket(self.account)
        _ensure_cors_rule(bucket)
        name = name_of(spec.name, spec.token)
        share = 1 / len(spec.clips)
        frame_addresses = {
            clip_name: bucket.put_contents(clip.folder, "frames", part(progress, share * number, share * (number + 1)))
            for number, (clip_name, clip) in enumerate(spec.clips.items())
        }
        folder = f"labeling/{name}/"
        for path, content in input_files(spec, bucket.uri(folder), frame_addresses).items():
            bucket.put_bytes(folder + path, content)
        self.account.call(
            "sagemaker",
            "create_labeling_job",
            LabelingJobName=name,
            LabelAttributeName=f"{name}-ref",
            InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": bucket.uri(folder + INPUT_MANIFEST)}}},
            OutputConfig={"S3OutputPath": bucket.uri(f"{folder}output"), **self.account.kms("KmsKeyId")},
            RoleArn=self.account.settings.role,
            LabelCategoryConfigS3Uri=bucket.uri(folder + CATEGORIES_FILE),
            HumanTaskConfig=human_task,
            Tags=self.account.settings.tag_list,
        )
        return {"job": name, "region": self.account.region}

    def jobs(self) -> dict[str, LabelingRef]:
        """Return the references of all video object tracking jobs of the region by name, the newest first."""
        summaries = self.account.pages(
            "sagemaker", "list_labeling_jobs", "LabelingJobSummaryList", SortBy="CreationTime", SortOrder="Descending"
        )
        return {
            summary["LabelingJobName"]: {"job": summary["LabelingJobName"], "region": self.account.region}
            for summary in summaries
            if summary.get("PreHumanTaskLambdaArn", "").endswith((f"PRE-{LABELING_TASK}", f"PRE-{CORRECTION_TASK}"))
        }

    def state(self, ref: LabelingRef) -> LabelingState:
        """Return the progress of a job."""
        job = self._describe(ref)
        if job is None:
            return LabelingState("gone", location=ref["job"])
        counters = job["LabelCounters"]
        labeled, failed = counters.get("TotalLabeled", 0), counters.get("FailedNonRetryableError", 0)
        status = STATUSES[job["LabelingJobStatus"]]
        return LabelingState(
            status,
            labeled=labeled,
            failed=failed,
            total=labeled + failed + counters.get("Unlabeled", 0),
            reason=job.get("FailureReason", ""),
            link=self._worker_portal(ref, job["HumanTaskConfig"]["WorkteamArn"]) if status == "in progress" else "",
            location=ref["job"],
        )

    def stop(self, ref: LabelingRef) -> None:
        """Stop a job. No-op if it has ended."""
        try:
            self.account.call("sagemaker", "stop_labeling_job", region=_region(ref), LabelingJobName=ref["job"])
        except UserError:
            if self.state(ref).status in ("starting", "in progress"):
                raise

    def remove(self, ref: LabelingRef) -> None:
        """Stop a job. SageMaker does not delete labeling jobs."""
        self.stop(ref)

    def fetch(self, ref: LabelingRef, folder: Path, progress: Progress) -> str:
        """Copy the labels of a job from S3 into `folder`, and return their label attribute.

        Raises:
            UserError: If the job or its output does not exist.
        """
        job = self._describe(ref)
        if job is None:
            raise UserError(f"Labeling job not found in {_region(ref)}: “{ref['job']}”. It may have been deleted.")
        output = job.get("LabelingJobOutput", {}).get("OutputDatasetS3Uri")
        manifest = output or f"{job['OutputConfig']['S3OutputPath'].rstrip('/')}/{ref['job']}/{OUTPUT_MANIFEST_PATH}"
        content = Bucket(self.account).find(manifest)
        if content is None:
            raise UserError(
                f"The labeling job “{ref['job']}” has no output at {manifest}: it ended before a clip was labeled, or "
                "the output was deleted. Start another job."
            )
        attribute: str = job["LabelAttributeName"]
        self._copy_output(content, folder, attribute, progress)
        return attribute

    def labeling_folder(self, ref: LabelingRef) -> None:
        """Return None: people label in the worker portal."""

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        """Copy the output of any job from S3 into `folder`.

        Args:
            address: Address of the output folder, of a folder that contains it, or of its manifest.
            folder: Folder to copy to.
            progress: Receives the share of the files that are copied.

        Raises:
            UserError: If there is no output at the address, or that of several jobs.
        """
        bucket = Bucket(self.account)
        is_manifest = address.endswith(".manifest")
        content = bucket.find(address if is_manifest else f"{address.rstrip('/')}/{OUTPUT_MANIFEST_PATH}")
        if content is None:
            content = bucket.read(_find_manifest(bucket, address))
        self._copy_output(content, folder, "", progress)

    def _human_task_config(self, spec: LabelingSpec) -> dict[str, Any]:
        """Return the `HumanTaskConfig` of a job.

        Raises:
            UserError: If Ground Truth does not label video in the region, or the account is not set up for it.
        """
        region, choices = self.account.region, options.parse(LabelingChoices, spec.options)
        team = choices.workteam or self.account.settings.workteam
        if region not in LAMBDA_ACCOUNTS:
            raise UserError(
                f"Ground Truth does not label video in {region}. Choose one of these regions on Account, with a bucket "
                f"there: {', '.join(LAMBDA_ACCOUNTS)}."
            )
        if not self.account.settings.role:
            raise UserError("AWS is not set up: the execution role is missing. Create or choose one on Account.")
        if not team:
            raise UserError("No work team is chosen. Create or choose one on Account.")
        if f":{region}:" not in team or ":workteam/public-crowd/" in team:
            raise UserError(
                f"The work team {team} cannot label video in {region}. Choose a private or a vendor's team of that "
                "region."
            )
        is_correction = any(clip.initial_tracks is not None for clip in spec.clips.values())
        task = CORRECTION_TASK if is_correction else LABELING_TASK
        function = f"arn:aws:lambda:{region}:{LAMBDA_ACCOUNTS[region]}:function"
        description = f"{'Correct' if is_correction else 'Draw'} the boxes around: {', '.join(spec.classes)}."
        return {
            "WorkteamArn": team,
            "UiConfig": {"HumanTaskUiArn": TASK_UI.format(region=region)},
            "PreHumanTaskLambdaArn": f"{function}:PRE-{task}",
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{function}:ACS-{task}"},
            "TaskTitle": spec.name,
            "TaskDescription": description[:MAX_DESCRIPTION_LENGTH],
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": int(choices.hours * 3600),
            "TaskAvailabilityLifetimeInSeconds": choices.days * 86400,
        }

    def _describe(self, ref: LabelingRef) -> dict[str, Any] | None:
        job: dict[str, Any] | None = self.account.find(
            "sagemaker", "describe_labeling_job", region=_region(ref), LabelingJobName=ref["job"]
        )
        return job

    def _worker_portal(self, ref: LabelingRef, team: str) -> str:
        """Return the address of the page on which a private team labels, "" for the team of a vendor."""
        if ":workteam/private-crowd/" not in team:
            return ""
        name = team.rpartition("/")[2]
        workteam = self.account.find("sagemaker", "describe_workteam", region=_region(ref), WorkteamName=name)
        domain = workteam["Workteam"].get("SubDomain", "") if workteam else ""
        return f"https://{domain}" if domain else ""

    def _copy_output(self, manifest: bytes, folder: Path, attribute: str, progress: Progress) -> None:
        """Write the manifest, and copy the files that it names from S3.

        Files that are missing in S3 are skipped: the format's reader reports them.

        Args:
            manifest: Content of the output manifest.
            folder: Folder to copy to.
            attribute: Label attribute whose labels are copied; "" for those of all attributes.
            progress: Receives the share of the files that are copied.
        """
        path = folder / OUTPUT_MANIFEST_PATH
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(manifest)
        addresses = list(dict.fromkeys(_file_addresses(manifest, attribute)))
        bucket = Bucket(self.account)

        def copy(address: str) -> None:
            bucket_name, key = split(address)
            if ".." in PurePosixPath(key).parts or (content := bucket.find(address)) is None:
                return
            target = folder / bucket_name / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

        with ThreadPoolExecutor(PARALLEL_TRANSFERS) as pool:
            for copied, _ in enumerate(pool.map(copy, addresses), 1):
                progress(copied / len(addresses), f"{copied} of {len(addresses)} files")


def _region(ref: LabelingRef) -> str:
    return ref["region"]


def _find_manifest(bucket: Bucket, address: str) -> str:
    """Return the address of the only output manifest below an address.

    Raises:
        UserError: If there is none, or more than one.
    """
    bucket_name = split(address)[0]
    manifests = [
        f"s3://{bucket_name}/{key}"
        for key in bucket.sizes(f"{address.rstrip('/')}/")
        if key.endswith(OUTPUT_MANIFEST_PATH)
    ]
    if not manifests:
        raise UserError(
            f"{address} has no {OUTPUT_MANIFEST_PATH}, which Ground Truth writes when a labeling job is done. Wait for "
            "that, or import the folder with the output of the job."
        )
    if len(manifests) > 1:
        jobs = ", ".join(manifest.removesuffix(f"/{OUTPUT_MANIFEST_PATH}") for manifest in manifests[:5])
        raise UserError(
            f"{address} has the output of {len(manifests)} labeling jobs ({jobs}). Import the folder of one."
        )
    return manifests[0]


def _file_addresses(manifest: bytes, attribute: str) -> Iterator[str]:
    """Yield the addresses of the sequence files and labels in a manifest. Lines that are not JSON are skipped."""
    for text in manifest.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not isinstance(line, dict):
            continue
        for key, value in line.items():
            is_wanted = key in ("source-ref", attribute) or (not attribute and key.endswith("-ref"))
            if is_wanted and isinstance(value, str) and value.startswith("s3://") and value.endswith(".json"):
                yield value


def _ensure_cors_rule(bucket: Bucket) -> None:
    """Add the CORS rule that the worker portal needs to a bucket without any rules, as AWS's own console does.

    Raises:
        UserError: With the command to run, if these credentials may not add it.
    """
    account = bucket.account
    try:
        account.call("s3", "get_bucket_cors", Bucket=bucket.name)
    except UserError as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError) or cause.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            return  # without permission to read the rules, the bucket may have them
        rules = {"CORSRules": [CORS_RULE]}
        try:
            account.call("s3", "put_bucket_cors", Bucket=bucket.name, CORSConfiguration=rules)
        except UserError as refused:
            raise UserError(
                f"The bucket “{bucket.name}” has no CORS rules, so the worker portal cannot load frames, and adding "
                "them failed. Ask someone with the required permissions to run `aws s3api put-bucket-cors --bucket "
                f"{bucket.name} --cors-configuration '{json.dumps(rules)}'`, then start the job again. ({refused})"
            ) from refused
        print(f"Added CORS rules to the bucket {bucket.name}, so that the worker portal can load frames", flush=True)
