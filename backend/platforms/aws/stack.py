"""The CloudFormation stack: all that the console needs in an account, made, updated and deleted as one thing."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws.account import Account
from backend.platforms.aws.jobs import waits
from backend.platforms.aws.labeling import OWNERS
from backend.platforms.aws.settings import TAG
from backend.platforms.aws.terminal import aws
from backend.platforms.base import JobState, Watch

FILE = Path(__file__).with_name("stack.yaml")
LABELING = re.compile(r"^  # --- Labeling.*?^  # --- End of labeling\n", re.MULTILINE | re.DOTALL)
# Of these nothing can be made any more; they are deleted first.
USELESS = {"REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
KEPT = (
    "The bucket stays with all that is in it, and is taken up again by a new stack. So do the logs and metrics of jobs "
    "and endpoints, the models in the registry, and whatever still runs: delete that first, as it needs the role. The "
    "role, the image with its repository and the work team with its people's logins go."
)


@dataclass(frozen=True)
class Stack:
    """As CloudFormation describes it."""

    name: str
    id: str
    status: str
    reason: str
    outputs: dict[str, str]
    parameters: dict[str, str]
    ours: bool  # made by this console, or with its command

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status not in USELESS

    @property
    def usable(self) -> bool:
        """Whether what it made is there: also after an update that was taken back."""
        return self.status in GOOD or self.status.startswith("UPDATE_") or self.status.startswith("IMPORT_ROLLBACK")


def describe(account: Account, name: str | None = None) -> Stack | None:
    """The stack by its name, which the settings have, or its id; None where there is none."""
    found = account.find("cloudformation", "describe_stacks", StackName=name or account.settings.stack)
    if found is None:
        return None
    (stack,) = found["Stacks"]
    return Stack(
        stack["StackName"],
        stack["StackId"],
        stack["StackStatus"],
        stack.get("StackStatusReason", ""),
        {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", []) if each.get("OutputValue")},
        {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", [])},
        any(each["Key"] == TAG for each in stack.get("Tags", [])),
    )


def create_or_update(account: Account, watch: Watch, *, team: bool | None = None, worker: str = "") -> dict[str, str]:
    """Make the stack, or bring it up to date with the template and the settings; returns the settings found.

    Args:
        team: whether it has a private work team; None leaves that as it is.
        worker: the e-mail address of the first worker, who is invited.

    Raises:
        UserError: with the reason of the first resource that could not be made.
    """
    try:
        found = _deploy(account, watch, team, worker)
        if (portal := found.outputs.get("Portal", "")) != found.parameters.get("Portal", ""):
            watch.log(f"The workers' portal is {portal}; now people can be let in")
            found = _deploy(account, watch, team, worker)
    except Stopped:
        _tell_stopped(watch)
        raise
    watch.progress(1.0, "done")
    return settings_of(account, found)


def delete(account: Account, watch: Watch) -> dict[str, str]:
    """Delete the stack; returns the settings that this changes. Fine if it is gone already."""
    found = _ours(account)
    chosen = account.settings
    if found:
        watch.log(KEPT)
        try:
            _delete(account, found, watch)
        except Stopped:
            _tell_stopped(watch)
            raise
        watch.log(f"Kept: the bucket {found.outputs.get('Bucket', chosen.bucket)} with all that is in it")
    watch.progress(1.0, "done")
    gone = {
        "role": has_own_role(account),
        "image": _is_stacks_image(account, found),
        "workteam": _is_stacks(account),
    }
    return {name: "" for name, applies in gone.items() if applies}


def settings_of(account: Account, stack: Stack) -> dict[str, str]:
    """What the settings should have of this stack; a role and a team that somebody named stay."""
    chosen, outputs = account.settings, stack.outputs
    found = {"bucket": outputs["Bucket"]}
    if not chosen.role or has_own_role(account):
        found["role"] = outputs["Role"]
    if not chosen.workteam or _is_stacks(account):
        found["workteam"] = outputs.get("WorkTeam", "")
    return found


def is_outdated(account: Account, stack: Stack) -> bool:
    """Whether an update would change something: the template or the settings are others than when it was made."""
    body = account.call("cloudformation", "get_template", StackName=stack.id, TemplateStage="Original")["TemplateBody"]
    return body != template(account.region) or _parameters(account, stack, None, "") != stack.parameters


def template(region: str) -> str:
    """The template for a region; CloudFormation takes none that names resources which the region does not have."""
    text = FILE.read_text()
    return text if region in OWNERS else LABELING.sub("", text)


def command(account: Account, stack: Stack | None) -> str:
    """What makes or updates the stack from a terminal; empty in a region that needs another template."""
    if account.region not in OWNERS:
        return ""
    parameters = [f"{key}={value}" for key, value in _parameters(account, stack, None, "").items() if value or stack]
    tags = [f"{each['Key']}={each['Value']}" for each in account.settings.tag_list]
    name, file = ("--stack-name", account.settings.stack), ("--template-file", str(FILE))
    more = ("--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *parameters, "--tags", *tags)
    return aws(account, "cloudformation", "deploy", *name, *file, *more)


def _deploy(account: Account, watch: Watch, team: bool | None, worker: str) -> Stack:
    """One creation or update, followed to its end."""
    found = _ours(account)
    if found and found.busy:
        watch.log(f"CloudFormation is at work on the stack {found.name} already ({found.status}); following it")
        found = _follow(account, found.id, None, watch)
    if found and found.status in USELESS:
        watch.log(f"The stack {found.name} is of no use ({found.status}) and is made anew")
        _delete(account, found, watch)
        found = None
    if found and found.status == "DELETE_COMPLETE":
        found = None
    parameters = _parameters(account, found, team, worker)
    request: dict[str, Any] = {
        "StackName": account.settings.stack,
        "TemplateBody": template(account.region),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": account.settings.tag_list,
        "ClientRequestToken": secrets.token_hex(16),  # a request that is sent again is the same one
    }
    if found is None:
        id = account.call("cloudformation", "create_stack", **request)["StackId"]
        return _succeeded(account, _follow(account, id, None, watch))
    last = _newest_event(account, found.id)
    try:
        account.call("cloudformation", "update_stack", **request)
    except UserError as error:
        if _said(error, "No updates are to be performed"):
            watch.log(f"The stack {found.name} is up to date")
            return found
        raise
    return _succeeded(account, _follow(account, found.id, last, watch))


def _ours(account: Account) -> Stack | None:
    """The stack, which must not be somebody else's of the same name."""
    found = describe(account)
    if found and not found.ours:
        raise UserError(
            f"There is a stack “{found.name}” in {account.region} that this console did not make: it has no tag {TAG}. "
            "Give another name of the stack on Account."
        )
    return found


