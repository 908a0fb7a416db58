// The second client, and a third way to compile: settings come from scripts/solc-settings.json, the compiler from npm.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const { version, settings } = JSON.parse(readFileSync(join(root, "scripts/solc-settings.json"), "utf8"));

export default {
  solidity: { version, path: join(root, "node_modules/solc/soljson.js"), settings },
  paths: { sources: "./contracts", tests: "./tests/hardhat", cache: "./.build/hardhat-cache", artifacts: "./.build/hardhat" },
  networks: { node: { type: "edr-simulated", chainType: "l1", chainId: 31337, allowUnlimitedContractSize: false } },
};
