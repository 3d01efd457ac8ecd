"""Examples of requests to an endpoint on this machine: in a shell, in Python, and in Python with boto3."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from backend.platforms.base import EndpointMode, Example, SampleFiles

DETECT_SHELL = """\
# The objects in an image
curl -sS {url} -H 'Content-Type: image/jpeg' --data-binary {image}

# Tracks: start a session, send pieces of video one after another, close the session
SESSION=$(curl -sS -D - -o /dev/null {url} \\
  -H 'X-Amzn-SageMaker-Session-Id: NEW_SESSION' -H 'Content-Type: application/json' -d {settings} |
  awk -F ': |;' 'tolower($1) == "x-amzn-sagemaker-new-session-id" {{ print $2 }}')
curl -sS {url} -H "X-Amzn-SageMaker-Session-Id: $SESSION" \\
  -H 'Content-Type: video/mp4' --data-binary {piece}
curl -sS {url} -H "X-Amzn-SageMaker-Session-Id: $SESSION" \\
  -H 'Content-Type: application/json' -d '{{"close": true}}'
"""

VIDEO_SHELL = """\
# The tracks of a whole video. This goes past the queue.
curl -sS {url} -H 'Content-Type: video/mp4' --data-binary {video}
"""

PYTHON_START = """\
import json
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

URL = {url!r}
opener = build_opener(ProxyHandler({{}}))  # this machine needs no proxy


def send(body, content_type, session=None):
    headers = {{"Content-Type": content_type}}
    if session:
        headers["X-Amzn-SageMaker-Session-Id"] = session
    with opener.open(Request(URL, body, headers)) as response:
        return json.load(response), response.headers

"""

DETECT_PYTHON = """
# The objects in an image
answer, _ = send(Path({image!r}).read_bytes(), "image/jpeg")
for detection in answer["detections"]:
    print(answer["classes"][detection["class_id"]], detection["score"], detection["xyxy"])

# Tracks: start a session, send pieces of video one after another, close the session
_, headers = send(json.dumps({{"frame_rate": {frame_rate:g}}}).encode(), "application/json", "NEW_SESSION")
session = headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]
answer, _ = send(Path({piece!r}).read_bytes(), "video/mp4", session)
for box in answer["tracks"]:
    print("frame", box["frame"], "object", box["id"], box["xyxy"])
send(b'{{"close": true}}', "application/json", session)
"""

VIDEO_PYTHON = """
# The tracks of a whole video. This goes past the queue.
answer, _ = send(Path({video!r}).read_bytes(), "video/mp4")
for box in answer["tracks"]:
    print("frame", box["frame"], "object", box["id"], box["xyxy"])
"""

BOTO3_START = """\
import json
from pathlib import Path

import boto3
from botocore import UNSIGNED
from botocore.config import Config

# The same program calls SageMaker without `endpoint_url` and `config`, with your region and EndpointName.
client = boto3.client(
    "sagemaker-runtime",
    endpoint_url={address!r},
    region_name="local",
    config=Config(signature_version=UNSIGNED, proxies={{}}),
)
ENDPOINT = "local"
"""

DETECT_BOTO3 = """
# The objects in an image
image = Path({image!r}).read_bytes()
response = client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="image/jpeg", Body=image)
answer = json.load(response["Body"])
for detection in answer["detections"]:
    print(answer["classes"][detection["class_id"]], detection["score"], detection["xyxy"])

# Tracks: start a session, send pieces of video one after another, close the session
settings = json.dumps({{"frame_rate": {frame_rate:g}}})
response = client.invoke_endpoint(
    EndpointName=ENDPOINT, SessionId="NEW_SESSION", ContentType="application/json", Body=settings
)
session = response["NewSessionId"].partition(";")[0]
piece = Path({piece!r}).read_bytes()
response = client.invoke_endpoint(EndpointName=ENDPOINT, SessionId=session, ContentType="video/mp4", Body=piece)
for box in json.load(response["Body"])["tracks"]:
    print("frame", box["frame"], "object", box["id"], box["xyxy"])
client.invoke_endpoint(
    EndpointName=ENDPOINT, SessionId=session, ContentType="application/json", Body='{{"close": true}}'
)
"""

VIDEO_BOTO3 = """
# The tracks of a whole video. This goes past the queue.
video = Path({video!r}).read_bytes()
response = client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="video/mp4", Body=video)
for box in json.load(response["Body"])["tracks"]:
    print("frame", box["frame"], "object", box["id"], box["xyxy"])
"""


def examples(port: int, mode: EndpointMode, files: SampleFiles) -> list[Example]:
    """Return the examples for an endpoint at a port of this machine."""
    is_live = mode == "realtime"
    address = f"http://127.0.0.1:{port}"
    values = {
        "address": address,
        "url": f"{address}/invocations",
        "image": str(files.image),
        "piece": str(files.piece),
        "video": str(files.video),
        "frame_rate": files.frame_rate,
    }
    quoted = values | {
        "image": curl_file(files.image),
        "piece": curl_file(files.piece),
        "video": curl_file(files.video),
        "settings": shlex.quote(json.dumps({"frame_rate": files.frame_rate})),
    }
    shell = DETECT_SHELL if is_live else VIDEO_SHELL
    python = PYTHON_START + (DETECT_PYTHON if is_live else VIDEO_PYTHON)
    boto3 = BOTO3_START + (DETECT_BOTO3 if is_live else VIDEO_BOTO3)
    return [
        Example("Shell", "bash", shell.format(**quoted)),
        Example("Python", "python", python.format(**values)),
        Example("Python with boto3", "python", boto3.format(**values)),
    ]


def curl_file(path: Path) -> str:
    """Return the argument with which curl sends the content of a file, quoted for a shell."""
    return shlex.quote(f"@{path}")
