"""Deploy the two contracts to the chain behind a URL and write `deployments/<chain id>.json`.

Keys come from the home folder (`LEDGER_HOME`): its owner key pays and becomes the registry's owner. Nothing is deployed when
the file is there already and the chain agrees with it. `ledger deploy` does the same with the file inside the home.
"""

import argparse
from pathlib import Path

from ledger_api.chain.rpc import Node
from ledger_api.service import CONSORTIUM_DID, deploy_once
from ledger_api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rpc_url")
    parser.add_argument("--consortium", default=CONSORTIUM_DID, help="DID of the consortium")
    asked = parser.parse_args()
    chain_id = int(Node(asked.rpc_url).call("eth_chainId"), 16)
    path = ROOT / "deployments" / f"{chain_id}.json"
    made = deploy_once(Settings(deployment=str(path)), asked.rpc_url, consortium_did=asked.consortium)
    print(f"{path}\nregistry 0x{made.registry.hex()}\nledger 0x{made.ledger.hex()}")


if __name__ == "__main__":
    main()
