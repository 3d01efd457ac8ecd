"""The setup of AWS: checks of everything that jobs and endpoints need, and buttons and commands that provide it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from typing_extensions import override

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import buckets, image, quotas, stack
from backend.platforms.aws.account import Account, is_signed_out, sign_in_command
from backend.platforms.aws.choices import CHOICES
from backend.platforms.aws.labeling import LAMBDA_ACCOUNTS
from backend.platforms.aws.quotas import QuotaUsage
from backend.platforms.aws.storage import Bucket
from backend.platforms.aws.terminal import aws
from backend.platforms.base import (
    ASYNC,
    BATCH,
    HYPERPARAMETER_SEARCH,
    REALTIME,
    TRAINING,
    Check,
    CheckState,
    Options,
    PlatformSetup,
    Purpose,
    Watch,
)

QUOTA_USAGES: dict[Purpose, QuotaUsage] = {
    TRAINING: "training",
    HYPERPARAMETER_SEARCH: "training",
    BATCH: "batch",
    REALTIME: "endpoint",
    ASYNC: "endpoint",
}
DEFAULT_PURPOSES: tuple[Purpose, ...] = (TRAINING, BATCH, REALTIME)  # quotas shown before anything is started
SAGEMAKER_SERVICE = "sagemaker.amazonaws.com"


class AwsSetup(PlatformSetup):
    """Implements `backend.platforms.base.PlatformSetup`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @override
    def access(self) -> Check:
        return _run_check(self._account, "credentials", "Credentials", _check_credentials)

    @override
    def checks(self, chosen: Sequence[tuple[Purpose, Options]] = ()) -> list[Check]:
        """Run all checks in parallel; without credentials only the first. A check that is denied reports that."""
        account = self._account
        credentials = self.access()
        if credentials.state != "ok":
            return [credentials]
        checks: list[tuple[str, str, Callable[[Account], Check]]] = [
            ("stack", "Stack", _check_stack),
            ("bucket", "Bucket", _check_bucket),
            ("role", "Execution role", _check_role),
            ("repository", "Image repository", _check_repository),
            ("image", "Image", _check_image),
            ("workteam", "Work team", _check_workteam),
        ]
        for (usage, instance_type), count in required_instances(chosen).items():
            title = _quota_title(usage, instance_type)
            check = partial(_check_quota, usage=usage, instance_type=instance_type, count=count)
            checks.append((f"quota-{usage}-{instance_type}", title, check))
        with ThreadPoolExecutor(len(checks)) as pool:
            return [credentials, *pool.map(lambda arguments: _run_check(account, *arguments), checks)]

    @override
    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        account = self._account
        if key == "stack":
            return stack.create_or_update(account, watch)
        if key == "image":
            return {"image": image.build(account, watch)}
        if key == "workteam":
            return stack.create_or_update(account, watch, team=True, worker=account.settings.worker)
        raise UserError(f"The console cannot fix “{key}”. Run the command that the check shows.")

    @override
    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        if key == "stack":
            return stack.delete(self._account, watch)
        if key == "workteam":
            return stack.create_or_update(self._account, watch, team=False)
        raise UserError(f"The console cannot remove “{key}”.")


def required_instances(chosen: Sequence[tuple[Purpose, Options]]) -> dict[tuple[QuotaUsage, str], int]:
    """Return how many instances run at once, at most, by usage and instance type.

    Endpoints run side by side, so their instances add up; of jobs the largest counts. For usages without any choice,
    the default options count.

    Args:
        chosen: Purposes and options of recent jobs and of all endpoints.
    """
    chosen_usages = {QUOTA_USAGES[purpose] for purpose, _ in chosen}
    defaults: list[tuple[Purpose, Options]] = [
        (purpose, {}) for purpose in DEFAULT_PURPOSES if QUOTA_USAGES[purpose] not in chosen_usages
    ]
    counts: dict[tuple[QuotaUsage, str], int] = {}
    for purpose, values in [*chosen, *defaults]:
        choices = options.parse(CHOICES[purpose][0], values)
        usage: QuotaUsage = "spot" if getattr(choices, "spot", False) else QUOTA_USAGES[purpose]
        key = usage, choices.instance_type
        count = counts.get(key, 0)
        counts[key] = count + choices.at_once if usage == "endpoint" else max(count, choices.at_once)
    return counts


def _run_check(account: Account, key: str, title: str, check: Callable[[Account], Check]) -> Check:
    try:
        return check(account)
    except UserError as error:
        command = _sign_in_command(account, error) if key == "credentials" else ""
        return Check(key, title, "failed", str(error), command=command)


def _check_credentials(account: Account) -> Check:
    if not account.has_region:
        also = "" if account.has_credentials else ", and a profile with credentials (`aws configure` creates one)"
        raise UserError(f"AWS needs to know where to run: choose a region{also}.")
    identity = account.identity
    detail = f"{identity['Arn']}, account {identity['Account']}, region {account.region}."
    return Check("credentials", "Credentials", "ok", detail)


