"""Processing jobs, which run one `process` program per host."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standin import files
from standin.model import Refused, invalid
from standin.programs import Log, Program, failure, write_json
from standin.resources import JOB_TAKEN, Resources, now
from standin.rules import check_own_disk

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

ENDED = ("Completed", "Failed", "Stopped")
LONGEST = 5 * 86400  # seconds
ROOT = "/opt/ml/"


class ProcessingJobs:
    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        missing = ("ValidationException", "Could not find requested job with name: {name}")
        self.jobs = Resources("processing-job", missing, JOB_TAKEN)
        self.kinds = [self.jobs]
        self._programs: dict[str, list[Program]] = {}  # by the job's ARN
        self._threads: list[threading.Thread] = []

    def create_processing_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        self._check(region, request)
        state = {"ProcessingJobStatus": "InProgress", "Asked": False}
        tags = request.pop("Tags", None)
        job = self.jobs.add(region, request["ProcessingJobName"], request | state, tags)
        thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"ProcessingJobArn": job["Arn"]}

    def describe_processing_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs.get(request["ProcessingJobName"], region)
        return job | {"ProcessingJobArn": job["Arn"]}

    def list_processing_jobs(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page = self.jobs.page(request, region, "ProcessingJobName", "ProcessingJobStatus")
        summaries = [entry | {"ProcessingJobArn": entry["Arn"]} for entry in page.pop("entries")]
        return {"ProcessingJobSummaries": summaries, **page}

    def stop_processing_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["ProcessingJobName"], region)
        status = job["ProcessingJobStatus"]
        if status in ENDED:
            raise invalid(f"The request was rejected because the processing job is in status {status}.")
        job["Asked"], job["ProcessingJobStatus"] = True, "Stopping"
        self._stop(self._programs.get(job["Arn"], []))

    def delete_processing_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["ProcessingJobName"], region)
        if job["ProcessingJobStatus"] not in ENDED:
            raise Refused("ResourceInUse", "A processing job that has not ended cannot be deleted.")
        self.jobs.remove(request["ProcessingJobName"], region)

    def end_everything(self) -> None:
        for job in self.jobs.values():
            job["Asked"] = True
        for programs in list(self._programs.values()):
            for program in programs:
                program.kill()
        for thread in self._threads:
            thread.join(10)

    def _check(self, region: str, request: dict[str, Any]) -> None:
        s3 = self._sagemaker.standin.client("s3", region)
        self._sagemaker.check_role(request["RoleArn"])
        self._sagemaker.check_image(region, request["AppSpecification"]["ImageUri"])
        inputs, outputs = request.get("ProcessingInputs", []), outputs_of(request)
        if len({input_["InputName"] for input_ in inputs}) < len(inputs):
            raise invalid("The names of processing inputs must be unique.")
        for entry in [input_["S3Input"] for input_ in inputs] + [output["S3Output"] for output in outputs]:
            if not entry["LocalPath"].startswith("/opt/ml/processing/"):
                raise invalid(f"LocalPath {entry['LocalPath']} must begin with /opt/ml/processing/.")
        for input_ in inputs:
            files.must_exist(s3, input_["S3Input"]["S3Uri"])
        for output in outputs:
            files.keys(s3, output["S3Output"]["S3Uri"])
        if request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0) > LONGEST:
            raise invalid(f"MaxRuntimeInSeconds must be at most {LONGEST}.")
        cluster = request["ProcessingResources"]["ClusterConfig"]
        check_own_disk(cluster["InstanceType"], VolumeKmsKeyId=cluster.get("VolumeKmsKeyId"))

    def _run(self, job: dict[str, Any]) -> None:
        folder = self._sagemaker.standin.folder / f"{job['Region']}-{job['ProcessingJobName']}"
        try:
            status = self._process(job, folder)
        except Exception as error:  # a fault of the stand-in itself must be visible to the test
            status, job["FailureReason"] = "Failed", f"InternalServerError: {error!r}"[:1024]
        finally:
            self._programs.pop(job["Arn"], None)
            files.remove(folder)
        job["ProcessingEndTime"] = job["LastModifiedTime"] = now()
        job["ProcessingJobStatus"] = status

    def _process(self, job: dict[str, Any], folder: Path) -> str:
        hosts = [f"algo-{n + 1}" for n in range(job["ProcessingResources"]["ClusterConfig"]["InstanceCount"])]
        job["ProcessingStartTime"] = now()
        programs = [self._start(job, folder / host, host, hosts) for host in hosts]
        self._programs[job["Arn"]] = programs
        if job["Asked"]:
            self._stop(programs)
        seconds = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        limit = threading.Timer(seconds, self._run_out, [job, programs])
        limit.daemon = True
        limit.start()
        codes = [program.wait() for program in programs]
        limit.cancel()
        s3 = self._sagemaker.standin.client("s3", job["Region"])
        for host in hosts:
            for entry in outputs_of(job):
                files.upload(s3, _local(folder / host, entry["S3Output"]), entry["S3Output"]["S3Uri"])
        if message := "".join(failure(folder / host, "message") for host in hosts)[:1024]:
            job["ExitMessage"] = message
        if job["Asked"]:
            return "Stopped"
        if any(codes):
            reason = f"exit code: {next(code for code in codes if code)}"
            job["FailureReason"] = f"AlgorithmError: See job logs for more information, {reason}"
        return "Failed" if any(codes) else "Completed"

    def _start(self, job: dict[str, Any], base: Path, host: str, hosts: list[str]) -> Program:
        standin, specification = self._sagemaker.standin, job["AppSpecification"]
        s3 = standin.client("s3", job["Region"])
        config = {key: job[key] for key in ("ProcessingInputs", "ProcessingOutputConfig") if key in job}
        write_json(base / "config" / "processingjobconfig.json", {"ProcessingJobArn": job["Arn"], **config})
        write_json(base / "config" / "resourceconfig.json", {"current_host": host, "hosts": hosts})
        for input_ in job.get("ProcessingInputs", []):
            source = input_["S3Input"]
            sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
            share = (hosts.index(host), len(hosts)) if sharded else (0, 1)
            files.download(s3, source["S3Uri"], _local(base, source), share)
        for entry in outputs_of(job):
            _local(base, entry["S3Output"]).mkdir(parents=True)
        (base / "output").mkdir(exist_ok=True)
        stream = f"{job['ProcessingJobName']}/{host}-{int(time.time())}"
        log = Log(standin.client("logs", job["Region"]), "/aws/sagemaker/ProcessingJobs", stream)
        program, *arguments = specification.get("ContainerEntrypoint", ["process"])
        return Program(
            program, [*arguments, *specification.get("ContainerArguments", [])], base, log, **job.get("Environment", {})
        )

    def _stop(self, programs: list[Program]) -> None:
        for program in programs:
            threading.Thread(target=program.stop, daemon=True).start()

    def _run_out(self, job: dict[str, Any], programs: list[Program]) -> None:
        job["Asked"], job["FailureReason"] = True, "ClientError: MaxRuntimeInSeconds was exceeded."
        self._stop(programs)


def outputs_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("ProcessingOutputConfig", {}).get("Outputs", [])


def _local(base: Path, place: dict[str, Any]) -> Path:
    """Return where a path of the container is on this machine."""
    return base / place["LocalPath"].removeprefix(ROOT)
