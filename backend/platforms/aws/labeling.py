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
from backend.labels.formats.ground_truth.job_input import CATEGORIES, MANIFEST, documents
from backend.platforms import options
from backend.platforms.aws.account import Account
from backend.platforms.aws.naming import name_of
from backend.platforms.aws.storage import PARALLEL_TRANSFERS, Bucket, split
from backend.platforms.base import LabelingSpec, LabelingState, Option
from backend.platforms.options import option
from backend.progress import Progress, part

# Whose functions prepare the tasks and put the answers together, by region: from botocore's description of
# `HumanTaskConfig`, which a test compares.
OWNERS = {
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
TASK, ADJUSTMENT = "VideoObjectTracking", "AdjustmentVideoObjectTracking"
UI = "arn:aws:sagemaker:{region}:394669845002:human-task-ui/VideoObjectTracking"
OUTPUT = "manifests/output/output.manifest"
STATES = {
    "Initializing": "starting",
    "InProgress": "in progress",
    "Completed": "done",
    "Failed": "failed",
    "Stopping": "stopping",
    "Stopped": "stopped",
}
# Without such a rule the page on which people label may not load the frames from the bucket.
CORS = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": ["*"],
    "ExposeHeaders": ["Access-Control-Allow-Origin"],
    "MaxAgeSeconds": 3000,
}


@dataclass(frozen=True)
class LabelingChoices:
    """What one chooses for a labeling job."""

    workteam: str = option("", "Work team", "The people who label: a private team, or a vendor's.")
    hours: float = option(
        8.0,
        "Time for one clip (hours)",
        "Then it goes to somebody else. More than 8 needs an execution role with sessions as long.",
        minimum=0.1,
        maximum=168,
    )
    days: int = option(30, "On offer for (days)", "Clips that nobody takes until then fail.", minimum=1, maximum=30)


def labeling_options(account: Account) -> list[Option]:
    """The choices, with the account's own work teams."""
    teams = {
        each["WorkteamArn"]: each["WorkteamName"] for each in account.pages("sagemaker", "list_workteams", "Workteams")
    }
    chosen = account.settings.workteam
    if chosen:
        teams = {chosen: teams.get(chosen, chosen.rpartition("/")[2])} | teams
    return options.form(LabelingChoices, workteam=teams or {"": "None yet: Account makes one"})


