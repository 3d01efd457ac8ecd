"""The Resource Groups Tagging API for the stand-in's resources and moto's buckets."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import CBORSerializer
from werkzeug.wrappers import Request, Response

from standin.model import SESSION
from standin.resources import page

if TYPE_CHECKING:
    from standin.sagemaker import SageMaker

OPERATION = SESSION.get_service_model("resourcegroupstaggingapi").operation_model("GetResources")


def get_resources(request: Request, sagemaker: SageMaker) -> Response:
    cbor = request.mimetype == "application/cbor"
    body = request.get_data()
    parameters = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body))) if cbor else json.loads(body)
    tagged = {arn: tags for kind in sagemaker.kinds() for arn, tags in kind.tags.items()} | _buckets(sagemaker)
    mappings = [
        {"ResourceARN": arn, "Tags": tags} for arn, tags in tagged.items() if tags and _fits(arn, tags, parameters)
    ]
    places = {"NextToken": parameters.get("PaginationToken"), "MaxResults": parameters.get("ResourcesPerPage")}
    chosen = page(mappings, places)
    answer = {"ResourceTagMappingList": chosen["entries"], "PaginationToken": chosen.get("NextToken", "")}
    if not cbor:
        return Response(json.dumps(answer), content_type="application/x-amz-json-1.1")
    packed = bytearray()
    CBORSerializer()._serialize_data_item(packed, answer, OPERATION.output_shape)
    return Response(bytes(packed), content_type="application/cbor", headers={"smithy-protocol": "rpc-v2-cbor"})


def _fits(arn: str, tags: list[dict[str, str]], parameters: dict[str, Any]) -> bool:
    values = {tag["Key"]: tag["Value"] for tag in tags}
    kinds = parameters.get("ResourceTypeFilters") or []
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    return all(
        tag_filter["Key"] in values
        and (not tag_filter.get("Values") or values[tag_filter["Key"]] in tag_filter["Values"])
        for tag_filter in parameters.get("TagFilters", [])
    ) and (not kinds or any(kind in (service, f"{service}:{resource.partition('/')[0]}") for kind in kinds))


def _buckets(sagemaker: SageMaker) -> dict[str, list[dict[str, str]]]:
    s3, mappings = sagemaker.standin.client("s3"), {}
    for bucket in s3.list_buckets()["Buckets"]:
        try:
            mappings[f"arn:aws:s3:::{bucket['Name']}"] = s3.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]
        except ClientError:  # the bucket has no tags
            continue
    return mappings
