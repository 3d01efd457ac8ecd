"""The CloudFormation stack with everything that the console needs in an account."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws.account import Account
from backend.platforms.aws.jobs import wait_intervals
from backend.platforms.aws.labeling import LAMBDA_ACCOUNTS
from backend.platforms.aws.messages import says_cancelled, says_nothing_to_update
from backend.platforms.aws.settings import TAG
from backend.platforms.aws.terminal import aws
from backend.platforms.base import JobState, Watch

TEMPLATE_FILE = Path(__file__).with_name("stack.yaml")
LABELING_PART = re.compile(r"^  # --- Labeling.*?^  # --- End of labeling\n", re.MULTILINE | re.DOTALL)
# A stack in one of these states cannot be updated; it must be deleted first.
UNUSABLE = {"REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
REMOVAL_DETAIL = (
    "Deletes the role, the image with its repository, and the work team with its logins. Keeps the bucket with all "
    "files, which a new stack uses again, the logs and metrics of jobs and endpoints, and the models in the registry. "
    "Delete running jobs and endpoints first, because they need the role."
)


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    id: str
    status: str
    reason: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    is_own: bool  # created by this console, or with its command

    @property
    def is_busy(self) -> bool:
        """Whether CloudFormation is creating, updating or deleting it."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in UNUSABLE

    @property
    def is_usable(self) -> bool:
        """Whether its resources exist, as they do after an update that was rolled back."""
        return self.status in GOOD or self.status.startswith("UPDATE_") or self.status.startswith("IMPORT_ROLLBACK")


def describe(account: Account, name: str | None = None) -> Stack | None:
    """Return a stack, or None if it does not exist.

    Args:
        account: The account.
        name: Name or id of the stack. If omitted, the name in the settings.
    """
    answer = account.find("cloudformation", "describe_stacks", StackName=name or account.settings.stack)
    if answer is None:
        return None
    (stack,) = answer["Stacks"]
    outputs, parameters = stack.get("Outputs", []), stack.get("Parameters", [])
    return Stack(
        name=stack["StackName"],
        id=stack["StackId"],
        status=stack["StackStatus"],
        reason=stack.get("StackStatusReason", ""),
        outputs={output["OutputKey"]: output["OutputValue"] for output in outputs if output.get("OutputValue")},
        parameters={parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in parameters},
        is_own=any(tag["Key"] == TAG for tag in stack.get("Tags", [])),
    )


def create_or_update(account: Account, watch: Watch, *, team: bool | None = None, worker: str = "") -> dict[str, str]:
    """Create the stack, or update it to the current template and settings, and return the settings that follow.

    Args:
        account: The account.
        watch: Callbacks for events and progress.
        team: Whether the stack has a private work team. If omitted, this stays as it is.
        worker: E-mail address of the first worker, who is invited.

    Raises:
        UserError: With the reason of the first resource that could not be created.
    """
    try:
        stack = _deploy(account, watch, team, worker)
        if (portal := stack.outputs.get("Portal", "")) != stack.parameters.get("Portal", ""):
            watch.log(f"updating the stack with the address of the workers' portal, {portal}")
            stack = _deploy(account, watch, team, worker)
    except Stopped:
        _log_stopped(watch)
        raise
    watch.progress(1.0, "done")
    return settings_of(account, stack)


def delete(account: Account, watch: Watch) -> dict[str, str]:
    """Delete the stack and return the settings that this clears. No-op if it does not exist."""
    stack = _own_stack(account)
    if stack:
        watch.log(REMOVAL_DETAIL)
        try:
            _delete(account, stack, watch)
        except Stopped:
            _log_stopped(watch)
            raise
        watch.log(f"kept the bucket {stack.outputs.get('Bucket', account.settings.bucket)} with all files")
    watch.progress(1.0, "done")
    belonged_to_stack = {
        "role": has_own_role(account),
        "image": _has_own_image(account, stack),
        "workteam": _has_own_team(account),
    }
    return {name: "" for name, belonged in belonged_to_stack.items() if belonged}


def settings_of(account: Account, stack: Stack) -> dict[str, str]:
    """Return the settings that name the stack's resources. A role and a team that the user entered stay."""
    current, outputs = account.settings, stack.outputs
    settings = {"bucket": outputs["Bucket"]}
    if not current.role or has_own_role(account):
        settings["role"] = outputs["Role"]
    if not current.workteam or _has_own_team(account):
        settings["workteam"] = outputs.get("WorkTeam", "")
    return settings


def is_outdated(account: Account, stack: Stack) -> bool:
    """Return whether the template or the settings changed after the stack was created or updated."""
    body: str = account.call("cloudformation", "get_template", StackName=stack.id, TemplateStage="Original")[
        "TemplateBody"
    ]
    return body != template(account.region) or _parameters(account, stack, None, "") != stack.parameters


