#!/usr/bin/env node
// A `solc` for everybody: the pinned WebAssembly compiler behind the two calls that tools make,
// `--version` and `--standard-json`. py-solc-x, forge and slither all use it, so that there is one compiler.
import { readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(join(root, "package.json"));
const solc = require("solc");
const args = process.argv.slice(2);

function option(name) {
  const at = args.indexOf(name);
  return at >= 0 ? args[at + 1] : undefined;
}

function findImport(path) {
  const bases = [option("--base-path"), root, join(root, "node_modules"), process.cwd()].filter(Boolean);
  for (const base of bases) {
    const file = resolve(base, path);
    if (existsSync(file)) return { contents: readFileSync(file, "utf8") };
  }
  return { error: `File not found: ${path}` };
}

if (args.includes("--version")) {
  const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else if (args.includes("--standard-json")) {
  const file = args.filter((arg) => !arg.startsWith("--")).find((arg) => arg.endsWith(".json") && existsSync(arg));
  const input = readFileSync(file ?? 0, "utf8");
  process.stdout.write(solc.compile(input, { import: findImport }));
} else {
  console.error("solc.mjs answers --version and --standard-json");
  process.exit(2);
}