def _delete(account: Account, stack: Stack, watch: Watch) -> None:
    last = _newest_event(account, stack.id)
    account.call("cloudformation", "delete_stack", StackName=stack.id)
    ended = _follow(account, stack.id, last, watch)
    if ended.status != "DELETE_COMPLETE":
        raise UserError(f"The stack {stack.name} could not be deleted. {_first_failure(account, stack.id, last)}")


def _succeeded(account: Account, stack: Stack) -> Stack:
    if stack.status in GOOD:
        return stack
    gone_back = "UPDATE" in stack.status
    raise UserError(
        f"The stack {stack.name} was not {'updated' if gone_back else 'made'} ({stack.status}). "
        f"{_first_failure(account, stack.id, None)} CloudFormation "
        f"{'went back to what was there before' if gone_back else 'removed what it had made'}."
    )


def _follow(account: Account, id: str, last: str | None, watch: Watch) -> Stack:
    """Tell the events after the one called `last` until CloudFormation is done; returns what it came to."""
    told = 0
    total = len(re.findall(r"^    Type: AWS::", template(account.region), re.MULTILINE))
    for wait in waits(5):
        found = describe(account, id)
        assert found  # by its id, also a deleted stack is described for 90 days
        events = _events(account, id, last)
        for event in events[told:]:
            watch.log(_line(event))
        told = len(events)
        watch.state(JobState(found.status, found.name, _link(account, id)))
        done = {each["LogicalResourceId"] for each in events if each["ResourceStatus"].endswith("_COMPLETE")}
        watch.progress(min(len(done) / total, 1.0), f"{len(done)} resources done")
        if not found.busy:
            return found
        time.sleep(wait)
    raise AssertionError("waits never end")