def _sign_in_command(account: Account, error: UserError) -> str:
    if is_signed_out(error.__cause__):
        return sign_in_command(account.settings)
    return f"aws configure{f' --profile {account.settings.profile}' if account.settings.profile else ''}"


def _check_stack(account: Account) -> Check:
    existing, settings = stack.describe(account), account.settings
    if existing is None:
        return _check_missing_stack(account)
    removable = partial(
        Check, "stack", "Stack", revert_label="Delete", revert_detail=stack.REMOVAL_DETAIL
    )  # a check with a button that deletes the stack
    if not existing.is_own:
        detail = f"This console did not create the stack “{existing.name}”. Choose another name."
        return Check("stack", "Stack", "failed", detail)
    if existing.is_busy:
        detail = f"CloudFormation is working on it: {existing.status}."
        return Check("stack", "Stack", "busy", detail, fix_label="Follow")
    if not existing.is_usable:
        detail = f"It cannot be used: {existing.status}. {existing.reason}"
        return removable("failed", detail, fix_label="Create again")
    found_settings = stack.settings_of(account, existing)
    new = [key for key, value in found_settings.items() if value != getattr(settings, key)]
    if new:
        detail = f"It exists, but the settings do not have its {' and '.join(new)} yet."
        return removable("missing", detail, fix_label="Use them")
    if stack.is_outdated(account, existing):
        detail = "Its template, or the settings for it, changed after it was created."
        return removable("missing", detail, fix_label="Update", command=stack.deploy_command(account, existing))
    return removable("ok", f"“{existing.name}” is up to date.")


def _check_missing_stack(account: Account) -> Check:
    state: CheckState
    if account.settings.bucket and account.settings.role:
        state, detail = (
            "optional",
            "Not needed, because bucket and execution role are set. It can also build the image.",
        )
    else:
        resources = "bucket, execution role, image repository, and the build of the image"
        state, detail = "missing", f"CloudFormation creates everything needed: {resources}. Takes about 2 minutes."
    command = stack.deploy_command(account, None)
    return Check("stack", "Stack", state, detail, fix_label="Create", command=command)


def _check_bucket(account: Account) -> Check:
    check, name = partial(Check, "bucket", "Bucket"), account.settings.bucket
    if not name:
        return check("missing", "None is set. Create the stack, or enter a bucket of this region in the settings.")
    name = Bucket(account).name  # raises if it does not exist or is in another region
    issues = buckets.find_issues(account, name)
    if not issues:
        return check("ok", f"“{name}” is private, encrypted, versioned, and open to TLS only.")
    commands = "\n".join(issue.command for issue in issues if issue.command)
    descriptions = "; ".join(issue.description for issue in issues)
    return check("missing", f"“{name}” can be used, but: {descriptions}.", command=commands)


def _check_role(account: Account) -> Check:
    check, arn = partial(Check, "role", "Execution role"), account.settings.role
    if not arn:
        return check("missing", "None is set. Create the stack, or enter a role that SageMaker may assume.")
    owner, name = arn.split(":")[4], arn.rpartition("/")[2]
    if owner != account.identity["Account"]:
        return check("failed", f"{arn} belongs to account {owner}, but you use account {account.identity['Account']}.")
    answer = account.find("iam", "get_role", RoleName=name)
    if answer is None:
        return check("missing", f"The role “{name}” does not exist. Enter another, or leave it empty for the stack's.")
    role = answer["Role"]
    if not any(_allows_sagemaker(statement) for statement in _as_list(role["AssumeRolePolicyDocument"]["Statement"])):
        detail = f"SageMaker may not assume “{name}”: its trust policy must allow {SAGEMAKER_SERVICE} sts:AssumeRole."
        return check("failed", detail, command=_trust_command(account, role))
    return check("ok", f"“{name}” exists, and SageMaker may assume it.")


def _trust_command(account: Account, role: dict[str, Any]) -> str:
    """Return the terminal command that lets SageMaker assume the role, too."""
    policy = role["AssumeRolePolicyDocument"]
    trust = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER_SERVICE}, "Action": "sts:AssumeRole"}
    whole_policy = json.dumps(policy | {"Statement": [*_as_list(policy["Statement"]), trust]})
    return aws(
        account, "iam", "update-assume-role-policy", "--role-name", role["RoleName"], "--policy-document", whole_policy
    )


def _check_repository(account: Account) -> Check:
    check = partial(Check, "repository", "Image repository")
    if repository := image.stack_repository(account):
        return check("ok", f"{repository}, created by the stack.")
    if account.settings.image:
        return check("optional", "Not needed, because an image is set.")
    return check("missing", "There is none. Create the stack, or enter an existing image.")


