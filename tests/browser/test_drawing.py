"""The editor's model of drawn objects (drawing.js), in a browser but without the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

SOURCE = Path(__file__).parents[2] / "app" / "player" / "src" / "drawing.js"
LOAD = """async (source) => {
    window.module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    window.changes = 0;
    window.begin = (...objects) => {
        return (window.drawing = new module.Drawing(objects, ["person", "car"], 40, [200, 100], () => changes++));
    };
    window.object = (id, keys) => ({ id, class_id: 0, keys });
    window.key = (left, more = {}) => ({ xyxy: [left, 10, left + 20, 50], ...more });
}"""
FUZZ = """(seed) => {
    let state = seed;
    const random = (n) => { state = (state * 1103515245 + 12345) % 2 ** 31; return Math.floor((state / 2 ** 31) * n); };
    const box = () => {
        const x = random(180), y = random(80);
        return [x, y, x + 3 + random(197 - x), y + 3 + random(97 - y)];
    };
    const drawing = begin();
    const errors = [];
    for (let n = 0; n < 300; n++) {
        const ids = [...drawing.objects.keys()], id = ids[random(ids.length)], other = ids[random(ids.length)];
        const frame = random(40), act = random(11);
        if (!ids.length || act === 0) drawing.draw(frame, box(), random(2));
        else if (act < 4) drawing.setBox(id, frame, box());
        else if (act === 4) drawing.removeAt(id, frame);
        else if (act === 5) drawing.endAt(id, frame);
        else if (act === 6) drawing.splitAt(id, frame);
        else if (act === 7 && id !== other) drawing.merge(id, other);
        else if (act === 8) drawing.fillGap(id, frame);
        else if (act === 9 && drawing.boxAt(id, frame) && drawing.predictableFrames(id, frame) > 0) {
            const length = Math.min(5, drawing.predictableFrames(id, frame));
            drawing.setPredictions(id, frame, Array.from({ length }, box));
        }
        else if (act === 10) drawing.setAttribute(id, frame, "pose", ["", "left", "right"][random(3)], true);
        for (const object of drawing.objects.values()) {
            if (!object.keyframes.size) errors.push(`#${object.id} is empty after ${act}`);
            if ([...object.keyframes.values()].at(-1).gap) errors.push(`#${object.id} ends in a gap after ${act}`);
            for (const [frame, { xyxy: [x1, y1, x2, y2] }] of object.keyframes) {
                const within = x1 >= 0 && y1 >= 0 && x2 <= 200 && y2 <= 100 && frame >= 0 && frame < 40;
                if (!within || x2 - x1 < 2.99 || y2 - y1 < 2.99) {
                    errors.push(`#${object.id} is ${[x1, y1, x2, y2]} in frame ${frame} after ${act}`);
                }
            }
        }
        const now = JSON.stringify(drawing.toJson());
        drawing.undo(); drawing.redo();
        const isSame = JSON.stringify(drawing.toJson()) === now;
        if (drawing.undoStack.length && !isSame) errors.push(`redo differs after ${act}`);
    }
    return errors;
}"""


@pytest.fixture
def drawing(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.evaluate(LOAD, SOURCE.read_text())
    yield page
    page.close()


@pytest.mark.parametrize("seed", range(12))
def test_random_edits_keep_boxes_within_the_image(drawing: Page, seed: int) -> None:
    assert drawing.evaluate(FUZZ, 7919 * seed + 1) == []


def test_corrections_of_predicted_boxes_keep_them_within_the_image(drawing: Page) -> None:
    drawing.evaluate("""begin(object(1, {
        0: { xyxy: [100, 10, 140, 50] },
        5: { xyxy: [100, 10, 112, 22], predicted: true },
        6: { xyxy: [100, 10, 140, 50], predicted: true },
    })).setBox(1, 6, [100, 10, 115, 25])""")
    assert drawing.evaluate("drawing.boxAt(1, 5).xyxy") == [100, 10, 103, 13]


def test_edits_where_an_object_is_absent_are_no_ops(drawing: Page) -> None:
    """They neither save anything nor add a step to undo."""
    drawing.evaluate("begin(object(1, { 10: key(0), 20: key(10) }))")
    for edit in (
        "endAt(1, 5)",
        "endAt(1, 30)",
        "removeAt(1, 5)",
        "fillGap(1, 30)",
        "changeId(1, 1.5)",
        "splitAt(1, 10)",
    ):
        drawing.evaluate(f"drawing.{edit}")
    assert drawing.evaluate("[changes, drawing.undoStack.length, drawing.boxCount]") == [0, 0, 11]


def test_redo_does_not_bring_back_what_another_tab_has_replaced(drawing: Page) -> None:
    drawing.evaluate("begin(object(1, { 10: key(0) })).setBox(1, 10, [5, 10, 25, 50])")
    drawing.evaluate("drawing.undo(); drawing.replaceAll([object(2, { 3: key(50) })]); drawing.redo()")
    assert drawing.evaluate("[...drawing.objects.keys()]") == [2]


def test_an_id_must_be_free_and_a_positive_integer(drawing: Page) -> None:
    drawing.evaluate("begin(object(1, { 0: key(0) }), object(2, { 0: key(50) }))")
    is_changed = drawing.evaluate("[2, 0, 1.5, 2 ** 31, 7].map((id) => drawing.changeId(1, id))")
    assert is_changed == [False, False, False, False, True]
    assert drawing.evaluate("[...drawing.objects.keys()].sort()") == [2, 7]


def test_an_attribute_holds_until_it_changes_again(drawing: Page) -> None:
    """Splitting, leaving a frame out and following keep the values; merging keeps those of the first object."""
    drawing.evaluate("begin(object(1, { 0: key(0), 10: key(10), 20: key(20) }))")
    drawing.evaluate("drawing.setAttribute(1, 20, 'pose', 'left', true)")
    drawing.evaluate("drawing.setAttribute(1, 5, 'pose', 'right', true)")
    drawing.evaluate("drawing.setAttribute(1, 0, 'color', 'red', false)")
    poses = "[0, 5, 9, 10, 19, 20].map((frame) => drawing.boxAt(1, frame).attributes.pose ?? null)"
    assert drawing.evaluate(poses) == [None, "right", "right", "right", "right", "left"]
    drawing.evaluate("drawing.removeAt(1, 10); drawing.setPredictions(1, 11, [[12, 10, 32, 50], [40, 10, 60, 50]])")
    assert drawing.evaluate("[11, 12, 13].map((frame) => drawing.boxAt(1, frame).attributes.pose)") == ["right"] * 3
    drawing.evaluate("drawing.splitAt(1, 15)")
    later = "drawing.objects.get(2).attributes.color + drawing.boxAt(2, 15).attributes.pose"
    assert drawing.evaluate(later) == "redright"
    drawing.evaluate("drawing.setAttribute(2, 15, 'color', 'blue', false); drawing.merge(1, 2)")
    assert drawing.evaluate("drawing.objects.get(1).attributes") == {"color": "red"}
    drawing.evaluate("drawing.setAttribute(1, 0, 'color', '', false)")
    assert drawing.evaluate("drawing.toJson()[0].attributes") == {}


FILTERED = """({ filter, frame }) => {
    const drawing = begin(
        { ...object(1, { 0: key(0), 9: key(9) }), attributes: { color: "red", size: "12" } },
        { ...object(12, { 5: key(0, { attributes: { bag: true } }), 30: key(9, { occluded: true }) }), class_id: 1 },
        object(3, { 0: key(0), 39: key(9) }),
    );
    const whole = { ...filters.emptyFilter(), ...filter };
    const passes = (object) => filters.passes(object, drawing.boxAt(object.id, frame), whole, drawing.classes);
    return [...drawing.objects.values()].filter(passes).map(({ id }) => id);
}"""


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ({}, [1, 12, 3]),
        ({"text": "12"}, [1, 12]),  # an id, or the whole value of an attribute
        ({"text": "#12"}, [12]),
        ({"text": "#1"}, [1]),
        ({"text": "RED person"}, [1]),
        ({"text": "red car"}, []),
        ({"classId": 1}, [12]),
        ({"attribute": "bag: yes"}, [12]),
        ({"presence": "absent"}, [1]),
        ({"presence": "present", "classId": 0}, [3]),
        ({"presence": "occluded"}, [12]),
    ],
)
def test_objects_are_filtered(drawing: Page, filter: dict, ids: list[int]) -> None:
    source = (SOURCE.parent / "object_filter.js").read_text()
    load = "async (source) => { window.filters = await import('data:text/javascript,' + encodeURIComponent(source)); }"
    drawing.evaluate(load, source)
    assert drawing.evaluate(FILTERED, {"filter": filter, "frame": 30}) == ids
