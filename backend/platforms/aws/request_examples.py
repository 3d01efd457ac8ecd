"""Examples of requests to an endpoint on SageMaker: with boto3, the AWS command line, and plain HTTP."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import NamedTuple

from backend.platforms.base import EndpointMode, Example, SampleFiles
from backend.platforms.local.request_examples import DETECT_BOTO3, curl_file

FOLDER = "videos"  # in the bucket, where the console puts videos as well

BOTO3_START = """\
import json
from pathlib import Path

import boto3

client = boto3.client("sagemaker-runtime", region_name={region!r})
ENDPOINT = {endpoint!r}
"""

QUEUE_BOTO3 = """\
import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import boto3

VIDEO, BUCKET = Path({video!r}), {bucket!r}
s3 = boto3.client("s3", region_name={region!r})
runtime = boto3.client("sagemaker-runtime", region_name={region!r})


def read(address):
    place = urlsplit(address)
    try:
        return s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None  # not there yet


# The tracks of a whole video: upload it, queue the request, and wait for the answer
key = f"{folder}/example-{{VIDEO.name}}"
s3.upload_file(str(VIDEO), BUCKET, key)
ticket = runtime.invoke_endpoint_async(
    EndpointName={endpoint!r}, ContentType="video/mp4", InputLocation=f"s3://{{BUCKET}}/{{key}}"
)
while not (answer := read(ticket["OutputLocation"])):
    if failure := read(ticket["FailureLocation"]):
        raise SystemExit(failure.decode())
    time.sleep(2)
for box in json.loads(answer)["tracks"]:
    print("frame", box["frame"], "object", box["id"], box["xyxy"])
"""

DETECT_SHELL = """\
# The objects in an image
aws sagemaker-runtime invoke-endpoint --region {region} --endpoint-name {endpoint} \\
  --content-type image/jpeg --body {image} /dev/stdout

# Tracks: start a session, send pieces of video one after another, close the session
SESSION=$(printf %s {settings} | aws sagemaker-runtime invoke-endpoint --region {region} \\
  --endpoint-name {endpoint} --session-id NEW_SESSION --content-type application/json \\
  --body fileb:///dev/stdin --query NewSessionId --output text /dev/null | cut -d ';' -f 1)
aws sagemaker-runtime invoke-endpoint --region {region} --endpoint-name {endpoint} \\
  --session-id "$SESSION" --content-type video/mp4 --body {piece} /dev/stdout
printf %s '{{"close": true}}' | aws sagemaker-runtime invoke-endpoint --region {region} \\
  --endpoint-name {endpoint} --session-id "$SESSION" --content-type application/json \\
  --body fileb:///dev/stdin /dev/null
"""

QUEUE_SHELL = """\
# The tracks of a whole video: upload it, queue the request, and wait for the answer
aws s3 cp {video} {target} --region {region} --only-show-errors
set -- $(aws sagemaker-runtime invoke-endpoint-async --region {region} --endpoint-name {endpoint} \\
  --content-type video/mp4 --input-location {target} --query '[OutputLocation, FailureLocation]' --output text)
until aws s3 cp "$1" - --region {region} 2>/dev/null || aws s3 cp "$2" - --region {region} 2>/dev/null; do
  sleep 2
done
"""

DETECT_HTTP = """\
# The objects in an image. curl signs the request with the credentials in your environment.
curl -sS --aws-sigv4 aws:amz:{region}:sagemaker --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" \\
  -H 'Content-Type: image/jpeg' --data-binary {image} \\
  {address}/endpoints/{endpoint}/invocations
"""

QUEUE_HTTP = """\
# Queues a video that is in the bucket. curl signs the request with the credentials in your environment.
curl -sS --aws-sigv4 aws:amz:{region}:sagemaker --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" -X POST \\
  -H 'X-Amzn-SageMaker-Content-Type: video/mp4' -H 'X-Amzn-SageMaker-InputLocation: '{target} \\
  {address}/endpoints/{endpoint}/async-invocations
"""


class Target(NamedTuple):
    """Where an endpoint is.

    Attributes:
        region: AWS region.
        endpoint: Name of the endpoint.
        bucket: Bucket for the videos that are sent to it.
        address: Address of SageMaker's runtime in the region.
    """

    region: str
    endpoint: str
    bucket: str
    address: str


def examples(target: Target, mode: EndpointMode, files: SampleFiles) -> list[Example]:
    """Return the examples for an endpoint."""
    is_live = mode == "realtime"
    values = target._asdict() | {
        "folder": FOLDER,
        "image": str(files.image),
        "piece": str(files.piece),
        "video": str(files.video),
        "frame_rate": files.frame_rate,
    }
    quoted = values | {
        "image": _cli_file(files.image),
        "piece": _cli_file(files.piece),
        "video": shlex.quote(str(files.video)),
        "target": shlex.quote(f"s3://{target.bucket}/{FOLDER}/example-{files.video.name}"),
        "settings": shlex.quote(json.dumps({"frame_rate": files.frame_rate})),
    }
    boto3 = BOTO3_START + DETECT_BOTO3 if is_live else QUEUE_BOTO3
    http = DETECT_HTTP if is_live else QUEUE_HTTP
    return [
        Example("Python with boto3", "python", boto3.format(**values)),
        Example("Shell", "bash", (DETECT_SHELL if is_live else QUEUE_SHELL).format(**quoted)),
        Example("HTTP", "bash", http.format(**quoted | {"image": curl_file(files.image)})),
    ]


def _cli_file(path: Path) -> str:
    """Return the argument with which the AWS command line sends the content of a file, quoted for a shell."""
    return shlex.quote(f"fileb://{path}")
