"""What must be there before anything runs on AWS, how each thing stands, and the buttons and commands that mend it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from backend.errors import UserError
from backend.platforms import options
from backend.platforms.aws import buckets, image, quotas, stack
from backend.platforms.aws.account import Account, is_signed_out, sign_in
from backend.platforms.aws.choices import CHOICES
from backend.platforms.aws.labeling import OWNERS
from backend.platforms.aws.storage import Bucket
from backend.platforms.aws.terminal import aws
from backend.platforms.base import ASYNC, BATCH, HYPERPARAMETER_SEARCH, REALTIME, TRAINING, Check, Options, Watch

USAGE_OF = {
    TRAINING: "training",
    HYPERPARAMETER_SEARCH: "training",
    BATCH: "batch",
    REALTIME: "endpoint",
    ASYNC: "endpoint",
}
OFFERED = (TRAINING, BATCH, REALTIME)  # of which quotas are shown before anything is chosen
SERVICE = "sagemaker.amazonaws.com"


def checks(account: Account, chosen: Sequence[tuple[str, Options]] = ()) -> list[Check]:
    """All checks, in the order in which to see to them; without credentials only the first.

    They do not depend on each other: what may not be looked up says so. `chosen` is as for `Platform.checks`.
    """
    who = _guarded(account, "credentials", "Credentials", _credentials)
    if who.state != "ok":
        return [who]
    looks: list[tuple[str, str, Callable[[Account], Check]]] = [
        ("stack", "Stack", _stack),
        ("bucket", "Bucket", _bucket),
        ("role", "Execution role", _role),
        ("repository", "Image repository", _repository),
        ("image", "Image", _image),
        ("workteam", "Work team", _team),
    ]
    for (usage, type), count in wanted(chosen).items():
        title, look = _quota_title(usage, type), partial(_quota, usage=usage, type=type, count=count)
        looks.append((f"quota-{usage}-{type}", title, look))
    with ThreadPoolExecutor(len(looks)) as pool:
        return [who, *pool.map(lambda each: _guarded(account, *each), looks)]


def wanted(chosen: Sequence[tuple[str, Options]]) -> dict[tuple[str, str], int]:
    """By usage (a key of `quotas.USAGES`) and instance type, how many instances there would be at once.

    Endpoints are there together, of jobs the largest counts. Where nothing is chosen yet, it is what forms offer first.
    """
    known = {USAGE_OF[what] for what, _ in chosen}
    found: dict[tuple[str, str], int] = {}
    for what, values in [*chosen, *((what, {}) for what in OFFERED if USAGE_OF[what] not in known)]:
        choices: Any = options.parse(CHOICES[what][0], values)
        usage = "spot" if getattr(choices, "spot", False) else USAGE_OF[what]
        key = usage, choices.instance_type
        so_far = found.get(key, 0)
        found[key] = so_far + choices.at_once if usage == "endpoint" else max(so_far, choices.at_once)
    return found


def fix(account: Account, key: str, watch: Watch) -> dict[str, str]:
    """Do what the `action` of a check says; returns the settings that this changed."""
    if key == "stack":
        return stack.create_or_update(account, watch)
    if key == "image":
        return {"image": image.build(account, watch)}
    if key == "workteam":
        return stack.create_or_update(account, watch, team=True, worker=account.settings.worker)
    raise UserError(f"The console cannot mend “{key}” by itself. Run the command that the check shows.")


def revert(account: Account, key: str, watch: Watch) -> dict[str, str]:
    """Do what the `revert` of a check says; returns the settings that this changed."""
    if key == "stack":
        return stack.delete(account, watch)
    if key == "workteam":
        return stack.create_or_update(account, watch, team=False)
    raise UserError(f"The console cannot remove “{key}” by itself.")


def _guarded(account: Account, key: str, title: str, look: Callable[[Account], Check]) -> Check:
    try:
        return look(account)
    except UserError as error:
        command = _login(account, error) if key == "credentials" else ""
        return Check(key, title, "failed", str(error), command=command)


def _credentials(account: Account) -> Check:
    who, region = account.identity, account.region
    return Check("credentials", "Credentials", "ok", f"{who['Arn']}, account {who['Account']}, region {region}.")


def _login(account: Account, error: UserError) -> str:
    if is_signed_out(error.__cause__):
        return sign_in(account.settings)
    return f"aws configure{f' --profile {account.settings.profile}' if account.settings.profile else ''}"


def _stack(account: Account) -> Check:
    found, chosen = stack.describe(account), account.settings
    check = partial(Check, "stack", "Stack")
    if found is None and chosen.bucket and chosen.role:
        return check("optional", "Not needed: bucket and execution role are named. It would also build the image.",
                     "Create it", stack.command(account, None))  # fmt: skip
    if found is None:
        makes = "bucket, execution role, image repository, and what builds the image"
        return check("missing", f"Makes all that is needed on CloudFormation: {makes}. Takes about two minutes.",
                     "Create it", stack.command(account, None))  # fmt: skip
    if not found.ours:
        return check("failed", f"There is a stack “{found.name}” that this console did not make. Choose another name.")
    if found.busy:
        return check("busy", f"CloudFormation is at work: {found.status}.", "Watch it")
    if not found.usable:
        return check("failed", f"It is of no use: {found.status}. {found.reason}", "Make it anew", "", "Delete",
                     stack.KEPT)  # fmt: skip
    command, undo = stack.command(account, found), ("Delete", stack.KEPT)
    new = [key for key, value in stack.settings_of(account, found).items() if value != getattr(chosen, key)]
    if new:
        return check("missing", f"It exists; its {' and '.join(new)} are not taken over yet.", "Take over", "", *undo)
    if stack.is_outdated(account, found):
        return check("missing", "Its template, or the settings for it, have changed since it was made.", "Update",
                     command, *undo)  # fmt: skip
    return check("ok", f"“{found.name}” is up to date.", "", "", *undo)


def _bucket(account: Account) -> Check:
    check, name = partial(Check, "bucket", "Bucket"), account.settings.bucket
    if not name:
        return check("missing", "None is chosen. The stack makes one; or name one of this region in the settings.")
    name = Bucket(account).name  # raises where it is not there, or in another region
    found = buckets.lacks(account, name)
    if not found:
        return check("ok", f"“{name}” is private, encrypted, versioned, and open to TLS only.")
    commands = "\n".join(lack.command for lack in found if lack.command)
    return check("missing", f"“{name}” can be used, but: {'; '.join(lack.what for lack in found)}.", command=commands)


def _role(account: Account) -> Check:
    check, arn = partial(Check, "role", "Execution role"), account.settings.role
    if not arn:
        return check("missing", "None is chosen. The stack makes one; or name one that SageMaker may take on.")
    owner, name = arn.split(":")[4], arn.rpartition("/")[2]
    if owner != account.identity["Account"]:
        return check("failed", f"{arn} is of the account {owner}, and you are in {account.identity['Account']}.")
    found = account.find("iam", "get_role", RoleName=name)
    if found is None:
        return check("missing", f"There is no role “{name}” (any more). Name another, or none for the stack's.")
    if not any(_lets_sagemaker(each) for each in _listed(found["Role"]["AssumeRolePolicyDocument"]["Statement"])):
        return check("failed", f"SageMaker may not take on “{name}”: its trust policy has to allow {SERVICE} "
                     "sts:AssumeRole.", command=_trusting(account, found["Role"]))  # fmt: skip
    return check("ok", f"“{name}” is there, and SageMaker may take it on.")


def _trusting(account: Account, role: dict[str, Any]) -> str:
    """What lets SageMaker take on the role, too."""
    policy = role["AssumeRolePolicyDocument"]
    more = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    whole = json.dumps(policy | {"Statement": [*_listed(policy["Statement"]), more]})
    return aws(account, "iam", "update-assume-role-policy", "--role-name", role["RoleName"], "--policy-document", whole)


def _repository(account: Account) -> Check:
    check = partial(Check, "repository", "Image repository")
    if ours := image.repository(account):
        return check("ok", f"{ours}, the stack's.")
    if account.settings.image:
        return check("optional", "Not needed: an image is named.")
    return check("missing", "There is none. The stack makes one; or name an image that exists.")


def _image(account: Account) -> Check:
    check, found = partial(Check, "image", "Image"), image.state(account)
    if found.status == "named":
        return check("ok", f"{found.image}. It is not the stack's, and not compared with the tracker's sources.")
    if found.status == "ready":
        if found.image == account.settings.image:
            return check("ok", f"{found.image}, built from the present sources.")
        return check("missing", "It is built from the present sources, but not chosen yet.", "Use it")
    if found.status == "building":
        return check("busy", "CodeBuild is building it.", "Watch it")
    repository = image.repository(account)
    if not repository:
        return check("missing", "There is none. First create the stack; or name an image that exists.")
    if found.status == "outdated":
        sentence, action = "The tracker's sources have changed since; jobs run the older one.", "Build anew"
    else:
        sentence, action = "There is none. AWS CodeBuild makes it in about 15 minutes, for about $0.20.", "Build it"
    return check("missing", sentence, action, image.command(account, repository))


def _team(account: Account) -> Check:
    check, arn = partial(Check, "workteam", "Work team"), account.settings.workteam
    if not arn and account.region not in OWNERS:
        return check("optional", f"Ground Truth does not label video in {account.region}. Labels can be imported.")
    if not arn:
        found = stack.describe(account)
        makes = "Make a private team, whose people get their logins by e-mail" if found else "The stack can make one"
        return check("optional", f"Only for labeling with Ground Truth. {makes}; or name a vendor's. AWS no longer "
                     "takes new customers for Ground Truth, so an account that never used it may be refused.",
                     "Make a team" if found and found.usable else "")  # fmt: skip
    if f":{account.region}:" not in arn:
        return check("failed", f"{arn} is not of {account.region}. Name one of that region, or none.")
    if ":workteam/private-crowd/" not in arn:
        found_vendor = account.find("sagemaker", "describe_subscribed_workteam", WorkteamArn=arn)
        return check("ok", f"{arn}, a vendor's.") if found_vendor else check("missing", f"There is no work team {arn}.")
    name = arn.rpartition("/")[2]
    described = account.find("sagemaker", "describe_workteam", WorkteamName=name)
    if described is None:
        return check("missing", f"There is no work team “{name}” (any more). Name another, or none.")
    team, made = described["Workteam"], stack.describe(account)
    undo = (
        "Remove",
        "The work team goes, and with it the workforce with all logins if the stack made it. Labels stay.",
    )
    portal = f" works at https://{team['SubDomain']}" if team.get("SubDomain") else ""
    return check("ok", f"“{name}”{portal}. Each command like these invites one more.", "", _invitation(account, team),
                 *(undo if made and made.outputs.get("WorkTeam") == arn else ()))  # fmt: skip


def _invitation(account: Account, team: dict[str, Any]) -> str:
    """How to let one more person in; empty where another identity provider does that."""
    pools = [each["CognitoMemberDefinition"] for each in team["MemberDefinitions"] if "CognitoMemberDefinition" in each]
    if not pools:
        return ""
    who = ("--user-pool-id", pools[0]["UserPool"], "--username", "NAME@EXAMPLE.ORG")
    email = ("--user-attributes", "Name=email,Value=NAME@EXAMPLE.ORG", "Name=email_verified,Value=true")
    invite = aws(account, "cognito-idp", "admin-create-user", *who, *email, "--desired-delivery-mediums", "EMAIL")
    group = ("--group-name", pools[0]["UserGroup"])
    return f"{invite}\n{aws(account, 'cognito-idp', 'admin-add-user-to-group', *who, *group)}"


def _quota_title(usage: str, type: str) -> str:
    return f"Quota: {type} for {usage}"


def _quota(account: Account, usage: str, type: str, count: int) -> Check:
    check = partial(Check, f"quota-{usage}-{type}", _quota_title(usage, type))
    found = quotas.quota(account, usage, type)
    if found is None:
        return check("failed", f"AWS has no quota “{type} for {quotas.USAGES[usage]}” in {account.region}: the type is "
                     "not offered there. Choose another one.")  # fmt: skip
    link = f"[{found.name}]({quotas.link(account, found)})"
    if found.value < count:
        may = f"Only {found.value:g} of {count} may run at once" if found.value else "None may run"
        return check("missing", f"{may}: {link} is {found.value:g}. AWS raises it on request, mostly within a day; or "
                     "choose another type.", command=quotas.command(account, found, count))  # fmt: skip
    return check("ok", f"{link}: {found.value:g} at once.")


def _listed(statements: Any) -> list[dict[str, Any]]:
    return statements if isinstance(statements, list) else [statements]


def _lets_sagemaker(statement: dict[str, Any]) -> bool:
    services = statement.get("Principal", {})
    services = services.get("Service", []) if isinstance(services, dict) else []
    return statement.get("Effect") == "Allow" and SERVICE in ([services] if isinstance(services, str) else services)
