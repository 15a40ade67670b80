// Tries the package as a user gets it: packed, installed from the tarball in an empty folder, started there. It also starts it
// with the other Node versions that it promises to run on, where npm can bring them (`--versions 22,26`).

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { must, root, runProgram, startProgram } from "./steps.ts";

const { values } = parseArgs({ options: { versions: { type: "string", default: "" } } });
const folder = await mkdtemp(join(tmpdir(), "lastout-package-"));
try {
  await runProgram("npm", ["pack", "--pack-destination", folder], root);
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  must(tarball !== undefined, "npm pack made a tarball");
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  await runProgram("npm", ["install", "--no-audit", "--no-fund", join(folder, tarball)], folder);

  const installed = await readdir(join(folder, "node_modules"));
  must(
    !["node", "typescript", "mqtt"].some((name) => installed.includes(name)),
    "users do not get what only developers need, nor what is built in",
  );
  const notices = await readFile(join(folder, "node_modules/lastout/dist/THIRD-PARTY.txt"), "utf8");
  must(/^mqtt 5\./m.test(notices) && /^ws 8\./m.test(notices), "the licences of what is built in are told");
  const bin = join(folder, "node_modules", ".bin", "lastout");
  const nodes = [
    process.execPath,
    ...(await otherNodes(values.versions.split(",").filter((name) => name !== ""))),
  ];
  for (const node of nodes) {
    await tryWith(node, bin);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Real Node binaries of other versions, as packages of the npm registry. */
async function otherNodes(versions: readonly string[]): Promise<string[]> {
  const nodes: string[] = [];
  for (const version of versions) {
    const place = join(folder, `node-${version}`);
    const platform = `node-${process.platform}-${process.arch}`;
    await runProgram(
      "npm",
      ["install", "--prefix", place, "--no-audit", "--no-fund", `${platform}@${version}`],
      folder,
    );
    nodes.push(join(place, "node_modules", platform, "bin", "node"));
  }
  return nodes;
}

async function tryWith(node: string, bin: string): Promise<void> {
  const version = (await runProgram(node, ["--version"], folder)).trim();
  const own = (await runProgram(node, [bin, "--version"], folder)).trim();
  must(/\d+\.\d+\.\d+/.test(own), `--version prints a version, not '${own}'`);
  const file = join(folder, "node_modules", "lastout", "config", "smallest.yaml");
  await runProgram(node, [bin, "check", "--config", file], folder);
  const demo = startProgram(node, [bin, "serve", "--demo"], { cwd: folder });
  try {
    await demo.waitFor(/Ctrl-C ends the demo/, 20_000);
  } finally {
    const code = await demo.stop();
    must(code === 0, `the installed program ends with 0, not with ${code}:\n${demo.output()}`);
  }
  process.stdout.write(`lastout ${own} from its tarball works with Node ${version}\n`);
}
