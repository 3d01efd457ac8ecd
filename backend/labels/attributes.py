"""Attributes that people give the objects of a labeling job, such as a color or whether a person carries a bag."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import UserError
from backend.labels.box_attributes import FLAGS, AttributeValue, BoxAttributes
from backend.wording import count
from bytetrack.tracks import Tracks

MAX_ATTRIBUTES = 30
MAX_VALUES = 100  # of a choice
MAX_NAME_LENGTH = 60  # characters
MAX_TEXT_LENGTH = 200  # characters of a value; app/player/src/object_panel.js has the same limit
MAX_INFERRED_CHOICES = 20  # distinct values up to which an attribute of imported labels counts as a choice

YES, NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0", ""})
YES_OR_NO = frozenset({"yes", "no", "true", "false", "", "none"})  # values of an attribute that must be a checkbox

Kind = Literal["checkbox", "choice", "text"]


class AttributeDefinition(BaseModel):
    """An attribute of the objects of a labeling job.

    Attributes:
        name: Name for people.
        kind: Whether it is set or not, one of `values`, or any text.
        values: Values of a choice.
        changes: Whether an object may have different values over time.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    kind: Kind = "checkbox"
    values: Annotated[list[str], Field(max_length=MAX_VALUES)] = []
    changes: bool = False

    def accepts(self, value: AttributeValue) -> bool:
        """Return whether an object can have this value. An attribute without a value is left out instead."""
        if self.kind == "checkbox":
            return value is True
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH:
            return False
        return self.kind == "text" or value in self.values


def check_definitions(given: Sequence[AttributeDefinition | Mapping[str, object]]) -> list[AttributeDefinition]:
    """Return the definitions of a job's attributes.

    Raises:
        UserError: If one is incomplete, or two have the same name.
    """
    definitions: list[AttributeDefinition] = []
    for attribute in given:
        try:
            definition = AttributeDefinition.model_validate(attribute)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise UserError(f"An attribute is invalid: {first['msg']} at {first['loc'][0]}.") from error
        name = definition.name.strip()
        if not name:
            raise UserError("An attribute has no name. Enter a name, such as color.")
        if name in FLAGS:
            raise UserError(f"“{name}” is an attribute of every box already. Leave it out.")
        if name in [other.name for other in definitions]:
            raise UserError(f"The attribute “{name}” is listed twice. List each attribute once.")
        values = list(dict.fromkeys(value.strip() for value in definition.values if value.strip()))
        if definition.kind == "choice" and len(values) < 2:
            raise UserError(f"The attribute “{name}” is a choice and needs at least two values, such as red, blue.")
        if any(len(value) > MAX_TEXT_LENGTH for value in values):
            raise UserError(f"A value of the attribute “{name}” is longer than {MAX_TEXT_LENGTH} characters.")
        kept = values if definition.kind == "choice" else []
        definitions.append(definition.model_copy(update={"name": name, "values": kept}))
    if len(definitions) > MAX_ATTRIBUTES:
        raise UserError(f"Too many attributes: {len(definitions)}. A labeling job has at most {MAX_ATTRIBUTES}.")
    return definitions


def complete_definitions(
    stated: Iterable[AttributeDefinition], attributes: BoxAttributes, tracks: Tracks
) -> list[AttributeDefinition]:
    """Return the stated attributes, completed and widened so that they allow all values that occur.

    Args:
        stated: Attributes that are known, such as those of a job.
        attributes: Attributes of the boxes.
        tracks: The boxes.
    """
    inferred = {definition.name: definition for definition in infer_definitions(attributes, tracks)}
    completed = []
    for definition in stated:
        other = inferred.pop(definition.name, None)
        if other is None:
            completed.append(definition)
            continue
        occurring = {values[definition.name] for values in attributes.values() if definition.name in values}
        texts = sorted(value for value in occurring if isinstance(value, str))
        update: dict[str, object] = {"changes": definition.changes or other.changes}
        if definition.kind == "choice" and len(texts) == len(occurring):
            update["values"] = list(dict.fromkeys([*definition.values, *texts]))
        elif not all(map(definition.accepts, occurring)):
            update |= {"kind": other.kind, "values": other.values}
        completed.append(definition.model_copy(update=update))
    return [*completed, *inferred.values()]


