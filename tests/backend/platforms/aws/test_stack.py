"""The template, checked by cfn-lint, and the stack, created by moto's CloudFormation.

moto makes bucket, roles, repository and log group. It passes over bucket policy, CodeBuild project, Cognito and work
team, and of the bucket it takes only the encryption: of those, cfn-lint is the only judge. Its stacks are made at once
and without events of their resources: where a test needs some, it writes them.
"""

from __future__ import annotations

import json
import re
import threading
from ast import literal_eval
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from cfnlint.api import ManualArgs, lint
from moto.cloudformation import models as moto
from moto.cloudformation import parsing as moto_parsing

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws import stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.labeling import LAMBDA_ACCOUNTS
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import JobState, Watch

REGION, KEY = "eu-west-1", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
ELSEWHERE = ["eu-north-1", "eu-west-3", "sa-east-1", "us-west-1", "cn-north-1"]
VPC = {"subnets": "subnet-1", "security_groups": "sg-1"}
# These actions support no resource, see ecr, cloudwatch and ec2 in AWS's Service Authorization Reference.
WITHOUT_RESOURCE = re.compile(
    r"ecr:GetAuthorizationToken|cloudwatch:PutMetricData|ec2:Describe\w+|ec2:DeleteNetworkInterfacePermission"
)
QUIET = Watch(lambda line: None)

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.fixture(autouse=True)
def no_stack(standin) -> Iterator[None]:
    """Make each test begin and end without a stack."""
    yield
    moto.cloudformation_backends["123456789012"][REGION].reset()


def account_with(**settings: Any) -> Account:
    return Account(AwsSettings.parse({"region": REGION, **settings}))


def document(region: str = "eu-west-1") -> dict[str, Any]:
    """Return the template as plain data, with functions replaced by their arguments."""

    class Loader(yaml.SafeLoader):
        pass

    def plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        return loader.construct_sequence(node, deep=True)  # type: ignore[arg-type]

    Loader.add_multi_constructor("!", plain)
    return yaml.load(stack.template(region), Loader)


def policies(account: Account) -> list[dict[str, Any]]:
    """Return all statements of all roles of the stack, as IAM stores them."""
    settings_after = []
    for role in account.call("iam", "list_roles")["Roles"]:
        name = role["RoleName"]
        if not name.startswith(f"{account.settings.stack}-"):
            continue
        assert account.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"] == []
        for policy in account.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
            read = account.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)["PolicyDocument"]
            settings_after += [
                statement for statement in literal_eval(str(read))["Statement"] if statement
            ]  # moto stores it as Python's repr
    return settings_after


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def event(created: moto.Stack, resource: str, kind: str, status: str, reason: str = "") -> None:
    created.events.append(
        moto.Event(created.stack_id, created.name, resource, f"{resource}-1", kind, status, reason, None)
    )


# --- The template -----------------------------------------------------------------------------------------------------


def test_cfn_lint_accepts_the_template() -> None:
    assert lint(stack.template(REGION), config=ManualArgs(regions=list(LAMBDA_ACCOUNTS))) == []


def test_the_template_of_a_region_without_ground_truth_has_no_labeling_resources() -> None:
    unused = ["W2001", "W8001"]  # parameters and conditions of the part that was removed
    assert lint(stack.template("eu-north-1"), config=ManualArgs(regions=ELSEWHERE, ignore_checks=unused)) == []
    resources = document("eu-north-1")["Resources"]
    assert "ExecutionRole" in resources and not any("Work" in resource for resource in resources)


