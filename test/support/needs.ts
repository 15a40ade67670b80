// What some tests need and not every machine has, in one place: such a test is skipped with its reason, which skip-report.ts names
// and counts at the end of the run. Use: `describe("...", needing("mosquitto"), () => { ... })`, and likewise with `it`.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mosquittoMissing } from "./mosquitto.ts";
import { sshdMissing } from "./sshd.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Why the test, or the group it is in, cannot run on this machine. */
    missing?: string;
  }
}

/** For each need the sentence that says why it is not met; `undefined` where it is. */
const missing = {
  mosquitto: () => mosquittoMissing,
  "mosquitto clients": () =>
    ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"].every(onPath)
      ? undefined
      : "mosquitto_pub, mosquitto_sub or mosquitto_rr is not installed (Debian: apt install mosquitto-clients)",
  ping: () => (pingWorks() ? undefined : "ping does not work here (Debian: apt install iputils-ping)"),
  sshd: () => sshdMissing,
  prlimit: () =>
    onPath("prlimit") ? undefined : "prlimit is not installed (Debian: apt install util-linux)",
  strace: () =>
    runs("strace", ["-o", "/dev/null", "true"])
      ? undefined
      : "strace is not installed or may not trace here (Debian: apt install strace)",
  openssl: () => (onPath("openssl") ? undefined : "openssl is not installed (Debian: apt install openssl)"),
  script: () => (onPath("script") ? undefined : "script is not installed (Debian: apt install bsdutils)"),
  perl: () => (onPath("perl") ? undefined : "perl is not installed (Debian: apt install perl-base)"),
  systemd: () =>
    ["systemd-analyze", "systemd-notify"].every(onPath)
      ? undefined
      : "systemd-analyze or systemd-notify is not installed (Debian: apt install systemd)",
  bash: () => (onPath("bash") ? undefined : "bash is not installed (Debian: apt install bash)"),
  zsh: () => (onPath("zsh") ? undefined : "zsh is not installed (Debian: apt install zsh)"),
  fish: () => (onPath("fish") ? undefined : "fish is not installed (Debian: apt install fish)"),
  mandoc: () => (onPath("mandoc") ? undefined : "mandoc is not installed (Debian: apt install mandoc)"),
  proc: () =>
    existsSync("/proc/self/stat")
      ? undefined
      : "this system has no /proc that tells of processes (Linux has)",
  root: () => (process.getuid?.() === 0 ? undefined : "only root may give files away"),
  tmpfs: () => (canMount() ? undefined : "a file system of its own cannot be mounted here (that takes root)"),
} as const;

export type Need = keyof typeof missing;

const known = new Map<Need, string | undefined>();

/** The first need that is not met, as a sentence. */
function unmet(...needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    if (!known.has(need)) {
      known.set(need, missing[need]());
    }
  }
  return needs.map((need) => known.get(need)).find((sentence) => sentence !== undefined);
}

/** Options for `it` or `describe`: skipped, with the reason noted, where a need is not met. */
export function needing(...needs: readonly Need[]): {
  readonly skip: boolean;
  readonly meta: { missing?: string };
} {
  const reason = unmet(...needs);
  return reason === undefined ? { skip: false, meta: {} } : { skip: true, meta: { missing: reason } };
}

const onPath = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(":").some((folder) => folder !== "" && existsSync(join(folder, program)));

function runs(file: string, words: readonly string[]): boolean {
  try {
    execFileSync(file, words, { stdio: "ignore", timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

const pingWorks = (): boolean => onPath("ping") && runs("ping", ["-c", "1", "-W", "1", "127.0.0.1"]);

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return false;
  }
  const folder = mkdtempSync(join(tmpdir(), "lastout-mount-"));
  try {
    return (
      runs("mount", ["-t", "tmpfs", "-o", "size=64k", "lastout-test", folder]) && runs("umount", [folder])
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
