"""Tuning jobs: training jobs with random hyperparameters from the ranges."""

from __future__ import annotations

import math
import random
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

from standin.model import Refused, invalid
from standin.resources import JOB_TAKEN, Resources, now, page
from standin.training import ENDED

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

RANGES = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


class TuningJobs:
    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker
        missing = ("ResourceNotFound", "Amazon SageMaker can't find a tuning job with the name {name}.")
        self.jobs = Resources("hyper-parameter-tuning-job", missing, JOB_TAKEN)
        self.kinds = [self.jobs]
        self._threads: list[threading.Thread] = []

    def create_hyper_parameter_tuning_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        self._check(region, request)
        state = {"HyperParameterTuningJobStatus": "InProgress", "Trials": [], "Asked": False}
        tags = request.get("Tags")
        job = self.jobs.add(region, request["HyperParameterTuningJobName"], request | state, tags)
        thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"HyperParameterTuningJobArn": job["Arn"]}

    def describe_hyper_parameter_tuning_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._described(self.jobs.get(request["HyperParameterTuningJobName"], region))

    def list_hyper_parameter_tuning_jobs(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        page_of_jobs = self.jobs.page(request, region, "HyperParameterTuningJobName", "HyperParameterTuningJobStatus")
        summaries = [
            self._described(entry) | {"Strategy": entry["HyperParameterTuningJobConfig"]["Strategy"]}
            for entry in page_of_jobs.pop("entries")
        ]
        return {"HyperParameterTuningJobSummaries": summaries, **page_of_jobs}

    def list_training_jobs_for_hyper_parameter_tuning_job(self, region: str, request: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs.get(request["HyperParameterTuningJobName"], region)
        page_of_jobs = page([self._summary(job, trial) for trial in self._trials(job)], request)
        return {"TrainingJobSummaries": page_of_jobs.pop("entries"), **page_of_jobs}

    def stop_hyper_parameter_tuning_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["HyperParameterTuningJobName"], region)
        status = job["HyperParameterTuningJobStatus"]
        if status in ENDED:
            raise invalid(f"The request was rejected because the hyperparameter tuning job is in status {status}.")
        job["Asked"], job["HyperParameterTuningJobStatus"] = True, "Stopping"

    def delete_hyper_parameter_tuning_job(self, region: str, request: dict[str, Any]) -> None:
        job = self.jobs.get(request["HyperParameterTuningJobName"], region)
        if job["HyperParameterTuningJobStatus"] not in ENDED:
            raise Refused("ResourceInUse", "A tuning job that has not ended cannot be deleted.")
        self.jobs.remove(request["HyperParameterTuningJobName"], region)

    def end_everything(self) -> None:
        for job in self.jobs.values():
            job["Asked"] = True
        for thread in self._threads:
            thread.join(10)

    def _check(self, region: str, request: dict[str, Any]) -> None:
        config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
        self._sagemaker.training.check(region, definition)
        names = {entry["Name"] for entry in definition["AlgorithmSpecification"].get("MetricDefinitions", [])}
        if config["HyperParameterTuningJobObjective"]["MetricName"] not in names:
            raise invalid(
                "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
                "definitions."
            )
        ranges = config.get("ParameterRanges", {})
        searched = [parameter["Name"] for kind in RANGES for parameter in ranges.get(kind, [])]
        if not searched or len(set(searched)) < len(searched):
            raise invalid("There must be at least one range, and no hyperparameter may have two.")
        if repeated := set(searched) & set(definition.get("StaticHyperParameters", {})):
            raise invalid(f"Hyperparameters are both static and searched: {sorted(repeated)}.")
        for entry in [*ranges.get(RANGES[0], []), *ranges.get(RANGES[1], [])]:
            low, high = float(entry["MinValue"]), float(entry["MaxValue"])
            if low >= high:
                raise invalid(f"MinValue of {entry['Name']} must be less than MaxValue.")
            if entry.get("ScalingType") == "Logarithmic" and low <= 0:
                raise invalid(f"The range of {entry['Name']} must be greater than 0 to be scaled logarithmically.")
        limits = config["ResourceLimits"]
        if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
            raise invalid("MaxParallelTrainingJobs must not be more than MaxNumberOfTrainingJobs.")

    def _run(self, job: dict[str, Any]) -> None:
        limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
        numbers = random.Random(0)
        while True:
            running = [trial for trial in self._trials(job) if trial["TrainingJobStatus"] not in ENDED]
            left = 0 if job["Asked"] else limits["MaxNumberOfTrainingJobs"] - len(job["Trials"])
            if job["Asked"]:
                for trial in running:
                    self._sagemaker.training.stop(trial)
            if not left and not running:
                break
            if left and len(running) < limits["MaxParallelTrainingJobs"]:
                self._begin(job, numbers)
            time.sleep(0.1)
        done = any(trial["TrainingJobStatus"] == "Completed" for trial in self._trials(job))
        if not job["Asked"] and not done:
            job["FailureReason"] = "All training jobs failed. Please take a look at the failures of the training jobs."
        job["HyperParameterTuningEndTime"] = now()
        job["HyperParameterTuningJobStatus"] = "Stopped" if job["Asked"] else "Completed" if done else "Failed"

    def _begin(self, job: dict[str, Any], numbers: random.Random) -> None:
        definition, config = dict(job["TrainingJobDefinition"]), job["HyperParameterTuningJobConfig"]
        number = len(job["Trials"]) + 1
        static = definition.pop("StaticHyperParameters", {})
        values = drawn(config["ParameterRanges"], numbers)
        # SageMaker passes the objective to the container, too.
        reserved = {"_tuning_objective_metric": config["HyperParameterTuningJobObjective"]["MetricName"]}
        request = {
            **definition,
            "TrainingJobName": f"{job['HyperParameterTuningJobName']}-{number:03d}-{secrets.token_hex(4)}",
            "HyperParameters": reserved | static | values,
            "TuningJobArn": job["Arn"],
            "Tuned": values,
            "Tags": job.get("Tags"),
        }
        job["Trials"].append(self._sagemaker.training.begin(job["Region"], request))

    def _trials(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the trials that have not been deleted."""
        jobs = self._sagemaker.training.jobs.values(job["Region"])
        return [trial for trial in job["Trials"] if any(trial is other for other in jobs)]

    def _summary(self, job: dict[str, Any], trial: dict[str, Any]) -> dict[str, Any]:
        objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        page_of_jobs = [
            data for data in trial.get("FinalMetricDataList", []) if data["MetricName"] == objective["MetricName"]
        ]
        metric = {"Type": objective["Type"], "MetricName": objective["MetricName"]}
        value = (
            {"FinalHyperParameterTuningJobObjectiveMetric": metric | {"Value": page_of_jobs[0]["Value"]}}
            if page_of_jobs
            else {}
        )
        return trial | {"TrainingJobArn": trial["Arn"], "TunedHyperParameters": trial["Tuned"], **value}

    def _described(self, job: dict[str, Any]) -> dict[str, Any]:
        trials = [self._summary(job, trial) for trial in self._trials(job)]
        states = [trial["TrainingJobStatus"] for trial in trials]
        counted = {
            "Completed": states.count("Completed"),
            "InProgress": states.count("InProgress") + states.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": states.count("Failed"),
            "Stopped": states.count("Stopped"),
        }
        scored = [
            trial
            for trial in trials
            if trial["TrainingJobStatus"] == "Completed" and "FinalHyperParameterTuningJobObjectiveMetric" in trial
        ]
        largest = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
        best = sorted(scored, key=lambda entry: entry["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
        return job | {
            "HyperParameterTuningJobArn": job["Arn"],
            "TrainingJobStatusCounters": counted,
            "ObjectiveStatusCounters": {"Succeeded": len(scored), "Pending": 0, "Failed": states.count("Failed")},
            **({"BestTrainingJob": best[-1 if largest else 0]} if best else {}),
        }


def drawn(ranges: dict[str, Any], numbers: random.Random) -> dict[str, str]:
    values = {
        parameter["Name"]: numbers.choice(parameter["Values"])
        for parameter in ranges.get("CategoricalParameterRanges", [])
    }
    for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
        for parameter in ranges.get(kind, []):
            low, high = float(parameter["MinValue"]), float(parameter["MaxValue"])
            if parameter.get("ScalingType") == "Logarithmic":
                value = math.exp(numbers.uniform(math.log(low), math.log(high)))
            else:
                value = numbers.uniform(low, high)
            values[parameter["Name"]] = str(round(value)) if kind.startswith("Integer") else repr(value)
    return values
