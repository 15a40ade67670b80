// A real OpenSSH server on a free port of the loopback interface, as the user that runs the tests, with host key, authorized keys
// and configuration in a folder of its own. Where it is not installed, `sshdMissing` says so, and tests are skipped, visibly.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

const installed = (names: readonly string[]): string | undefined => names.find((path) => existsSync(path));
// It starts itself again for every connection, so it must be called by its whole path.
const program = installed(["/usr/sbin/sshd", "/usr/local/sbin/sshd"]);

/** Why tests with a real SSH server are skipped; `undefined` where there is one. */
export const sshdMissing: string | undefined =
  program === undefined || spawnSync("ssh", ["-V"]).error !== undefined
    ? "sshd or ssh is not installed (Debian: apt install openssh-server openssh-client)"
    : undefined;

export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly folder: string;
  /** A file of known hosts with this server's key. */
  readonly knownHosts: string;
  /** The line of a file of known hosts for a server of this port with another key. */
  readonly otherKey: string;
  /**
   * A new key that may log in.
   * @param options of authorized_keys, for example `restrict,command="..."`
   * @returns the file of the private key
   */
  letIn(options?: string): string;
  /** A new key that may not. */
  newKey(passphrase?: string): string;
  /** Processes of the server that serve a connection. */
  sessions(): readonly number[];
  stop(): Promise<void>;
}

export async function startSshd(): Promise<Sshd> {
  if (program === undefined) {
    throw new Error("sshd is not installed");
  }
  if (process.getuid?.() === 0) {
    mkdirSync("/run/sshd", { recursive: true, mode: 0o755 }); // Where root's server locks itself in; its service makes it, too.
  }
  const folder = mkdtempSync(join(tmpdir(), "lastout-sshd-"));
  let keys = 0;
  const newKey = (passphrase = ""): string => {
    const file = join(folder, `key-${(keys += 1)}`);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", file]);
    return file;
  };
  const port = await freePort();
  const hostKey = newKey();
  const authorized = join(folder, "authorized_keys");
  writeFileSync(authorized, "");
  const knownHosts = join(folder, "known_hosts");
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${publicKey(hostKey)}\n`);
  const configuration = join(folder, "sshd_config");
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "PrintMotd no",
    "PrintLastLog no",
  ];
  writeFileSync(configuration, `${settings.join("\n")}\n`);
  // Since OpenSSH 9.8 a server turns those away for a while who failed to log in, which these tests do for a living.
  const lenient = ["-o", "PerSourcePenalties=no"];
  const knowsPenalties = spawnSync(program, ["-t", "-f", configuration, ...lenient]).status === 0;
  const words = ["-D", "-e", "-f", configuration, ...(knowsPenalties ? lenient : [])];
  const server = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.on("data", (piece: Buffer) => {
    log += piece.toString();
  });
  await eventually("sshd accepts connections", async () => {
    if (server.exitCode !== null) {
      throw new Error(`sshd ended with ${server.exitCode}: ${log}`);
    }
    return accepts(port);
  });

  return {
    port,
    user: userInfo().username,
    folder,
    knownHosts,
    otherKey: `[127.0.0.1]:${port} ${publicKey(newKey())}\n`,
    newKey,
    letIn(options = "restrict") {
      const file = newKey();
      appendFileSync(authorized, `${options} ${publicKey(file)}\n`);
      return file;
    },
    sessions: () => descendants(server.pid ?? 0),
    async stop() {
      const left = descendants(server.pid ?? 0);
      await end(server);
      for (const pid of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended with its server.
        }
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const publicKey = (file: string): string => readFileSync(`${file}.pub`, "utf8").trim();

/** Children, their children and so on, the nearest first. */
function descendants(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean) : [];
  const pids = children.map(Number);
  return [...pids, ...pids.flatMap(descendants)];
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => {
      resolve();
    });
    child.kill("SIGTERM");
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}
