// Tries the service and docs/getting-started.md as a newcomer meets them: a bare Debian with a live systemd, made and booted for it, in
// which the page is typed, and then the running service is looked at and ill-treated. For maintainers: it needs root and a Debian, and
// takes four minutes, most of them the page's own waiting and systemd's. What it makes it removes, also after a failure or a Ctrl-C.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { must, root as project } from "./steps.ts";
import { type AtEnd, boot, makeDebian } from "./try-service/container.ts";
import { serveNode } from "./try-service/node-site.ts";
import { gettingStarted, typePage } from "./try-service/page.ts";
import { createPrograms } from "./try-service/programs.ts";
import { checkService } from "./try-service/service.ts";

const interruption = new AbortController();
const programs = createPrograms(interruption.signal);
const endings: Parameters<AtEnd>[0][] = [];
const atEnd: AtEnd = (ending) => endings.push(ending);

const missing = whatIsMissing();
if (missing !== undefined) {
  console.error(`try-service: ${missing}`);
  process.exit(1);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => interruption.abort(new Error(`ended by ${signal}`)));
}
process.stdout.on("error", () => undefined); // The terminal may be gone while there is still something to remove.

let status = 0;
try {
  await Promise.race([tryAll(), untilInterrupted()]);
} catch (error) {
  status = 1;
  console.error(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
}
progress("removing what was made");
for (const ending of endings.toReversed()) {
  try {
    await ending();
  } catch (error) {
    status = 1;
    console.error(`try-service: ${String(error)}`);
  }
}
// After an interruption something may still be on its way; nothing is worth waiting for.
process.exit(status);

async function tryAll(): Promise<void> {
  await tellWhatIsTried();
  progress("a bare Debian 12 is made");
  const root = await makeDebian(programs, atEnd);
  progress("it boots");
  const container = await boot(root, programs, atEnd);
  const port = await brokersPort();
  const nodejsOrg = await nodeSite();
  progress("docs/getting-started.md is typed");
  const socket = await typePage(container, { port, nodejsOrg }, atEnd, (heading) => progress(`  ${heading}`));
  progress("the service is looked at, and ill-treated");
  try {
    await checkService(container, socket, (sentence) => console.log(`    ok  ${sentence}`));
  } catch (error) {
    console.error(await container.run("journalctl -u lastout -n 30 -o cat"));
    throw error;
  }
  progress("all of it works");
}

function whatIsMissing(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return "it boots a Debian in a container, and that takes root on Linux";
  }
  if (!existsSync("/etc/os-release") || !/^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"))) {
    return "it needs a Debian, whose keys it trusts";
  }
  const packages = Object.entries({ debootstrap: "debootstrap", "systemd-nspawn": "systemd-container" })
    .filter(([program]) => !["/usr/bin", "/usr/sbin"].some((folder) => existsSync(join(folder, program))))
    .map(([, name]) => name);
  return packages.length === 0 ? undefined : `first: apt-get install -y ${packages.join(" ")}`;
}

async function tellWhatIsTried(): Promise<void> {
  progress(`tried is ${(await git("log", "-1", "--format=%h %s")).trim()}`);
  if ((await git("status", "--porcelain", "--untracked-files=no")) !== "") {
    console.log("        what is not committed is not in it: the page's 'git clone' takes commits only");
  }
}

function git(...words: readonly string[]): Promise<string> {
  return programs.run("git", ["-c", "safe.directory=*", "-C", project, ...words]);
}

/** mosquitto's own, unless it is taken here: the container has the machine's network. */
async function brokersPort(): Promise<number> {
  const port = (await ifFree(1883)) ?? (await ifFree(0));
  must(port !== undefined, "a port is free for the broker");
  if (port !== 1883) {
    console.log(`        port 1883 is taken on this machine; the broker in the container gets ${port}`);
  }
  return port;
}

function ifFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : undefined));
    });
  });
}

async function nodeSite(): Promise<string> {
  const site = "https://nodejs.org";
  const version = /node-v([\d.]+)-linux/.exec(gettingStarted.text)?.[1];
  must(version !== undefined, "the page says which Node it takes");
  try {
    await fetch(`${site}/dist/v${version}/SHASUMS256.txt`, { signal: AbortSignal.timeout(10_000) });
    return site;
  } catch {
    console.log(`        ${site} cannot be reached; its Node is made from the project's own`);
    return serveNode(version, programs, atEnd);
  }
}

function untilInterrupted(): Promise<never> {
  return new Promise((_, reject) => {
    interruption.signal.addEventListener("abort", () => reject(interruption.signal.reason));
  });
}

function progress(sentence: string): void {
  console.log(`${String(Math.round(performance.now() / 1000)).padStart(4)} s  ${sentence}`);
}
