// Where nodejs.org cannot be reached from: the tarball that it would give, made from the project's own Node and the registry's npm, with
// its checksum, on this machine only. Not a way to install Node.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root as project } from "../steps.ts";
import type { AtEnd } from "./container.ts";
import type { Programs } from "./programs.ts";

/** @returns what stands in the place of https://nodejs.org */
export async function serveNode(version: string, programs: Programs, atEnd: AtEnd): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-node-"));
  atEnd(async () => rmSync(folder, { recursive: true, force: true }));
  const name = `node-v${version}-linux-${process.arch}`;
  const packed = `${name}.tar.gz`;
  const modules = join(folder, name, "lib/node_modules");
  mkdirSync(join(folder, name, "bin"), { recursive: true });
  mkdirSync(modules, { recursive: true });
  cpSync(join(project, "node_modules/node/bin/node"), join(folder, name, "bin/node"));
  // The npm that comes with Node 24.
  await programs.run("npm", ["pack", "--silent", "--pack-destination", folder, "npm@11"]);
  await programs.run("sh", [
    "-c",
    `tar -xzf ${folder}/npm-*.tgz -C ${modules} && mv ${modules}/package ${modules}/npm`,
  ]);
  for (const tool of ["npm", "npx"]) {
    symlinkSync(`../lib/node_modules/npm/bin/${tool}-cli.js`, join(folder, name, "bin", tool));
  }
  await programs.run("tar", ["-C", folder, "-I", "gzip -1", "-cf", join(folder, packed), name]);
  const sum = createHash("sha256")
    .update(readFileSync(join(folder, packed)))
    .digest("hex");
  writeFileSync(join(folder, "SHASUMS256.txt"), `${sum}  ${packed}\n`);

  const files = [packed, "SHASUMS256.txt"];
  const server = createServer((request, response) => {
    const file = files.find((one) => request.url === `/dist/v${version}/${one}`);
    response.statusCode = file === undefined ? 404 : 200;
    response.end(file === undefined ? "" : readFileSync(join(folder, file)));
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}