def _events(account: Account, id: str, last: str | None) -> list[dict[str, Any]]:
    """Oldest first: those after the event `last`, or since the stack itself was last begun upon."""
    events = []
    for event in account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=id):
        if event["EventId"] == last:
            break
        events.append(event)
        begun = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if last is None and begun and event["PhysicalResourceId"] == id:
            break
    return events[::-1]


def _newest_event(account: Account, id: str) -> str | None:
    events = account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=id)
    return next((event["EventId"] for event in events), None)


def _first_failure(account: Account, id: str, last: str | None) -> str:
    """The others fail only because of the first one."""
    for event in _events(account, id, last):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason or 'no reason is given'}"
    return "CloudFormation gives no reason."


def _line(event: dict[str, Any]) -> str:
    words = (f"{event['Timestamp']:%H:%M:%S}", event["LogicalResourceId"], event["ResourceStatus"])
    return "  ".join((*words, event.get("ResourceStatusReason", ""))).rstrip()


def _parameters(account: Account, stack: Stack | None, team: bool | None, worker: str) -> dict[str, str]:
    """The template's parameters; what the settings do not say stays as it is in the stack."""
    chosen, before = account.settings, stack.parameters if stack else {}
    found = {
        "Bucket": _bucket(account, stack),
        "KmsKey": _key_arn(account),
        "Vpc": "yes" if chosen.subnets else "no",
        "WorkTeam": before.get("WorkTeam", "no") if team is None else ("yes" if team else "no"),
        **{key: before.get(key, "") for key in ("UserPool", "UserPoolClient")},
        "Portal": stack.outputs.get("Portal", "") if stack else "",
        "Worker": worker or before.get("Worker", ""),
    }
    if found["WorkTeam"] == "no":
        found |= {"UserPool": "", "UserPoolClient": "", "Portal": "", "Worker": ""}
    elif before.get("WorkTeam") != "yes":
        found |= _workforce(account)
    return found


def _bucket(account: Account, stack: Stack | None) -> str:
    """The bucket that exists already; empty where the stack makes, or made, its own."""
    named, own = account.settings.bucket, stack.outputs.get("Bucket") if stack else None
    if named and named != own and account.find("s3", "head_bucket", Bucket=named) is not None:
        return named
    return stack.parameters.get("Bucket", "") if stack else ""


def _key_arn(account: Account) -> str:
    key = account.settings.kms_key
    if not key or re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/.+", key):
        return key
    return account.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["Arn"]


def _workforce(account: Account) -> dict[str, str]:
    """The user pool of the workforce that the account has in the region, as it can have only one."""
    if account.region not in OWNERS:
        raise UserError(
            f"Ground Truth does not label video in {account.region}, so a work team is of no use there. It does in "
            f"{', '.join(OWNERS)}: choose one of them on Account."
        )
    for each in account.pages("sagemaker", "list_workforces", "Workforces"):
        pool = each.get("CognitoConfig")
        if pool is None:
            raise UserError(
                f"The account's workforce in {account.region}, “{each['WorkforceName']}”, logs in with a provider of "
                "its own. Make a team in it with SageMaker's console (Labeling workforces), and name its ARN here."
            )
        return {"UserPool": pool["UserPool"], "UserPoolClient": pool["ClientId"]}
    return {}


def has_own_role(account: Account) -> bool:
    """Whether the chosen execution role is the stack's."""
    return account.settings.role.rpartition("/")[2].startswith(f"{account.settings.stack}-ExecutionRole-")


def _is_stacks(account: Account) -> bool:
    """Whether the chosen work team is the stack's."""
    return account.settings.workteam.endswith(f":workteam/private-crowd/{account.settings.stack}")


def _is_stacks_image(account: Account, stack: Stack | None) -> bool:
    repository = stack.outputs.get("Repository") if stack else None
    return bool(repository) and account.settings.image.startswith((f"{repository}:", f"{repository}@"))


def _said(error: UserError, words: str) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and words in cause.response.get("Error", {}).get("Message", "")


def _tell_stopped(watch: Watch) -> None:
    watch.log("No longer watching. CloudFormation goes on by itself; start this again to follow it.")


def _link(account: Account, id: str) -> str:
    home = f"https://{account.region}.console.aws.amazon.com/cloudformation/home?region={account.region}"
    return f"{home}#/stacks/events?stackId={id}"
