"""The checks of an account on moto, with an HTTP server for Service Quotas, which moto lacks for SageMaker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.platforms.aws import buckets, quotas
from backend.platforms.aws.account import Account
from backend.platforms.aws.checks import AwsSetup
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import ASYNC, REALTIME, TRAINING, Check, Watch

REGION = "eu-west-1"
QUOTAS = ["quota-training-ml.g5.xlarge", "quota-batch-ml.c5.2xlarge", "quota-endpoint-ml.c5.xlarge"]
QUIET = Watch(lambda line: None)
ORDER = ["credentials", "stack", "bucket", "role", "repository", "image", "workteam"]

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


def one(name: str, code: str, value: float) -> dict:
    return {"ServiceCode": "sagemaker", "QuotaName": name, "QuotaCode": code, "Value": value, "Adjustable": True}


class ServiceQuotas(BaseHTTPRequestHandler):
    """Service Quotas with default values in two pages, and one higher value for this account."""

    defaults = [
        one("ml.g5.xlarge for training job usage", "L-1", 0),
        one("ml.c5.2xlarge for processing job usage", "L-2", 4),
        one("ml.c5.xlarge for endpoint usage", "L-3", 0),
    ]
    given = [one("ml.c5.xlarge for endpoint usage", "L-3", 2)]
    refusal = ""
    asked = 0

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        type(self).asked += 1
        assert request["ServiceCode"] == "sagemaker"
        if self.refusal:
            self.answer(400, {"__type": "AccessDeniedException", "Message": self.refusal})
        elif operation == "ListServiceQuotas":
            self.answer(200, {"Quotas": self.given})
        elif request.get("NextToken"):
            self.answer(200, {"Quotas": self.defaults[2:]})
        else:
            self.answer(200, {"Quotas": self.defaults[:2], "NextToken": "2"})

    def answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def service_quotas(standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ServiceQuotas]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ServiceQuotas)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(quotas, "_cache", {})
    ServiceQuotas.asked = 0
    yield ServiceQuotas
    server.shutdown()
    server.server_close()
    standin.heal()


def look(settings: dict[str, str], **changed: str) -> dict[str, Check]:
    return {check.key: check for check in AwsSetup(Account(AwsSettings.parse({**settings, **changed}))).checks()}


def test_checks_of_an_empty_account_are_in_the_order_of_setup(standin) -> None:
    checks = look({"region": REGION, "stack": "empty"})
    assert list(checks) == [*ORDER, *QUOTAS]
    assert (
        checks["credentials"].state == "ok" and "account 123456789012, region eu-west-1" in checks["credentials"].detail
    )
    assert [checks[key].state for key in ORDER[1:]] == [*["missing"] * 5, "optional"]
    assert checks["stack"].fix_label == "Create"
    assert checks["stack"].command.startswith("aws cloudformation deploy --stack-name empty")
    assert "Create the stack first" in checks["image"].detail and not checks["image"].fix_label


def test_the_buttons_set_up_an_account(standin) -> None:
    settings = {"region": REGION, "stack": "clicks"}
    account = Account(AwsSettings.parse(settings))
    settings |= AwsSetup(account).fix("stack", QUIET)
    checks = look(settings)
    assert [checks[key].state for key in ("stack", "role")] == ["ok", "ok"]
    assert checks["stack"].revert_label == "Delete" and "Keeps the bucket" in checks["stack"].revert_detail
    assert checks["image"].state == "missing" and checks["image"].fix_label == "Build"
    assert "docker build" in checks["image"].command
    assert checks["workteam"].fix_label == "Create a team"
    changed = look(settings, subnets="subnet-1", security_groups="sg-1")["stack"]
    assert (changed.state, changed.fix_label) == ("missing", "Update")
    assert look({"region": REGION, "stack": "clicks"})["stack"].fix_label == "Use them"
    assert AwsSetup(Account(AwsSettings.parse(settings))).revert("stack", QUIET) == {"role": ""}
    for act in (AwsSetup(account).fix, AwsSetup(account).revert):
        with pytest.raises(UserError, match="“bucket”"):
            act("bucket", QUIET)


def test_existing_resources_can_be_entered_instead_of_a_stack(aws_account: dict[str, str], standin) -> None:
    checks = look(aws_account)
    assert checks["stack"].state == "optional" and "Not needed" in checks["stack"].detail
    assert checks["role"].state == "ok" and checks["workteam"].state == "ok"
    assert "https://" in checks["workteam"].detail and not checks["workteam"].revert_label


def test_issues_of_a_bucket_come_with_commands_that_solve_them(aws_account: dict[str, str], standin) -> None:
    name, s3 = aws_account["bucket"], standin.client("s3")
    check = look(aws_account)["bucket"]
    assert check.state == "missing"
    for lack in ("public access is not blocked", "not versioned", "without TLS", "no CORS rules"):
        assert lack in check.detail
    commands = check.command.splitlines()
    assert [command.split()[2] for command in commands][0] == "put-public-access-block"
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=buckets.PUBLIC_ACCESS_BLOCK)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [buckets.CORS_RULE]})
    mine = {"Sid": "Mine", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "x"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": mine}))
    (lack,) = buckets.find_issues(Account(AwsSettings.parse(aws_account)), name)
    policy = json.loads(lack.command.split("--policy '")[1].split("' --region")[0])
    assert [statement["Sid"] for statement in policy["Statement"]] == [
        "Mine",
        "OnlyTls",
    ]  # existing statements are kept
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    assert look(aws_account)["bucket"].state == "ok"


def test_a_bucket_in_another_region_or_a_missing_one_fails(aws_account: dict[str, str], standin) -> None:
    standin.client("s3", "us-west-2").create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    far, missing = (look(aws_account, bucket=name)["bucket"] for name in ("far-away", "nobody-has-this"))
    assert far.state == missing.state == "failed"
    assert "us-west-2" in far.detail and "“nobody-has-this” does not exist" in missing.detail


def test_a_role_must_exist_and_trust_sagemaker(aws_account: dict[str, str], standin) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    lambdas = standin.client("iam").create_role(RoleName="lambdas", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    other = look(aws_account, role=lambdas)["role"]
    assert "may not assume “lambdas”" in other.detail
    assert other.command.startswith("aws iam update-assume-role-policy --role-name lambdas --policy-document ")
    assert "lambda.amazonaws.com" in other.command and "sagemaker.amazonaws.com" in other.command
    assert look(aws_account, role=lambdas + "2")["role"].state == "missing"
    assert (
        "belongs to account 999999999999" in look(aws_account, role="arn:aws:iam::999999999999:role/x")["role"].detail
    )


def test_a_denied_check_reports_that_and_others_still_run(
    aws_account: dict[str, str], standin, service_quotas: type[ServiceQuotas], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_quotas, "refusal", "not authorized: servicequotas:ListServiceQuotas")
    standin.fail_next("iam", "GetRole", "AccessDenied", status=403, message="not authorized: iam:GetRole")
    checks = look(aws_account)
    assert (
        checks["role"].state == "failed"
        and "You may not get role: not authorized: iam:GetRole" in checks["role"].detail
    )
    quota = checks[QUOTAS[0]]
    assert quota.state == "failed" and "servicequotas:" in quota.detail
    assert checks["workteam"].state == "ok"


def test_a_work_team_must_exist_in_the_region(aws_account: dict[str, str], standin) -> None:
    team = aws_account["workteam"]
    assert look(aws_account, workteam=f"{team}-gone")["workteam"].state == "missing"
    assert "not in eu-west-1" in look(aws_account, workteam=team.replace(REGION, "us-east-1"))["workteam"].detail
    elsewhere = look({"region": "eu-north-1", "stack": "north"})["workteam"]
    assert elsewhere.state == "optional" and not elsewhere.fix_label and "does not label video" in elsewhere.detail


def test_the_invitation_command_names_pool_and_group(standin) -> None:
    pool = {"UserPool": "eu-west-1_abc", "UserGroup": "labelers", "ClientId": "c"}
    member = {"CognitoMemberDefinition": pool}
    standin.sagemaker.workteams.create_workteam(
        REGION, {"WorkteamName": "people", "Description": "d", "MemberDefinitions": [member]}
    )
    arn = standin.sagemaker.workteams.teams.get("people")["Arn"]
    create, add = look({"region": REGION, "workteam": arn})["workteam"].command.splitlines()
    assert create.startswith("aws cognito-idp admin-create-user --user-pool-id eu-west-1_abc --username ")
    assert add.startswith("aws cognito-idp admin-add-user-to-group") and "--group-name labelers" in add


def test_quotas_of_the_chosen_types_are_checked(standin, service_quotas: type[ServiceQuotas]) -> None:
    checks = look({"region": REGION})
    none, default, given = (checks[quota] for quota in QUOTAS)
    assert (none.state, default.state, given.state) == ("missing", "ok", "ok")
    assert none.command == (
        "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-1 "
        "--desired-value 1 --region eu-west-1"
    )
    assert "/servicequotas/home/services/sagemaker/quotas/L-1" in none.detail
    assert "4 at once" in default.detail and "2 at once" in given.detail
    account, requests = Account(AwsSettings(region=REGION)), service_quotas.asked
    chosen = [
        (TRAINING, {"instance_type": "ml.p9.large", "spot": True}),
        (REALTIME, {"instance_type": "ml.c5.xlarge", "max_count": 2}),
        (ASYNC, {"instance_type": "ml.c5.xlarge"}),
    ]
    checks = {check.key: check for check in AwsSetup(account).checks(chosen)}
    assert list(checks)[len(ORDER) :] == ["quota-spot-ml.p9.large", QUOTAS[2], QUOTAS[1]]
    unknown, endpoints = checks["quota-spot-ml.p9.large"], checks[QUOTAS[2]]
    assert unknown.state == "failed" and "no quota “ml.p9.large for spot training job usage” in" in unknown.detail
    assert endpoints.state == "missing" and "Only 2 of 3 may run at once" in endpoints.detail
    assert "--desired-value 3" in endpoints.command
    assert service_quotas.asked == requests == 3  # a thousand quotas are not listed again for every check


def test_without_credentials_there_is_only_that_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, standin) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (only,) = AwsSetup(Account(AwsSettings(region=REGION))).checks()
    assert (only.key, only.state, only.command) == ("credentials", "failed", "aws configure")
    assert "No AWS credentials were found" in only.detail
    (profile,) = AwsSetup(Account(AwsSettings(region=REGION, profile="work"))).checks()
    assert profile.command == "aws configure --profile work" and "no AWS profile “work”" in profile.detail
    config = tmp_path / "config"
    config.write_text(
        "[profile work]\nsso_session = firm\nsso_account_id = 123456789012\nsso_role_name = vision\n"
        "[sso-session firm]\nsso_start_url = https://example.com/start\nsso_region = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    (signed_out,) = AwsSetup(Account(AwsSettings(region=REGION, profile="work"))).checks()
    assert signed_out.command == "aws sso login --profile work" and "sign-on has expired" in signed_out.detail
    config.write_text("[profile work\n")
    (broken,) = AwsSetup(Account(AwsSettings(region=REGION, profile="work"))).checks()
    assert "configuration on this machine cannot be read" in broken.detail
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    (region,) = AwsSetup(Account(AwsSettings())).checks()
    assert region.detail.startswith("AWS needs to know where to run: choose a region, and a profile with credentials")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    assert AwsSetup(Account(AwsSettings())).access().detail == "AWS needs to know where to run: choose a region."
