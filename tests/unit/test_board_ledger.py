"""The public ledger and the table of states."""

import json
from pathlib import Path

import pytest

from headstart.board.ledger import GENESIS, entry_hash, ledger_lines, verify_ledger
from headstart.board.states import STATES, allowed, refunds
from headstart.errors import InputError


def chain(*edges: tuple[str | None, str]) -> list[tuple[dict[str, object], str]]:
    """A ledger of one submission's changes."""
    entries: list[tuple[dict[str, object], str]] = []
    previous = GENESIS
    for number, (before, after) in enumerate(edges, start=1):
        entry: dict[str, object] = {
            "sequence": number,
            "kind": "state",
            "submission": "s-1",
            "from": before,
            "to": after,
        }
        previous = entry_hash(previous, entry)
        entries.append((entry, previous))
    return entries


PUBLISHED = (
    (None, "received"),
    ("received", "resolved"),
    ("resolved", "forecast"),
    ("forecast", "queued"),
    ("queued", "running"),
    ("running", "scored"),
    ("scored", "published"),
    ("published", "withdrawn"),
)


def written(path: Path, entries: list[tuple[dict[str, object], str]]) -> Path:
    path.write_text("".join(ledger_lines(entries)), encoding="utf-8")
    return path


def test_a_ledger_that_was_left_alone_holds(tmp_path: Path) -> None:
    entries = chain(*PUBLISHED)
    found = verify_ledger(written(tmp_path / "ledger.jsonl", entries), head=entries[3][1])
    assert (found.entries, found.submissions, found.head) == (8, 1, entries[-1][1])
    assert found.states == {"withdrawn": 1}


@pytest.mark.parametrize("row", range(8))
def test_a_changed_line_is_found_where_it_is(tmp_path: Path, row: int) -> None:
    path = written(tmp_path / "ledger.jsonl", chain(*PUBLISHED))
    lines = path.read_text().splitlines()
    document = json.loads(lines[row])
    document["entry"]["team"] = "another"
    lines[row] = json.dumps(document)
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="the hash does not follow") as caught:
        verify_ledger(path)
    assert caught.value.row == row + 1


@pytest.mark.parametrize("row", range(7))
def test_a_missing_line_is_found(tmp_path: Path, row: int) -> None:
    path = written(tmp_path / "ledger.jsonl", chain(*PUBLISHED))
    lines = path.read_text().splitlines()
    del lines[row]
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="an entry is missing"):
        verify_ledger(path)


def test_a_ledger_cut_short_is_found_with_a_hash_kept_elsewhere(tmp_path: Path) -> None:
    entries = chain(*PUBLISHED)
    path = written(tmp_path / "ledger.jsonl", entries[:-1])
    assert verify_ledger(path).entries == 7
    with pytest.raises(InputError, match="cut short or replaced"):
        verify_ledger(path, head=entries[-1][1])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (((None, "published"),), "no submission may go from None to published"),
        (((None, "received"), ("received", "published")), "no submission may go from received to published"),
        (((None, "received"), ("queued", "running")), "was received, but is said to come from queued"),
    ],
)
def test_a_chain_of_moves_the_board_does_not_know_is_refused(
    tmp_path: Path, edges: tuple[tuple[str | None, str], ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        verify_ledger(written(tmp_path / "ledger.jsonl", chain(*edges)))


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"entry": 1, "hash": "a"}', '{"entry": {}, "hash": "a"}', '{"hash": 1}']
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "ledger.jsonl").write_text(content)
    with pytest.raises(InputError):
        verify_ledger(tmp_path / "ledger.jsonl")


def test_every_state_has_an_owner_and_a_way_out() -> None:
    for name, state in STATES.items():
        assert set(state.edges) <= set(STATES), name
        if state.terminal:
            assert state.deadline_seconds is None
            assert state.at_deadline is None
        else:
            assert state.at_deadline in state.edges, name
            assert "server" in state.edges[state.at_deadline or ""], name
            assert state.deadline_seconds is not None or name == "withheld"


def test_every_state_is_reached_and_every_submission_can_end() -> None:
    reached, waiting = {"received"}, ["received"]
    while waiting:
        for after in STATES[waiting.pop()].edges:
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    assert reached == set(STATES)


def test_only_faults_of_the_board_are_refunded() -> None:
    assert refunds("failed", "server")
    assert refunds("cancelled", "administrator")
    assert not refunds("cancelled", "team")
    assert not refunds("rejected", "worker")
    assert not refunds("withdrawn", "team")


def test_an_edge_belongs_to_those_who_own_it() -> None:
    assert allowed("running", "scored", "worker")
    assert not allowed("running", "scored", "team")
    assert not allowed("published", "published")
    assert not allowed("nonsense", "received")
