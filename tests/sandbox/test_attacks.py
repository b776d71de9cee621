"""No attack of the table wins, as root (tier A) and as an ordinary user (tier B)."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sandbox_attack_runner import CANNOT
from sandbox_attacks import ATTACKS, CONTROLS

RUNNER = Path(__file__).with_name("sandbox_attack_runner.py")
TIERS = [pytest.param(tier, id=f"tier{tier}", marks=pytest.mark.xdist_group(f"tier {tier}")) for tier in "AB"]
CASES = [
    pytest.param(tier, attack, id=f"tier{tier}-{attack.name}", marks=pytest.mark.xdist_group(f"tier {tier}"))
    for tier in "AB"
    for attack in ATTACKS
    if tier in attack.tiers
]

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls are named by x86-64 numbers")


@pytest.fixture(scope="session")
def battlefield(tmp_path_factory):
    """A function from tier to the outcomes of all attacks; each tier is run once."""
    done = {}

    def run(tier):
        if tier == "A" and os.geteuid() != 0:
            pytest.skip("tier A needs root")
        if tier not in done:
            folder = tmp_path_factory.mktemp(f"tier_{tier}")
            # Below pytest's own folder, which it keeps to itself, an ordinary user must be let through.
            top = tmp_path_factory.getbasetemp()
            for parent in (folder, *(p for p in folder.parents if p == top or p in (top.parent, top.parent.parent))):
                if parent.stat().st_uid == os.geteuid() and parent != Path(tempfile.gettempdir()):
                    parent.chmod(0o755)
            for name in ("secret", "hidden_solution.py", "results"):
                (folder / name).write_text("tell nobody = 1")
                (folder / name).chmod(0o666)
            folder.chmod(0o777)
            command = [sys.executable, str(RUNNER), tier, str(folder)]
            done[tier] = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd="/")
        if done[tier].returncode == CANNOT:
            pytest.skip(done[tier].stdout)
        assert done[tier].returncode == 0, done[tier].stderr
        return json.loads(done[tier].stdout)

    return run


@pytest.mark.parametrize("tier", TIERS)
def test_the_tier_is_what_it_says(battlefield, tier):
    report = battlefield(tier)
    assert report["tier"] == tier, report["reasons"]
    assert (report["user"] == 0) == (tier == "A")


@pytest.mark.parametrize(("tier", "attack"), CASES)
def test_attack_is_stopped(battlefield, tier, attack):
    outcome = battlefield(tier)["outcomes"][attack.name]
    assert not outcome["damage"], "it changed the judge's files"
    assert not outcome["left"], "its process is still there"
    assert outcome.get("value") is not True, "it won"
    if "error" in outcome:
        assert outcome["error"] in attack.errors, outcome
    elif "died" in outcome:
        assert any(death in outcome["died"] for death in attack.deaths), outcome
    else:
        assert outcome["value"] in attack.values or str(outcome["value"]) in attack.values \
            or outcome["kind"] in attack.values, outcome  # fmt: skip


@pytest.mark.xdist_group("unconfined")
@pytest.mark.parametrize("name", CONTROLS)
def test_the_same_attack_wins_where_nothing_confines(battlefield, name):
    assert battlefield("unconfined")["outcomes"][name].get("value") is True
