"""Amazon SageMaker as a platform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import Platform
from backend.platforms.descriptor import PlatformDescriptor

JOB_UNREACHABLE_SECONDS = 150.0  # for how long a job retries while the network is down


def _build(folder: Path, settings: AwsSettings, in_job: bool) -> Platform:
    from backend.platforms.aws.platform import AwsPlatform

    return AwsPlatform(settings, JOB_UNREACHABLE_SECONDS) if in_job else AwsPlatform(settings)


def _access_choices() -> Mapping[str, Mapping[str, str]]:
    from backend.platforms.aws.regions import access_choices

    return access_choices()


AWS = PlatformDescriptor(
    key="aws",
    title="AWS",
    description=(
        "Training, batch jobs and endpoints run on Amazon SageMaker in your own account, on machines of your choice. "
        "Videos, frames and models that they need are copied to a bucket there. It costs what AWS charges."
    ),
    build=_build,
    settings=AwsSettings,
    locating_settings=("profile", "region", "stack"),
    access_settings=("region", "profile"),
    access_choices=_access_choices,
    consequences=(
        "New trainings, batch jobs and endpoints run on SageMaker in this account. Running ones stay where they are.",
        "Frames, videos and models that they need are copied to a bucket there.",
        "AWS charges for machines while they run. Prices are shown before each start, and Account lists what exists.",
        "Nothing is created now. Missing parts are created one by one, when you click their buttons on Account.",
    ),
)
