"""`dice`: seeded choices."""

from __future__ import annotations

from streamproof.fakes.dice import Dice, pick, roll


def test_a_roll_depends_on_seed_request_and_purpose_alone() -> None:
    rolls = {
        roll(seed, fingerprint, purpose, 8)
        for seed in (0, 1)
        for fingerprint in ("a", "b")
        for purpose in ("x", "y")
    }

    assert len(rolls) == 8
    assert roll(0, "a", "x", 8) in rolls


def test_a_roll_never_changes() -> None:
    assert roll(0, "a", "x", 4).hex() == "14d3a214"


def test_each_byte_picks_one_choice() -> None:
    assert pick("abc", bytes([0, 1, 2, 3, 255])) == ["a", "b", "c", "a", "a"]


def test_the_dice_of_a_request_never_change() -> None:
    dice = Dice(seed=0, fingerprint="f")

    assert dice.text("ab", "purpose", 8) == dice.text("ab", "purpose", 8)
    assert dice.text("ab", "purpose", 8) != dice.text("ab", "other", 8)
    assert dice.number("purpose", 1) == 0
    assert 0 <= dice.number("purpose", 100) < 100


def test_many_numbers_come_from_one_roll() -> None:
    numbers = Dice(seed=0, fingerprint="f").numbers("purpose", count=100, size=1)

    assert len(numbers) == 100
    assert numbers == list(roll(0, "f", "purpose", 100))