def test_the_bucket_is_private_encrypted_versioned_and_retained() -> None:
    bucket, policy = (document()["Resources"][entry] for entry in ("DataBucket", "DataBucketPolicy"))
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert document()["Resources"]["Repository"]["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert len(properties["LifecycleConfiguration"]["Rules"]) == 2 and properties["CorsConfiguration"]["CorsRules"]
    (denied,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert denied["Effect"] == "Deny" and denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    for kept in (bucket, policy):  # like Retain, but a failed creation leaves no empty bucket
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# --- The stack --------------------------------------------------------------------------------------------------------


def test_the_settings_name_the_created_resources(standin) -> None:
    account, lines = account_with(tags="team=vision"), []
    settings_after = stack.create_or_update(account, Watch(lines.append))
    created = stack.describe(account)
    assert (
        created
        and created.is_usable
        and settings_after == {"bucket": created.outputs["Bucket"], "role": created.outputs["Role"], "workteam": ""}
    )
    encryption = account.call("s3", "get_bucket_encryption", Bucket=settings_after["bucket"])
    assert "AES256" in str(encryption["ServerSideEncryptionConfiguration"])
    role = account.call("iam", "get_role", RoleName=settings_after["role"].rpartition("/")[2])["Role"]
    assert "sagemaker.amazonaws.com" in str(role["AssumeRolePolicyDocument"])
    repositories = account.call("ecr", "describe_repositories")["repositories"]
    assert ("IMMUTABLE", created.outputs["Repository"]) in {
        (repository["imageTagMutability"], repository["repositoryUri"]) for repository in repositories
    }
    tags = account.call("cloudformation", "describe_stacks", StackName=created.name)["Stacks"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"bytetrack-studio": "bytetrack-studio", "team": "vision"}
    assert any(re.match(r"\d\d:\d\d:\d\d  bytetrack-studio  CREATE_COMPLETE", line) for line in lines)


@pytest.mark.parametrize("settings", [{}, {"kms_key": KEY, **VPC}], ids=["plain", "with a key and a VPC"])
def test_roles_have_only_the_permissions_they_need(standin, settings: dict[str, str]) -> None:
    account = account_with(stack="least" if settings else "plain", **settings)
    stack.create_or_update(account, QUIET)
    statements = policies(account)
    assert {"Files", "Image", "Logs", "Push", "Sources"} <= {statement["Sid"] for statement in statements}
    assert ({"Key", "Volumes", "NetworkInterfaces"} <= {statement["Sid"] for statement in statements}) == bool(settings)
    for statement in statements:
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Z]\w+", action) for action in actions), "an action with a wildcard"
        assert all(resources), statement
        if "*" in resources:
            assert all(WITHOUT_RESOURCE.fullmatch(action) for action in actions), statement
        for resource in resources:
            assert resource == "*" or resource.split(":")[2] in ("s3", "ecr", "logs", "sns", "kms", "ec2")


def test_an_update_without_changes_is_a_no_op(standin) -> None:
    account, lines = account_with(), []
    first = stack.create_or_update(account, QUIET)
    assert stack.create_or_update(account, Watch(lines.append)) == first
    assert "up to date" in lines[-1]


def test_a_new_key_or_vpc_makes_the_stack_outdated(standin) -> None:
    settings_after = stack.create_or_update(account_with(), QUIET)
    changed = account_with(**settings_after, kms_key=KEY, **VPC)
    created = stack.describe(changed)
    assert (
        created
        and stack.is_outdated(changed, created)
        and not stack.is_outdated(account_with(**settings_after), created)
    )
    assert stack.create_or_update(changed, QUIET)["bucket"] == settings_after["bucket"]
    updated = stack.describe(changed)
    assert updated and not stack.is_outdated(changed, updated)
    assert (
        updated.parameters["KmsKey"] == KEY and updated.parameters["Bucket"] == ""
    )  # the stack still has its own bucket


def test_an_existing_bucket_is_used_and_an_existing_role_is_kept(standin) -> None:
    standin.client("s3").create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": REGION})
    role = "arn:aws:iam::123456789012:role/mine"
    settings_after = stack.create_or_update(account_with(stack="named", bucket="mine", role=role), QUIET)
    assert settings_after == {"bucket": "mine", "workteam": ""}
    (files,) = (policy for policy in policies(account_with(stack="named")) if policy["Sid"] == "Files")
    assert files["Resource"] == "arn:aws:s3:::mine/*"


def test_a_missing_bucket_is_created_again(standin) -> None:
    assert stack.create_or_update(account_with(bucket="nobody-has-this-one"), QUIET)["bucket"] != "nobody-has-this-one"


def test_deletion_logs_what_it_keeps_and_clears_only_settings_of_the_stack(standin) -> None:
    settings_after = stack.create_or_update(account_with(), QUIET)
    account, lines = account_with(**settings_after), []
    assert stack.delete(account, Watch(lines.append)) == {"role": ""}
    assert stack.describe(account) is None
    assert "Keeps the bucket" in lines[0] and settings_after["bucket"] in lines[-1]
    assert any("DELETE_COMPLETE" in line for line in lines)
    assert stack.delete(account_with(), QUIET) == {}


def test_a_stack_that_the_console_did_not_create_is_not_changed(standin) -> None:
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    standin.client("cloudformation").create_stack(StackName="bytetrack-studio", TemplateBody=body)
    for act in (stack.create_or_update, stack.delete):
        with pytest.raises(UserError, match="This console did not create the stack “bytetrack-studio” in eu-west-1"):
            act(account_with(), QUIET)


def failing(created: moto.Stack) -> None:
    """Fail as CloudFormation does if the name of a log group is taken."""
    event(created, "ExecutionRole", "AWS::IAM::Role", "CREATE_COMPLETE")
    event(created, "BuildLogs", "AWS::Logs::LogGroup", "CREATE_FAILED", "/aws/codebuild/x already exists")
    event(created, "Repository", "AWS::ECR::Repository", "CREATE_FAILED", "Resource creation cancelled")
    created.status = "ROLLBACK_COMPLETE"
    created._add_stack_event("ROLLBACK_COMPLETE")


def test_a_failed_creation_reports_the_reason_and_can_be_repeated(standin, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(moto.Stack, "create_resources", failing)
        with pytest.raises(
            UserError, match=r"was not created \(ROLLBACK_COMPLETE\). BuildLogs .*: .* already exists Cloud"
        ):
            stack.create_or_update(account_with(), QUIET)
    lines: list[str] = []
    assert stack.create_or_update(account_with(), Watch(lines.append))["role"]
    assert any("to create it again" in line for line in lines)


def create_when(may_continue: threading.Event, stack: moto.Stack, create: Callable[[], None]) -> None:
    """Begin a creation, and complete it in the background once it may continue."""
    stack.status = "CREATE_IN_PROGRESS"

    def complete() -> None:
        may_continue.wait(60)
        event(stack, "DataBucket", "AWS::S3::Bucket", "CREATE_IN_PROGRESS")
        event(stack, "DataBucket", "AWS::S3::Bucket", "CREATE_COMPLETE")
        create()

    threading.Thread(target=complete, daemon=True).start()


def test_a_creation_that_is_in_progress_is_followed(standin, monkeypatch: pytest.MonkeyPatch) -> None:
    create, may_continue = moto.Stack.create_resources, threading.Event()
    monkeypatch.setattr(
        moto.Stack, "create_resources", lambda stack: create_when(may_continue, stack, lambda: create(stack))
    )
    account = account_with()
    first_lines: list[str] = []

    def stop_early(state: JobState) -> None:
        assert "#/stacks/events" in state.link
        raise Stopped

    with pytest.raises(Stopped):
        stack.create_or_update(account, Watch(first_lines.append, stop_early))
    assert "CloudFormation continues by itself" in first_lines[-1]
    progress: list[float] = []
    lines: list[str] = []
    statuses: list[str] = []

    def on_state(state: JobState) -> None:
        statuses.append(state.status)
        may_continue.set()

    watch = Watch(lines.append, on_state, lambda fraction, step: progress.append(fraction))
    assert stack.create_or_update(account, watch)["bucket"]
    assert "following CloudFormation" in lines[0]
    assert (statuses[0], statuses[-1]) == ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    bucket_events = [line.split("  ", 1)[1] for line in lines if "DataBucket" in line]
    assert bucket_events == ["DataBucket  CREATE_IN_PROGRESS", "DataBucket  CREATE_COMPLETE"]
    assert progress == sorted(progress) and progress[-1] == 1


def test_the_terminal_command_has_the_same_parameters(standin) -> None:
    account = account_with(kms_key=KEY, tags="team=vision", profile="", **VPC)
    command = stack.deploy_command(account, None)
    assert command.startswith("aws cloudformation deploy --stack-name bytetrack-studio --template-file ")
    assert (
        f"--parameter-overrides KmsKey={KEY} Vpc=yes WorkTeam=no --tags bytetrack-studio=bytetrack-studio team=vision"
        in command
    )  # noqa: E501
    stack.create_or_update(account, QUIET)
    created = stack.describe(account)
    own = account_with(bucket=created.outputs["Bucket"])  # type: ignore[union-attr]
    assert " Bucket= KmsKey= Vpc=no " in stack.deploy_command(
        own, created
    )  # also clears settings that are no longer chosen
    assert stack.deploy_command(account_with(region="eu-north-1"), None) == ""


# --- The work team ----------------------------------------------------------------------------------------------------


@pytest.fixture
def workforce(standin, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that gives the account a workforce in the region, or none."""

    def has(*workforces: dict[str, Any]) -> None:
        monkeypatch.setattr(
            standin.sagemaker, "list_workforces", lambda region, request: {"Workforces": [*workforces]}, raising=False
        )

    return has


FORCE = {"WorkforceName": "private", "WorkforceArn": "arn:aws:sagemaker:eu-west-1:123456789012:workforce/private"}
PORTAL = "abc.labeling.eu-west-1.sagemaker.aws"


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the workforce's output to moto's stacks, because moto creates no workforce."""
    parse = moto_parsing.parse_output
    output = moto_parsing.Output("Portal", PORTAL, "")
    monkeypatch.setattr(
        moto_parsing, "parse_output", lambda name, *rest: output if name == "Portal" else parse(name, *rest)
    )


def test_an_update_sets_the_address_of_the_portal(standin, workforce, portal) -> None:
    workforce()
    account, lines = account_with(), []
    stack.create_or_update(account, Watch(lines.append), team=True, worker="ann@example.org")
    created = stack.describe(account)
    assert created and {key: created.parameters[key] for key in ("WorkTeam", "UserPool", "Portal", "Worker")} == {
        "WorkTeam": "yes",
        "UserPool": "",
        "Portal": PORTAL,
        "Worker": "ann@example.org",
    }
    assert [line for line in lines if line.endswith("_COMPLETE")][-1].endswith("UPDATE_COMPLETE")
    stack.create_or_update(account, QUIET)  # the team is kept
    kept = stack.describe(account)
    assert kept and kept.parameters == created.parameters


def test_an_existing_workforce_gets_one_more_team(standin, workforce) -> None:
    workforce(FORCE | {"CognitoConfig": {"UserPool": "eu-west-1_abc", "ClientId": "client1"}})
    stack.create_or_update(account_with(), QUIET, team=True)
    created = stack.describe(account_with())
    assert created and (created.parameters["UserPool"], created.parameters["UserPoolClient"]) == (
        "eu-west-1_abc",
        "client1",
    )
    stack.create_or_update(account_with(), QUIET, team=False)
    without = stack.describe(account_with())
    assert without and without.parameters["WorkTeam"] == "no" and without.parameters["UserPool"] == ""


def test_a_workforce_with_its_own_identity_provider_is_refused(standin, workforce) -> None:
    workforce(FORCE | {"OidcConfig": {}})
    with pytest.raises(UserError, match="“private”, signs in with its own identity provider. Create a team"):
        stack.create_or_update(account_with(), QUIET, team=True)
    with pytest.raises(UserError, match="does not label video in eu-north-1.*ap-northeast-1"):
        stack.create_or_update(account_with(region="eu-north-1"), QUIET, team=True)