def template(region: str) -> str:
    """Return the template for a region, without resource types that CloudFormation does not know there."""
    text = TEMPLATE_FILE.read_text()
    return text if region in LAMBDA_ACCOUNTS else LABELING_PART.sub("", text)


def deploy_command(account: Account, stack: Stack | None) -> str:
    """Return the terminal command that creates or updates the stack, or "" if the region needs another template."""
    if account.region not in LAMBDA_ACCOUNTS:
        return ""
    parameters = [f"{key}={value}" for key, value in _parameters(account, stack, None, "").items() if value or stack]
    tags = [f"{tag['Key']}={tag['Value']}" for tag in account.settings.tag_list]
    name, file = ("--stack-name", account.settings.stack), ("--template-file", str(TEMPLATE_FILE))
    arguments = ("--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *parameters, "--tags", *tags)
    return aws(account, "cloudformation", "deploy", *name, *file, *arguments)


def _deploy(account: Account, watch: Watch, team: bool | None, worker: str) -> Stack:
    """Create or update the stack once and follow that to its end."""
    stack = _own_stack(account)
    if stack and stack.is_busy:
        watch.log(f"following CloudFormation, which already works on the stack {stack.name} ({stack.status})")
        stack = _follow(account, stack.id, None, watch)
    if stack and stack.status in UNUSABLE:
        watch.log(f"deleting the stack {stack.name}, which cannot be used ({stack.status}), to create it again")
        _delete(account, stack, watch)
        stack = None
    if stack and stack.status == "DELETE_COMPLETE":
        stack = None
    parameters = _parameters(account, stack, team, worker)
    request: dict[str, Any] = {
        "StackName": account.settings.stack,
        "TemplateBody": template(account.region),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": account.settings.tag_list,
        "ClientRequestToken": secrets.token_hex(16),  # makes a retried request count only once
    }
    if stack is None:
        stack_id = account.call("cloudformation", "create_stack", **request)["StackId"]
        return _require_success(account, _follow(account, stack_id, None, watch))
    newest = _newest_event(account, stack.id)
    try:
        account.call("cloudformation", "update_stack", **request)
    except UserError as error:
        if says_nothing_to_update(error.__cause__):
            watch.log(f"the stack {stack.name} is up to date")
            return stack
        raise
    return _require_success(account, _follow(account, stack.id, newest, watch))


def _own_stack(account: Account) -> Stack | None:
    """Return the stack.

    Raises:
        UserError: If a stack of that name exists which this console did not create.
    """
    stack = describe(account)
    if stack and not stack.is_own:
        raise UserError(
            f"This console did not create the stack “{stack.name}” in {account.region}: it has no tag {TAG}. Enter "
            "another stack name on Account."
        )
    return stack


def _delete(account: Account, stack: Stack, watch: Watch) -> None:
    newest = _newest_event(account, stack.id)
    account.call("cloudformation", "delete_stack", StackName=stack.id)
    ended = _follow(account, stack.id, newest, watch)
    if ended.status != "DELETE_COMPLETE":
        raise UserError(f"The stack {stack.name} could not be deleted. {_first_failure(account, stack.id, newest)}")


def _require_success(account: Account, stack: Stack) -> Stack:
    if stack.status in GOOD:
        return stack
    failure = _first_failure(account, stack.id, None)
    if "UPDATE" in stack.status:
        raise UserError(
            f"The stack {stack.name} was not updated ({stack.status}). {failure} CloudFormation restored the previous "
            "version."
        )
    raise UserError(
        f"The stack {stack.name} was not created ({stack.status}). {failure} CloudFormation removed its resources."
    )


def _follow(account: Account, stack_id: str, newest: str | None, watch: Watch) -> Stack:
    """Wait until CloudFormation has finished, reporting the events after `newest`, and return the stack."""
    reported = 0
    total = len(re.findall(r"^    Type: AWS::", template(account.region), re.MULTILINE))
    for interval in wait_intervals(5):
        stack = describe(account, stack_id)
        assert stack  # by its id, even a deleted stack is described for 90 days
        events = _events(account, stack_id, newest)
        for event in events[reported:]:
            watch.log(_format_event(event))
        reported = len(events)
        watch.state(JobState(stack.status, stack.name, _link(account, stack_id)))
        done = {event["LogicalResourceId"] for event in events if event["ResourceStatus"].endswith("_COMPLETE")}
        watch.progress(min(len(done) / total, 1.0), f"{len(done)} resources done")
        if not stack.is_busy:
            return stack
        time.sleep(interval)
    raise AssertionError("wait_intervals never ends")


def _events(account: Account, stack_id: str, newest: str | None) -> list[dict[str, Any]]:
    """Return events, oldest first.

    Args:
        account: The account.
        stack_id: Id of the stack.
        newest: Id of the last event to leave out. If None, the events since the start of the last operation.
    """
    events = []
    for event in account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=stack_id):
        if event["EventId"] == newest:
            break
        events.append(event)
        is_start = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if newest is None and is_start and event["PhysicalResourceId"] == stack_id:
            break
    return events[::-1]


