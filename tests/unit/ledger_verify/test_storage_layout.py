"""The slots that proofs are read from are those where the compiler puts the contracts' words."""

from typing import Any

import pytest
import solcx

from ledger_verify.header import MEMBERS_SLOT, SHELVES_SLOT, SIGNERS_SLOT
from scripts import build_contracts


@pytest.fixture(scope="module")
def layouts() -> dict[str, Any]:
    request = {
        "language": "Solidity",
        "sources": build_contracts.sources(),
        "settings": build_contracts.settings()["settings"]
        | {"remappings": ["@openzeppelin/=node_modules/@openzeppelin/"], "outputSelection": {"*": {"*": ["storageLayout"]}}},
    }
    binary = build_contracts.ROOT / "scripts" / "solc.mjs"
    answer = solcx.compile_standard(request, solc_binary=binary, base_path=str(build_contracts.ROOT))
    return {name: answer["contracts"][f"contracts/{name}.sol"][name]["storageLayout"] for name in build_contracts.CONTRACTS}


@pytest.mark.parametrize(
    ("contract", "label", "slot"),
    [
        ("ProvenanceLedger", "_shelves", SHELVES_SLOT),
        ("OrganizationRegistry", "_members", MEMBERS_SLOT),
        ("OrganizationRegistry", "_signers", SIGNERS_SLOT),
    ],
)
@pytest.mark.slow
def test_each_mapping_has_its_slot(layouts: dict[str, Any], contract: str, label: str, slot: int) -> None:
    (found,) = (one for one in layouts[contract]["storage"] if one["label"] == label)

    assert (int(found["slot"]), found["offset"]) == (slot, 0)


@pytest.mark.slow
def test_words_lie_alone_and_a_members_standing_above_its_first_signer(layouts: dict[str, Any]) -> None:
    types = {name: kind for layout in layouts.values() for name, kind in layout["types"].items()}
    members = {name.split(")")[0]: kind["members"] for name, kind in types.items() if "members" in kind}

    assert [(one["label"], one["slot"], one["offset"]) for one in members["t_struct(Shelf"]] == [("word", "0", 0)]
    assert [(one["label"], one["slot"], one["offset"]) for one in members["t_struct(Member"]] == [
        ("firstSigner", "0", 0),
        ("standing", "0", 20),
    ]
