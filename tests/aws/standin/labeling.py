"""Ground Truth: work teams, and labeling jobs that wait until a test provides the workers' boxes."""

from __future__ import annotations

import json
import re
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from standin import files
from standin.model import SERVICES, invalid
from standin.resources import JOB_TAKEN, Resources, now

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

ENDED = ("Completed", "Failed", "Stopped")
UI = "arn:aws:sagemaker:{}:394669845002:human-task-ui/VideoObjectTracking"
# Ground Truth's quotas for video object tracking.
MOST_SEQUENCES, MOST_FRAMES, MOST_SECONDS, MOST_SECONDS_ON_OFFER = 10, 2000, 7 * 86400, 30 * 86400
TRACKING = "groundtruth/video-object-tracking"


class WorkTeams:
    def __init__(self, sagemaker: SageMaker) -> None:
        missing = ("ValidationException", 'The work team "{arn}" does not exist.')
        name_in_use = ("ResourceInUse", "A work team with the name {name} exists already.")
        self.teams = Resources("workteam/private-crowd", missing, name_in_use)
        self.kinds = [self.teams]

    def create_workteam(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        tags = request.pop("Tags", None)
        return {"WorkteamArn": self.teams.add(region, request["WorkteamName"], request, tags)["Arn"]}

    def describe_workteam(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return {"Workteam": self._described(self.teams.get(request["WorkteamName"], region))}

    def list_workteams(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.teams.page(request, region, "WorkteamName")
        return {"Workteams": [self._described(entry) for entry in page.pop("entries")], **page}

    def delete_workteam(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        self.teams.remove(request["WorkteamName"], region)
        return {"Success": True}

    def end_everything(self) -> None:
        pass

    def _described(self, team: dict[str, Any]) -> dict[str, Any]:
        return team | {
            "WorkteamArn": team["Arn"],
            "CreateDate": team["CreationTime"],
            "SubDomain": f"abcdefghij.labeling.{team['Region']}.sagemaker.aws",
        }


class LabelingJobs:
    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        missing = ("ResourceNotFound", "The labeling job {name} cannot be found.")
        self.jobs = Resources("labeling-job", missing, JOB_TAKEN)
        self.kinds = [self.jobs]

    def create_labeling_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        lines = self._check(region, request)
        state = {
            "LabelingJobStatus": "InProgress",
            "JobReferenceCode": uuid.uuid4().hex,
            "Lines": lines,
            "LabelCounters": counters(len(lines)),
        }
        job = self.jobs.add(region, request["LabelingJobName"], request | state, request.get("Tags"))
        return {"LabelingJobArn": job["Arn"]}

    def describe_labeling_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.jobs.get(request["LabelingJobName"], region))

    def list_labeling_jobs(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.jobs.page(request, region, "LabelingJobName", "LabelingJobStatus")
        matches = [
            self._described(entry)
            | {
                "WorkteamArn": entry["HumanTaskConfig"]["WorkteamArn"],
                "PreHumanTaskLambdaArn": entry["HumanTaskConfig"]["PreHumanTaskLambdaArn"],
            }
            for entry in page.pop("entries")
        ]
        return {"LabelingJobSummaryList": matches, **page}

    def stop_labeling_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["LabelingJobName"], region)
        if job["LabelingJobStatus"] in ENDED:
            raise invalid(f"The request was rejected because the labeling job is in status {job['LabelingJobStatus']}.")
        job["LabelingJobStatus"] = "Stopped"

    def end_everything(self) -> None:
        pass

    def finish(self, name: str, drawn: dict[int, Any], failed: dict[int, str] | None = None) -> None:
        """Submit the workers' boxes. Lines that are in neither argument stay unlabeled, and the job in progress.

        Args:
            name: Name of the job.
            drawn: `Tracks` by the line of the manifest, with frame numbers of the sequence.
            failed: Why lines could not be labeled.
        """
        job = self.jobs.get(name)
        s3 = self._sagemaker.standin.client("s3", job["Region"])
        assert job["LabelingJobStatus"] == "InProgress", "nobody can work on a job that has ended"
        attribute = job["LabelAttributeName"]
        output = f"{job['OutputConfig']['S3OutputPath'].rstrip('/')}/{name}"
        labels = [entry["label"] for entry in self._categories(job)["labels"]]
        metadata = {
            "class-map": {str(number): label for number, label in enumerate(labels)},
            "job-name": f"labeling-job/{name}",
            "human-annotated": "yes",
            "creation-date": now().replace(tzinfo=None).isoformat(),
            "type": TRACKING,
        }
        lines = []
        for number, line in enumerate(job["Lines"]):
            if number in drawn:
                sequence = json.loads(files.read(s3, line["source-ref"]))
                _check_page(s3, sequence["prefix"])
                place = f"{output}/annotations/consolidated-annotation/output/{number}/SeqLabel.json"
                document = seq_label(sequence, drawn[number], labels)
                files.write(s3, place, json.dumps(document).encode())
                line = line | {attribute: place, f"{attribute}-metadata": metadata}
            elif number in (failed or {}):
                line = line | {f"{attribute}-metadata": metadata | {"failure-reason": (failed or {})[number]}}
            lines.append(json.dumps(line))
        files.write(s3, f"{output}/manifests/output/output.manifest", "\n".join(lines).encode())
        count = counters(len(lines), len(drawn), len(failed or {}))
        job["LabelCounters"] = count
        if not count["Unlabeled"]:
            job["LabelingJobStatus"] = "Completed"
            job["LabelingJobOutput"] = {"OutputDatasetS3Uri": f"{output}/manifests/output/output.manifest"}

    def _described(self, job: dict[str, Any]) -> dict[str, Any]:
        return job | {"LabelingJobArn": job["Arn"]}

    def _categories(self, job: dict[str, Any]) -> dict[str, Any]:
        return _document(self._sagemaker.standin.client("s3"), job["LabelCategoryConfigS3Uri"])

    def _check(self, region: str, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Check AWS's rules for video object tracking and return the manifest's lines."""
        s3, task = self._sagemaker.standin.client("s3", region), request["HumanTaskConfig"]
        self._sagemaker.check_role(request["RoleArn"])
        files.keys(s3, request["OutputConfig"]["S3OutputPath"])
        if not request["LabelAttributeName"].endswith("-ref"):
            raise invalid("LabelAttributeName must end with -ref for this task type.")
        if task["NumberOfHumanWorkersPerDataObject"] != 1:
            raise invalid("NumberOfHumanWorkersPerDataObject must be 1 for video object tracking.")
        if task["TaskTimeLimitInSeconds"] > MOST_SECONDS:
            raise invalid(f"TaskTimeLimitInSeconds must be at most {MOST_SECONDS}.")
        if task.get("TaskAvailabilityLifetimeInSeconds", 0) > MOST_SECONDS_ON_OFFER:
            raise invalid(f"TaskAvailabilityLifetimeInSeconds must be at most {MOST_SECONDS_ON_OFFER}.")
        if task["UiConfig"] != {"HumanTaskUiArn": UI.format(region)}:
            raise invalid("UiConfig must have the HumanTaskUiArn of the region, and no UiTemplateS3Uri.")
        if "/public-crowd/" in task["WorkteamArn"]:
            raise invalid("The public workforce cannot be used for video frame labeling jobs.")
        teams = self._sagemaker.workteams.teams.values(region)
        if task["WorkteamArn"] not in [team["Arn"] for team in teams]:
            raise invalid(f"The work team {task['WorkteamArn']} does not exist.")
        categories = self._categories(request)
        audited = categories.get("auditLabelAttributeName")
        name = "AdjustmentVideoObjectTracking" if audited else "VideoObjectTracking"
        after = task["AnnotationConsolidationConfig"]["AnnotationConsolidationLambdaArn"]
        if task["PreHumanTaskLambdaArn"] not in functions(f"PRE-{name}", region):
            raise invalid(f"{task['PreHumanTaskLambdaArn']} is not PRE-{name} of {region}.")
        if after not in functions(f"ACS-{name}", region):
            raise invalid(f"{after} is not ACS-{name} of {region}.")
        check_categories(categories)
        if audited == request["LabelAttributeName"]:
            raise invalid("An adjustment job needs another LabelAttributeName than that of the labels.")
        lines = _lines(s3, request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
        for line in lines:
            sequence = _document(s3, line.get("source-ref", ""))
            check_sequence(s3, sequence)
            if audited:
                check_earlier(s3, line, audited, sequence)
        return lines


@cache
def functions(name: str, region: str) -> tuple[str, ...]:
    """Return the ARNs of one of Ground Truth's functions in a region, from the service model's documentation."""
    model = SERVICES["sagemaker"]
    lambda_arns = (
        model.shape_for("HumanTaskConfig").members["PreHumanTaskLambdaArn"].documentation
        + model.shape_for("AnnotationConsolidationConfig").members["AnnotationConsolidationLambdaArn"].documentation
    )
    return tuple(re.findall(rf"arn:aws:lambda:{region}:\d{{12}}:function:{name}\b", lambda_arns))


def _document(s3: Any, uri: str) -> dict[str, Any]:
    """Read a JSON file. Raises `Refused` if it does not exist or is not JSON."""
    try:
        return json.loads(files.read(s3, uri))
    except (ClientError, ParamValidationError, ValueError) as error:
        raise invalid(f"The file {uri} cannot be read: {error}") from error


def _lines(s3: Any, uri: str) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in files.read(s3, uri).splitlines()]
    except (ClientError, ParamValidationError, ValueError) as error:
        raise invalid(f"The manifest {uri} cannot be read: {error}") from error
    if not 1 <= len(lines) <= MOST_SEQUENCES:
        raise invalid(f"A manifest has 1 to {MOST_SEQUENCES} sequences.")
    return lines


def _check_page(s3: Any, prefix: str) -> None:
    """Check the bucket's CORS rules, without which a browser does not load frames into the labeling page."""
    rules = s3.get_bucket_cors(Bucket=files.split(prefix)[0])["CORSRules"]
    assert any("GET" in rule["AllowedMethods"] for rule in rules), "the page cannot load the frames"


def check_categories(categories: dict[str, Any]) -> None:
    labels = [entry["label"] for entry in categories["labels"]]
    if categories["documentVersion"] != "2020-03-01" or categories["annotationType"] != "BoundingBox":
        raise invalid("The label category configuration must be of version 2020-03-01 and ask for bounding boxes.")
    if (
        not 1 <= len(labels) <= 30
        or len(set(labels)) < len(labels)
        or any(not 1 <= len(label) <= 16 for label in labels)
    ):
        raise invalid("There may be 1 to 30 different labels of at most 16 characters.")
    instructions = categories.get("instructions", {})
    if len(instructions.get("shortInstruction", "")) >= 255 or len(instructions.get("fullInstruction", "")) >= 2048:
        raise invalid("The instructions are too long.")


def check_sequence(s3: Any, sequence: dict[str, Any]) -> None:
    if sequence["number-of-frames"] != len(sequence["frames"]) or not sequence["prefix"].endswith("/"):
        raise invalid("number-of-frames must be that of frames, and prefix end in a slash.")
    if not 1 <= len(sequence["frames"]) <= MOST_FRAMES:
        raise invalid(f"A sequence has 1 to {MOST_FRAMES} frames.")
    numbers = [entry["frame-no"] for entry in sequence["frames"]]
    if numbers != list(range(len(numbers))):
        raise invalid("frame-no must count the frames from 0.")
    stored = set(files.keys(s3, sequence["prefix"]))
    _, prefix = files.split(sequence["prefix"])
    if missing := [entry["frame"] for entry in sequence["frames"] if prefix + entry["frame"] not in stored]:
        raise invalid(f"Frames are missing in S3: {missing[:3]}")


def check_earlier(s3: Any, line: dict[str, Any], attribute: str, sequence: dict[str, Any]) -> None:
    """Return the labels to adjust."""
    if line.get(f"{attribute}-metadata", {}).get("type") != TRACKING:
        raise invalid(f"The labels {attribute} to adjust are missing, or of another task type.")
    frames = _document(s3, line[attribute])["tracking-annotations"]
    if not {str(entry["frame-no"]) for entry in frames} <= {str(entry["frame-no"]) for entry in sequence["frames"]}:
        raise invalid("The labels to adjust are of frames that the sequence does not have.")
    classes = line[f"{attribute}-metadata"]["class-map"]
    if any(annotation["class-id"] not in classes for frame in frames for annotation in frame["annotations"]):
        raise invalid("The labels to adjust are of classes that their class-map does not have.")


def seq_label(sequence: dict[str, Any], tracks: Any, labels: list[str]) -> dict[str, Any]:
    """Return the output that Ground Truth writes for one sequence."""
    ids = {number: str(uuid.uuid4()) for number in sorted(set(tracks.id.tolist()))}
    names = {}
    for number, kind in zip(tracks.id.tolist(), tracks.class_id.tolist()):
        names.setdefault(number, f"{tracks.classes[kind]}:{len(names) + 1}")
    frames = []
    for entry in sequence["frames"]:
        rows = [row for row in range(len(tracks.frame)) if tracks.frame[row] == entry["frame-no"]]
        frames.append(
            {
                "annotations": [
                    {
                        "height": int(tracks.xyxy[row][3] - tracks.xyxy[row][1]),
                        "width": int(tracks.xyxy[row][2] - tracks.xyxy[row][0]),
                        "top": int(tracks.xyxy[row][1]),
                        "left": int(tracks.xyxy[row][0]),
                        "class-id": str(labels.index(tracks.classes[int(tracks.class_id[row])])),
                        "label-category-attributes": {},
                        "object-id": ids[int(tracks.id[row])],
                        "object-name": names[int(tracks.id[row])],
                    }
                    for row in rows
                ],
                "frame-no": str(entry["frame-no"]),
                "frame": entry["frame"],
                "frame-attributes": {},
            }
        )
    return {"tracking-annotations": frames}


def counters(total: int, labeled: int = 0, failed: int = 0) -> dict[str, int]:
    return {
        "TotalLabeled": labeled,
        "HumanLabeled": labeled,
        "MachineLabeled": 0,
        "FailedNonRetryableError": failed,
        "Unlabeled": total - labeled - failed,
    }