def _newest_event(account: Account, stack_id: str) -> str | None:
    events = account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=stack_id)
    return next((event["EventId"] for event in events), None)


def _first_failure(account: Account, stack_id: str, newest: str | None) -> str:
    """Return the first failure, which is the cause of the others."""
    for event in _events(account, stack_id, newest):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and not says_cancelled(reason):
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason or 'no reason is given'}"
    return "CloudFormation gives no reason."


def _format_event(event: dict[str, Any]) -> str:
    words = (f"{event['Timestamp']:%H:%M:%S}", event["LogicalResourceId"], event["ResourceStatus"])
    return "  ".join((*words, event.get("ResourceStatusReason", ""))).rstrip()


def _parameters(account: Account, stack: Stack | None, team: bool | None, worker: str) -> dict[str, str]:
    """Return the template's parameters. Those that do not follow from the settings stay as they are in the stack."""
    settings, before = account.settings, stack.parameters if stack else {}
    parameters = {
        "Bucket": _bucket(account, stack),
        "KmsKey": _key_arn(account),
        "Vpc": "yes" if settings.subnets else "no",
        "WorkTeam": before.get("WorkTeam", "no") if team is None else ("yes" if team else "no"),
        **{key: before.get(key, "") for key in ("UserPool", "UserPoolClient")},
        "Portal": stack.outputs.get("Portal", "") if stack else "",
        "Worker": worker or before.get("Worker", ""),
    }
    if parameters["WorkTeam"] == "no":
        parameters |= {"UserPool": "", "UserPoolClient": "", "Portal": "", "Worker": ""}
    elif before.get("WorkTeam") != "yes":
        parameters |= _workforce_parameters(account)
    return parameters


def _bucket(account: Account, stack: Stack | None) -> str:
    """Return the existing bucket in the settings, or "" if the stack creates, or created, its own."""
    bucket, own = account.settings.bucket, stack.outputs.get("Bucket") if stack else None
    if bucket and bucket != own and account.find("s3", "head_bucket", Bucket=bucket) is not None:
        return bucket
    return stack.parameters.get("Bucket", "") if stack else ""


def _key_arn(account: Account) -> str:
    key = account.settings.kms_key
    if not key or re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/.+", key):
        return key
    arn: str = account.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["Arn"]
    return arn


def _workforce_parameters(account: Account) -> dict[str, str]:
    """Return the user pool of the account's workforce in the region, which can have only one; empty if it has none."""
    if account.region not in LAMBDA_ACCOUNTS:
        raise UserError(
            f"Ground Truth does not label video in {account.region}, so it needs no work team there. Choose one of "
            f"these regions on Account: {', '.join(LAMBDA_ACCOUNTS)}."
        )
    for workforce in account.pages("sagemaker", "list_workforces", "Workforces"):
        pool = workforce.get("CognitoConfig")
        if pool is None:
            raise UserError(
                f"The account's workforce in {account.region}, “{workforce['WorkforceName']}”, signs in with its own "
                "identity provider. Create a team on SageMaker's console (Labeling workforces), and enter its ARN here."
            )
        return {"UserPool": pool["UserPool"], "UserPoolClient": pool["ClientId"]}
    return {}


def has_own_role(account: Account) -> bool:
    """Return whether the execution role in the settings is the stack's."""
    return account.settings.role.rpartition("/")[2].startswith(f"{account.settings.stack}-ExecutionRole-")


def _has_own_team(account: Account) -> bool:
    """Return whether the work team in the settings is the stack's."""
    return account.settings.workteam.endswith(f":workteam/private-crowd/{account.settings.stack}")


def _has_own_image(account: Account, stack: Stack | None) -> bool:
    """Return whether the image in the settings is in the stack's repository."""
    repository = stack.outputs.get("Repository") if stack else None
    return bool(repository) and account.settings.image.startswith((f"{repository}:", f"{repository}@"))


def _log_stopped(watch: Watch) -> None:
    watch.log("stopped following; CloudFormation continues by itself, and can be followed again")


def _link(account: Account, stack_id: str) -> str:
    home = f"https://{account.region}.console.aws.amazon.com/cloudformation/home?region={account.region}"
    return f"{home}#/stacks/events?stackId={stack_id}"