def _check_image(account: Account) -> Check:
    check, state = partial(Check, "image", "Image"), image.state(account)
    if state.status == "external":
        return check("ok", f"{state.image}. The stack did not build it, so it is not compared with the sources.")
    if state.status == "ready":
        if state.image == account.settings.image:
            return check("ok", f"{state.image}, built from the current sources.")
        return check("missing", "It is built from the current sources, but not used yet.", "Use it")
    if state.status == "building":
        return check("busy", "CodeBuild is building it.", "Follow")
    repository = image.stack_repository(account)
    if not repository:
        return check("missing", "There is none. Create the stack first, or enter an existing image.")
    command = image.build_command(account, repository)
    if state.status == "outdated":
        detail = "The tracker's sources changed after it was built. Jobs run the older one."
        return check("missing", detail, "Rebuild", command)
    detail = "There is none. AWS CodeBuild builds it in about 15 minutes, for about $0.20."
    return check("missing", detail, "Build", command)


def _check_workteam(account: Account) -> Check:
    check, arn = partial(Check, "workteam", "Work team"), account.settings.workteam
    if not arn:
        return _check_missing_workteam(account)
    if f":{account.region}:" not in arn:
        return check("failed", f"{arn} is not in {account.region}. Enter one of that region, or none.")
    if ":workteam/private-crowd/" not in arn:
        vendor = account.find("sagemaker", "describe_subscribed_workteam", WorkteamArn=arn)
        return check("ok", f"{arn}, a vendor's.") if vendor else check("missing", f"{arn} does not exist.")
    name = arn.rpartition("/")[2]
    answer = account.find("sagemaker", "describe_workteam", WorkteamName=name)
    if answer is None:
        return check("missing", f"The work team “{name}” does not exist. Enter another, or none.")
    team, existing_stack = answer["Workteam"], stack.describe(account)
    portal = f" works at https://{team['SubDomain']}" if team.get("SubDomain") else ""
    is_stacks = existing_stack is not None and existing_stack.outputs.get("WorkTeam") == arn
    return check(
        "ok",
        f"“{name}”{portal}. Commands like these invite one more worker.",
        command=_invitation_command(account, team),
        revert_label="Remove" if is_stacks else "",
        revert_detail=(
            "Removes the work team, and the workforce with all logins if the stack created it. Labels stay."
            if is_stacks
            else ""
        ),
    )


def _check_missing_workteam(account: Account) -> Check:
    check = partial(Check, "workteam", "Work team")
    if account.region not in LAMBDA_ACCOUNTS:
        return check("optional", f"Ground Truth does not label video in {account.region}. Labels can be imported.")
    existing_stack = stack.describe(account)
    creation = (
        "Create a private team, whose members get their logins by e-mail" if existing_stack else "Create the stack"
    )
    detail = (
        f"Only for labeling with Ground Truth. {creation}; or enter a vendor's team. AWS no longer accepts new "
        "customers for Ground Truth, so an account that never used it may be refused."
    )
    is_possible = existing_stack is not None and existing_stack.is_usable
    return check("optional", detail, fix_label="Create a team" if is_possible else "")


def _invitation_command(account: Account, team: dict[str, Any]) -> str:
    """Return the commands that add a worker, or "" if another identity provider manages the team."""
    members = team["MemberDefinitions"]
    pools = [member["CognitoMemberDefinition"] for member in members if "CognitoMemberDefinition" in member]
    if not pools:
        return ""
    user = ("--user-pool-id", pools[0]["UserPool"], "--username", "NAME@EXAMPLE.ORG")
    email = ("--user-attributes", "Name=email,Value=NAME@EXAMPLE.ORG", "Name=email_verified,Value=true")
    invite = aws(account, "cognito-idp", "admin-create-user", *user, *email, "--desired-delivery-mediums", "EMAIL")
    group = ("--group-name", pools[0]["UserGroup"])
    return f"{invite}\n{aws(account, 'cognito-idp', 'admin-add-user-to-group', *user, *group)}"


def _quota_title(usage: QuotaUsage, instance_type: str) -> str:
    return f"Quota: {instance_type} for {usage}"


def _check_quota(account: Account, usage: QuotaUsage, instance_type: str, count: int) -> Check:
    check = partial(Check, f"quota-{usage}-{instance_type}", _quota_title(usage, instance_type))
    quota = quotas.quota_of(account, usage, instance_type)
    if quota is None:
        name = f"{instance_type} for {quotas.QUOTA_NAMES[usage]}"
        return check(
            "failed", f"AWS has no quota “{name}” in {account.region}: the type is not offered there. Choose another."
        )
    link = f"[{quota.name}]({quotas.link(account, quota)})"
    if quota.value < count:
        room = f"Only {quota.value:g} of {count} may run at once" if quota.value else "None may run"
        detail = f"{room}: {link} is {quota.value:g}. Request more, often granted within a day, or choose another type."
        return check("missing", detail, command=quotas.request_command(account, quota, count))
    return check("ok", f"{link}: {quota.value:g} at once.")


def _as_list(statements: Any) -> list[dict[str, Any]]:
    """Return a policy's statements as a list; a single one may be given without."""
    return statements if isinstance(statements, list) else [statements]


def _allows_sagemaker(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    names = [services] if isinstance(services, str) else services
    return statement.get("Effect") == "Allow" and SAGEMAKER_SERVICE in names
