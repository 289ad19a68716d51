// Compiles one Solidity file with npm solc and prints the artifact.
//
//     node compile.js NODE_MODULES CONTRACT.sol
//
// The same source gives the same bytes everywhere: compiler and settings are fixed, and
// no metadata hash, which covers file names, is appended. `paris` is the last EVM version
// without PUSH0, which chains that follow Ethereum at a distance may not know.

"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [modules, file] = process.argv.slice(2);
const solc = require(path.join(path.resolve(modules), "solc"));

const settings = {
  evmVersion: "paris",
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  optimizer: { enabled: true, runs: 200 },
  viaIR: false,
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const source = path.basename(file);
const name = path.basename(file, ".sol");
const input = {
  language: "Solidity",
  sources: { [source]: { content: fs.readFileSync(file, "utf8") } },
  settings: {
    ...settings,
    outputSelection: {
      [source]: { [name]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] },
    },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
// A warning fails as well: nothing that reaches a chain is compiled with one.
const complaints = (output.errors ?? []).filter(({ severity }) => severity !== "info");
if (complaints.length > 0) {
  fail(complaints.map(({ formattedMessage }) => formattedMessage).join("\n"));
}
const contract = output.contracts?.[source]?.[name];
if (contract === undefined) {
  fail(`${source} has no contract ${name}`);
}

const artifact = {
  abi: contract.abi,
  bytecode: `0x${contract.evm.bytecode.object}`,
  runtime: `0x${contract.evm.deployedBytecode.object}`,
  compiler: solc.version(),
  settings,
};
process.stdout.write(`${JSON.stringify(artifact, null, 2)}\n`);
