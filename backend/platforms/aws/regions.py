"""The regions with SageMaker and the profiles of this machine, from botocore's own data, without a request."""

from __future__ import annotations

import os
from collections.abc import Mapping

import botocore.session
from botocore import exceptions

FIRST_PARTITION = "aws"
SERVICE = "sagemaker"


def access_choices() -> dict[str, Mapping[str, str]]:
    """Return the values and labels of the settings that say which account is used: `profile` and `region`."""
    session = botocore.session.get_session()
    try:
        profiles, default_region = list(session.available_profiles), session.get_config_variable("region") or ""
    except (exceptions.ConfigParseError, exceptions.ProfileNotFound):  # the check of the credentials says what is wrong
        profiles, default_region = [], ""
    default_label = (
        f"The profile's region ({default_region})" if default_region else "The profile's region, if it has one"
    )
    return {
        "profile": {"": "Default credentials", **{profile: profile for profile in profiles}},
        "region": {"": default_label, **regions(default_region)},
    }


def regions(default_region: str = "") -> dict[str, str]:
    """Return all regions with SageMaker and their labels, the default region's partition first.

    Args:
        default_region: Region of the default profile, if it has one.
    """
    session = botocore.session.Session()
    for variable in ("config_file", "credentials_file"):  # whatever is wrong with the user's, the regions are known
        session.set_config_variable(variable, os.devnull)
    descriptions = {
        code: region.get("description", code)
        for partition in session.get_component("data_loader").load_data("endpoints")["partitions"]
        for code, region in partition["regions"].items()
    }
    names = {name: sorted(session.get_available_regions(SERVICE, name)) for name in session.get_available_partitions()}
    first = next((name for name, codes in names.items() if default_region in codes), FIRST_PARTITION)
    ordered = sorted(names, key=lambda name: (name != first, name != FIRST_PARTITION, name))
    return {code: f"{code}: {descriptions.get(code, code)}" for name in ordered for code in names[name]}