class GroundTruth:
    """Implements `backend.platforms.base.LabelingService`. A `ref` is `{"job": its name, "region": where}`."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def start(self, spec: LabelingSpec, progress: Progress) -> dict:
        request = self._human_task(spec)
        bucket = Bucket(self.account)
        _let_pages_load(bucket)
        name = name_of(spec.name, spec.token)
        share = 1 / len(spec.clips)
        frames = {
            clip: bucket.put_contents(each.folder, "frames", part(progress, share * number, share * (number + 1)))
            for number, (clip, each) in enumerate(spec.clips.items())
        }
        folder = f"labeling/{name}/"
        for path, content in documents(spec, bucket.uri(folder), frames).items():
            bucket.put_bytes(folder + path, content)
        self.account.call(
            "sagemaker",
            "create_labeling_job",
            LabelingJobName=name,
            LabelAttributeName=f"{name}-ref",
            InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": bucket.uri(folder + MANIFEST)}}},
            OutputConfig={"S3OutputPath": bucket.uri(f"{folder}output"), **self.account.kms("KmsKeyId")},
            RoleArn=self.account.settings.role,
            LabelCategoryConfigS3Uri=bucket.uri(folder + CATEGORIES),
            HumanTaskConfig=request,
            Tags=self.account.settings.tag_list,
        )
        return {"job": name, "region": self.account.region}

    def jobs(self) -> dict[str, dict]:
        found = self.account.pages(
            "sagemaker", "list_labeling_jobs", "LabelingJobSummaryList", SortBy="CreationTime", SortOrder="Descending"
        )
        return {
            each["LabelingJobName"]: {"job": each["LabelingJobName"], "region": self.account.region}
            for each in found
            if each.get("PreHumanTaskLambdaArn", "").endswith((f"PRE-{TASK}", f"PRE-{ADJUSTMENT}"))
        }

    def state(self, ref: dict) -> LabelingState:
        found = self._describe(ref)
        if found is None:
            return LabelingState("gone", where=ref["job"])
        counters = found["LabelCounters"]
        labeled, failed = counters.get("TotalLabeled", 0), counters.get("FailedNonRetryableError", 0)
        status = STATES[found["LabelingJobStatus"]]
        return LabelingState(
            status,
            labeled,
            failed,
            labeled + failed + counters.get("Unlabeled", 0),
            found.get("FailureReason", ""),
            self._portal(ref, found["HumanTaskConfig"]["WorkteamArn"]) if status == "in progress" else "",
            ref["job"],
        )

    def stop(self, ref: dict) -> None:
        try:
            self.account.call("sagemaker", "stop_labeling_job", region=ref["region"], LabelingJobName=ref["job"])
        except UserError:
            if self.state(ref).status in ("starting", "in progress"):
                raise

    def fetch(self, ref: dict, folder: Path, progress: Progress) -> str:
        found = self._describe(ref)
        if found is None:
            raise UserError(f"AWS has no labeling job “{ref['job']}” in {ref['region']} (any more).")
        result = found.get("LabelingJobOutput", {}).get("OutputDatasetS3Uri")
        manifest = result or f"{found['OutputConfig']['S3OutputPath'].rstrip('/')}/{ref['job']}/{OUTPUT}"
        content = Bucket(self.account).find(manifest)
        if content is None:
            raise UserError(
                f"The labeling job “{ref['job']}” left no result at {manifest}: it ended before anything was "
                "labeled, or the result was deleted. Start another one."
            )
        attribute = found["LabelAttributeName"]
        self._copy(content, folder, attribute, progress)
        return attribute

    def remove(self, ref: dict) -> None:
        self.stop(ref)  # labeling jobs cannot be deleted

    def labeling_folder(self, ref: dict) -> None:
        return None

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        bucket = Bucket(self.account)
        manifest = address if address.endswith(".manifest") else f"{address.rstrip('/')}/{OUTPUT}"
        content = bucket.find(manifest)
        if content is None:
            name = split(address)[0]
            below = [f"s3://{name}/{key}" for key in bucket.sizes(f"{address.rstrip('/')}/") if key.endswith(OUTPUT)]
            if len(below) != 1:
                jobs = ", ".join(each.removesuffix(f"/{OUTPUT}") for each in below[:5])
                raise UserError(
                    f"{address} holds the output of {len(below)} labeling jobs ({jobs}). Name the folder of one."
                    if below
                    else f"{address} holds no {OUTPUT}, which Ground Truth writes when a labeling job ends. Wait for "
                    "its end, or name the folder that holds the job's output."
                )
            content = bucket.read(below[0])
        self._copy(content, folder, "", progress)

    def _human_task(self, spec: LabelingSpec) -> dict[str, Any]:
        """The `HumanTaskConfig`.

        Raises:
            UserError: if Ground Truth does not do this in the region, or nobody is there to do it.
        """
        region, choices = self.account.region, options.parse(LabelingChoices, spec.options)
        team = choices.workteam or self.account.settings.workteam
        if region not in OWNERS:
            raise UserError(
                f"Ground Truth does not label video in {region}. It does in {', '.join(OWNERS)}: choose one of them "
                "on Account, with a bucket there."
            )
        if not self.account.settings.role:
            raise UserError("AWS is not set up yet: there is no execution role. See to it on Account.")
        if not team:
            raise UserError("There is nobody to label: no work team is chosen. Account makes one, or takes yours.")
        if f":{region}:" not in team or ":workteam/public-crowd/" in team:
            raise UserError(
                f"The work team {team} cannot label video in {region}: it must be a private or a vendor's team of "
                "that region. Choose another one."
            )
        task = ADJUSTMENT if any(clip.earlier is not None for clip in spec.clips.values()) else TASK
        function = f"arn:aws:lambda:{region}:{OWNERS[region]}:function"
        described = f"{'Correct' if task == ADJUSTMENT else 'Draw'} the boxes around: {', '.join(spec.classes)}."
        return {
            "WorkteamArn": team,
            "UiConfig": {"HumanTaskUiArn": UI.format(region=region)},
            "PreHumanTaskLambdaArn": f"{function}:PRE-{task}",
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{function}:ACS-{task}"},
            "TaskTitle": spec.name,
            "TaskDescription": described[:255],
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": int(choices.hours * 3600),
            "TaskAvailabilityLifetimeInSeconds": choices.days * 86400,
        }

    def _describe(self, ref: dict) -> dict[str, Any] | None:
        return self.account.find("sagemaker", "describe_labeling_job", region=ref["region"], LabelingJobName=ref["job"])

    def _portal(self, ref: dict, team: str) -> str:
        """Where a private team works; vendors have their own ways."""
        if ":workteam/private-crowd/" not in team:
            return ""
        name = team.rpartition("/")[2]
        found = self.account.find("sagemaker", "describe_workteam", region=ref["region"], WorkteamName=name)
        domain = found["Workteam"].get("SubDomain", "") if found else ""
        return f"https://{domain}" if domain else ""

    def _copy(self, manifest: bytes, folder: Path, attribute: str, progress: Progress) -> None:
        """The manifest, and what its lines name: sequence files, and the labels of the attribute, or of all."""
        path = folder / OUTPUT
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(manifest)
        wanted = list(dict.fromkeys(_addresses(manifest, attribute)))
        bucket = Bucket(self.account)

        def copy(address: str) -> None:
            name, key = split(address)
            if ".." in PurePosixPath(key).parts or (content := bucket.find(address)) is None:
                return  # its reader tells what is missing
            target = folder / name / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

        with ThreadPoolExecutor(PARALLEL_TRANSFERS) as pool:
            for done, _ in enumerate(pool.map(copy, wanted), 1):
                progress(done / len(wanted), f"{done} of {len(wanted)} files")


def _addresses(manifest: bytes, attribute: str) -> Iterator[str]:
    for text in manifest.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the reader of the manifest says so
        for key, value in line.items() if isinstance(line, dict) else ():
            wanted = key in ("source-ref", attribute) or (not attribute and key.endswith("-ref"))
            if wanted and isinstance(value, str) and value.startswith("s3://") and value.endswith(".json"):
                yield value


def _let_pages_load(bucket: Bucket) -> None:
    """Give a bucket without any rules for it those that the workers' page needs, as AWS's own console does.

    Raises:
        UserError: with the command for somebody who may, if these credentials may not.
    """
    account = bucket.account
    try:
        account.call("s3", "get_bucket_cors", Bucket=bucket.name)
    except UserError as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError) or cause.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            return  # who may not look at the rules may still use the bucket
        rules = {"CORSRules": [CORS]}
        try:
            account.call("s3", "put_bucket_cors", Bucket=bucket.name, CORSConfiguration=rules)
        except UserError as refused:
            raise UserError(
                f"The workers' page may not load frames from the bucket “{bucket.name}”, as it has no CORS rules, and "
                "they could not be added. Have somebody who may do so run `aws s3api put-bucket-cors --bucket "
                f"{bucket.name} --cors-configuration '{json.dumps(rules)}'`, then start the job again. ({refused})"
            ) from refused
        print(f"the bucket {bucket.name} has CORS rules now, so that the workers' page can load the frames", flush=True)