def clean_values(
    raw: Mapping[tuple[int, int], Mapping[str, Any]], stated: Iterable[AttributeDefinition] = ()
) -> tuple[dict[tuple[int, int], dict[str, AttributeValue]], list[str]]:
    """Return the attributes of boxes as a file has them in the form of `BoxAttributes`.

    An attribute that is not stated is a checkbox if all its values are yes or no. Empty values and unset checkboxes are
    left out.

    Args:
        raw: Values by name, by the frame number and the object ID of the box.
        stated: Attributes whose definition the file states.

    Returns:
        The attributes, and a note for each attribute with values that are no checkbox, number or short text.
    """
    kinds: dict[str, str] = {definition.name: definition.kind for definition in stated}
    kinds |= dict.fromkeys(FLAGS, "checkbox")
    texts: dict[str, set[str]] = defaultdict(set)
    for values in raw.values():
        for name, value in values.items():
            texts[name].add(str(value).lower())
    kinds |= {name: "checkbox" for name, occurring in texts.items() if name not in kinds and occurring <= YES_OR_NO}
    unusable: Counter[str] = Counter()
    cleaned: dict[tuple[int, int], dict[str, AttributeValue]] = {}
    for key, values in raw.items():
        kept: dict[str, AttributeValue] = {}
        for name, value in values.items():
            text = "" if value is None else str(value).strip()
            is_checkbox = kinds.get(name) == "checkbox"
            if is_checkbox and text.lower() in YES:
                kept[name] = True
            elif not text or (is_checkbox and text.lower() in NO):
                continue
            elif is_checkbox or not isinstance(value, (str, int, float)) or len(text) > MAX_TEXT_LENGTH:
                unusable[name] += 1
            elif len(name) > MAX_NAME_LENGTH:
                unusable[f"{name[:MAX_NAME_LENGTH]} …"] += 1
            else:
                kept[name] = text
        if kept:
            cleaned[key] = kept
    notes = [
        f"{count(amount, 'value')} of the attribute “{name}” dropped: no checkbox, number or short text."
        for name, amount in unusable.items()
    ]
    return cleaned, notes


def infer_definitions(attributes: BoxAttributes, tracks: Tracks) -> list[AttributeDefinition]:
    """Return definitions that allow the values that occur.

    Args:
        attributes: Attributes of the boxes.
        tracks: The boxes. An attribute that an object has on some of its boxes only changes over time.
    """
    values_by_name: dict[str, set[AttributeValue]] = defaultdict(set)
    values_by_object: dict[tuple[str, int], set[AttributeValue]] = defaultdict(set)
    ids, counts = np.unique(tracks.id, return_counts=True)
    boxes_by_object: dict[int, int] = dict(zip(ids.tolist(), counts.tolist()))
    uses: Counter[tuple[str, int]] = Counter()
    for (_, object_id), values in attributes.items():
        for name, value in values.items():
            if name not in FLAGS:
                values_by_name[name].add(value)
                values_by_object[name, object_id].add(value)
                uses[name, object_id] += 1
    changing = {
        name
        for (name, object_id), values in values_by_object.items()
        if len(values) > 1 or uses[name, object_id] < boxes_by_object.get(object_id, 0)
    }
    definitions = []
    for name, occurring in values_by_name.items():
        texts = sorted(value for value in occurring if isinstance(value, str))
        kind: Kind = "text"
        if not texts:
            kind = "checkbox"
        elif len(texts) == len(occurring) and 2 <= len(texts) <= MAX_INFERRED_CHOICES:
            kind = "choice"
        definitions.append(
            AttributeDefinition(
                name=name, kind=kind, values=texts if kind == "choice" else [], changes=name in changing
            )
        )
    return definitions
