"""Fixtures for tests of AWS: `standin` is the server, `aws_account` the settings of an account that is set up."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

REGION = "eu-west-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Provide AWS at an address of this machine to this process and its children, for the tests of one module."""
    from standin.server import Standin  # imported here, because moto takes a second

    server = Standin()
    server.start()
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "OMP_NUM_THREADS": "1",  # parallel jobs share this machine's cores
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield server
        server.stop()


@pytest.fixture
def aws_account(standin) -> Iterator[dict[str, str]]:
    """Provide the settings of an account that is set up, with unique names for each test."""
    standin.heal()
    yield set_up(standin)
    standin.heal()


@pytest.fixture(scope="module")
def module_account(standin) -> dict[str, str]:
    """Provide the settings of one account for all tests of a module."""
    return set_up(standin)


def set_up(standin) -> dict[str, str]:
    """Create bucket, role, repository and work team as the stack does, and return the settings."""
    token = secrets.token_hex(3)
    stack = f"studio-{token}"
    standin.client("s3").create_bucket(Bucket=stack, CreateBucketConfiguration={"LocationConstraint": REGION})
    tags = [{"Key": "bytetrack-studio", "Value": stack}]
    standin.client("s3").put_bucket_tagging(Bucket=stack, Tagging={"TagSet": tags})
    role = standin.client("iam").create_role(RoleName=stack, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    repository = standin.client("ecr").create_repository(repositoryName=stack)["repository"]["repositoryUri"]
    standin.sagemaker.workteams.create_workteam(
        REGION,
        {
            "WorkteamName": stack,
            "Description": "those who label",
            "MemberDefinitions": [{"OidcMemberDefinition": {"Groups": ["labelers"]}}],
        },
    )
    team = standin.sagemaker.workteams.teams.get(stack)["Arn"]
    return {
        "region": REGION,
        "stack": stack,
        "bucket": stack,
        "role": role,
        "image": f"{repository}:latest",
        "workteam": team,
    }
