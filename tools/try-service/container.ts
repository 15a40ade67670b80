// A bare Debian 12 with a live systemd, in a folder of its own: made by debootstrap, booted by systemd-nspawn, commands go in by nsenter.
// It shares the machine's network, because apt and npm must reach theirs, and what is simulated must reach its broker.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import { must, root as project } from "../steps.ts";
import { createPrograms, type How, type Programs, type Started } from "./programs.ts";

export interface Container {
  /** Its root folder, as this machine sees it. */
  readonly root: string;
  /** With bash, to its end. @returns what it printed @throws when it fails, with what it printed */
  readonly run: (command: string) => Promise<string>;
  /** What a person types at a terminal; the folder that it changes to is the next one's. */
  typed(command: string, how?: How): Promise<string>;
  /** The same, left running. */
  begin(command: string): Started;
}

export type AtEnd = (ending: () => Promise<unknown>) => void;

/** The project in there. */
export const bound = "/src";

/** What clears up runs in any case. */
const endingPrograms = createPrograms(new AbortController().signal);

/** /tmp may be a small file system in memory, on which no devices may be made. */
const temporary = "/var/tmp/lastout-try-";

export async function makeDebian(programs: Programs, atEnd: AtEnd): Promise<string> {
  const folder = mkdtempSync(temporary);
  atEnd(async () => {
    await programs.allEnded();
    // Not by Node, and never into what might still be mounted there.
    await endingPrograms.run("rm", ["-rf", "--one-file-system", folder]);
  });
  const root = join(folder, "root");
  // What it mounts is in a name space of its own, and gone with it however it ends.
  const debootstrap = "debootstrap --force-check-gpg --variant=minbase --include=systemd-sysv,dbus bookworm";
  await programs.run("unshare", ["--mount", ...debootstrap.split(" "), root, "http://deb.debian.org/debian"]);
  // How this machine reaches the archive, the registry and names.
  const acquire = await programs.run("apt-config", ["dump", "Acquire"]);
  writeFileSync(join(root, "etc/apt/apt.conf.d/99machine"), acquire);
  cpSync("/etc/resolv.conf", join(root, "etc/resolv.conf"), { dereference: true });
  const authorities = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  if (existsSync(authorities)) {
    cpSync(authorities, join(root, "etc/machine-ca.crt"), { dereference: true });
  }
  // The project is somebody else's for the root in there, and git would not clone it.
  writeFileSync(join(root, "root/.gitconfig"), "[safe]\n\tdirectory = *\n");
  writeFileSync(join(root, "etc/hostname"), "hub\n");
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost hub hub.lab build1.lab\n");
  return root;
}

export async function boot(root: string, programs: Programs, atEnd: AtEnd): Promise<Container> {
  const machine = `lastout-try-${process.pid}`;
  const nspawn = programs.start("sh", ["-c", inItsCgroup(machine, atEnd), "sh", ...nspawnOf(machine, root)]);
  atEnd(() => powerOff(nspawn));
  const leader = await eventually("the container has a first process", () => childOf(nspawn), 10_000);
  const inside = [
    ...`-t ${leader} -m -u -i -n -p -C -r -w env -i HOME=/root TERM=xterm SHELL=/bin/bash`.split(" "),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_PAGER=", // Nobody turns pages here.
    ...ofThisMachine(root),
  ];
  const words = (command: string): readonly string[] => [
    ...inside,
    "script",
    "-qec",
    `cd "$(cat /run/typed-in)"; trap 'pwd > /run/typed-in' EXIT; set -eo pipefail\n${command}`,
    "/dev/null",
  ];
  const container: Container = {
    root,
    run: (command) => programs.run("nsenter", [...inside, "bash", "-c", command]),
    typed: (command, how) => programs.run("nsenter", words(command), how),
    begin: (command) => programs.start("nsenter", words(command)),
  };
  await eventually(
    "systemd is up",
    async () => {
      must(childOf(nspawn) !== undefined, `the container ended:\n${nspawn.text()}`);
      const state = await container.run("systemctl is-system-running --wait || true").catch(String);
      return /^(?:running|degraded)/m.test(state);
    },
    30_000,
  );
  await container.run("echo /root > /run/typed-in");
  return container;
}

const nspawnOf = (machine: string, root: string): readonly string[] => [
  ..."systemd-nspawn --quiet --register=no -b --console=passive".split(" "),
  `--machine=${machine}`,
  `--bind-ro=${project}:${bound}`,
  `--directory=${root}`,
];

/** With a systemd, nspawn asks it for a cgroup. Elsewhere it gets one here, or the container would take over that of this script. */
function inItsCgroup(machine: string, atEnd: AtEnd): string {
  if (existsSync("/run/systemd/system")) {
    return 'exec "$@"';
  }
  const hybrid = "/sys/fs/cgroup/systemd";
  const old = existsSync(hybrid);
  const cgroup = join(old ? hybrid : "/sys/fs/cgroup", machine);
  mkdirSync(cgroup);
  atEnd(() => endingPrograms.run("find", [cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]));
  const hierarchy = old ? "export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0; " : "";
  return `echo $$ > ${cgroup}/cgroup.procs; ${hierarchy}program=$1; shift; exec "$program" --keep-unit "$@"`;
}

/** The container's first process, when it is systemd already. */
function childOf({ pid }: Started): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .find(
        (child) => child !== "" && /^(?:init|systemd)$/m.test(readFileSync(`/proc/${child}/comm`, "utf8")),
      );
  } catch {
    return undefined; // One of them has ended between the two looks.
  }
}

const ofThisMachine = (root: string): readonly string[] => [
  ...["http_proxy", "https_proxy", "no_proxy"].flatMap((name) => {
    const value = process.env[name] ?? "";
    return value === "" ? [] : [`${name}=${value}`];
  }),
  ...(existsSync(join(root, "etc/machine-ca.crt")) ? ["NODE_EXTRA_CA_CERTS=/etc/machine-ca.crt"] : []),
];

async function powerOff({ pid, ended }: Started): Promise<void> {
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended already.
    }
  };
  kill("SIGTERM"); // nspawn passes it on as a shutdown, and on SIGKILL the container dies with it.
  const timer = setTimeout(() => kill("SIGKILL"), 20_000);
  await ended.catch(() => undefined);
  clearTimeout(timer);
}
