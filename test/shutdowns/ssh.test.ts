// With a real SSH server: how each end of the client is understood. What cannot be brought about on one machine (a host that does not
// answer, other versions of the client) stands in ssh-outcome.test.ts.

import { existsSync, readFileSync, writeFileSync, chmodSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { type Sshd, startSshd } from "../support/sshd.ts";
import { made, mistakes, soon } from "./parts.ts";

const least = { type: "ssh", host: "build1.lab", user: "root" };

describe("The options of a shutdown over SSH", () => {
  it.each([
    [{ host: "-oProxyCommand=reboot" }, /^host: is not a host name or an address.*not beginning with `-`$/],
    [{ host: "" }, /^host: is empty/],
    [{ host: "a b" }, /^host: is not a host name/],
    [{ host: "a\nb" }, /^host: is not a host name/],
    [{ host: "lab%h" }, /^host: is not a host name/],
    [{ user: "-l" }, /^user: is not a user/],
    [{ user: "root@other" }, /^user: is not a user/],
    [{ port: 0 }, /^port: /],
    [{ port: 65_536 }, /^port: /],
    [{ identity: "id_lab" }, /^identity: is no whole path/],
    [{ identity: "/keys/%h" }, /^identity: is no whole path/],
    [{ identity: "/my keys/id" }, /^identity: is no whole path/],
    [{ knownHosts: "/a /b" }, /^knownHosts: is no whole path/],
    [{ command: "-oProxyCommand=reboot" }, /^command: begins with `-`/],
    [{ command: " " }, /^command: is empty/],
    [{ command: "a\0b" }, /NUL/],
    [{ acceptNew: true }, /^acceptNew: needs knownHosts/],
    [{ StrictHostKeyChecking: "no" }, /Unrecognized key/],
  ])("do not take %j", (wrong, sentence) => {
    expect(mistakes({ ...least, ...wrong })).toEqual([expect.stringMatching(sentence)]);
  });

  it.each([
    [{}],
    [{ host: "fe80::1" }],
    [{ host: "build_1.lab", user: "lab-admin" }],
    [{ port: 1 }],
    [{ port: 65_535 }],
    [{ identity: "~/.ssh/id_lab", knownHosts: "/etc/lastout/known_hosts" }],
    [{ command: "sudo -n systemctl poweroff" }],
  ])("take %j", (right) => {
    expect(mistakes({ ...least, ...right })).toEqual([]);
  });
});

describe("A shutdown over SSH", needing("sshd"), () => {
  let sshd: Sshd;
  let key: string;
  const others: Server[] = [];
  beforeAll(async () => {
    sshd = await startSshd();
    key = sshd.letIn();
  });
  afterAll(async () => {
    for (const server of others) {
      server.close();
    }
    await sshd.stop();
  });

  const run = (more: Readonly<Record<string, unknown>> = {}, signal = soon()) =>
    made({
      type: "ssh",
      host: "127.0.0.1",
      user: sshd.user,
      port: sshd.port,
      identity: key,
      knownHosts: sshd.knownHosts,
      ...more,
    }).run(signal);

  let scripts = 0;
  /** A key whose forced command is this script: what the machine calls `poweroff`. */
  const forced = (script: string): string => {
    const file = join(sshd.folder, `poweroff-${(scripts += 1)}`);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return sshd.letIn(`restrict,command="${file}"`);
  };

  /** Begin a shutdown whose command stays; its session is there when this resolves. */
  const begun = async (name: string, signal = soon()) => {
    const file = join(sshd.folder, name);
    const running = run({ identity: forced(`echo $$ > ${file}; exec sleep 60`) }, signal);
    const pid = Number(await written(file));
    return { running, pid };
  };

  const listening = async (serve: (socket: Socket) => void): Promise<number> => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      serve(socket);
    });
    others.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  };

  it("is done when the command ends with 0, and passes on its first line", async () => {
    const file = join(sshd.folder, "asked");
    const identity = forced(`echo "$SSH_ORIGINAL_COMMAND" > ${file}; echo going down`);
    expect(await run({ identity })).toEqual({ outcome: "done", message: "going down" });
    expect(readFileSync(file, "utf8")).toBe("poweroff\n");
    expect(await run({ identity: forced("exit 0") })).toEqual({
      outcome: "done",
      message: "the command ended with status 0",
    });
  });

  it("gives its command to the host's shell as it is written, and to no shell of this machine", async () => {
    const result = await run({ command: "echo \"$((1 + 1))\" '$HOME' ; exit 3" });
    expect(result).toEqual({ outcome: "failed", message: "the command ended with status 3: 2 $HOME" });
  });

  it("has failed when the command fails", async () => {
    expect(await run({ command: "echo no >&2; exit 7" })).toEqual({
      outcome: "failed",
      message: "the command ended with status 7: no",
    });
  });

  it("has failed when the forced command refuses, or there is no such command", async () => {
    expect(await run({ identity: forced("echo only backups >&2; exit 126") })).toEqual({
      outcome: "failed",
      message: "the host cannot or may not run the command (status 126): only backups",
    });
    const missing = await run({ command: "no-such-command-anywhere" });
    expect(missing).toMatchObject({
      outcome: "failed",
      message: expect.stringMatching(/status 127.*not found/),
    });
  });

  it("is accepted when the machine ends the session under its command", async () => {
    const { running, pid } = await begun("killed");
    signalled(
      sshd.sessions().filter((session) => session !== pid),
      "SIGKILL",
    );
    expect(await running).toMatchObject({
      outcome: "accepted",
      message: expect.stringMatching(/^the connection broke after the command was given: .*closed/),
    });
    signalled([pid], "SIGKILL");
  });

  it("is accepted when the machine kills the command itself, as one that goes down may", async () => {
    expect(await run({ identity: forced("kill -KILL $$") })).toEqual({
      outcome: "accepted",
      message: "the session ended without a status, as when the machine goes down under it",
    });
  });

  it.concurrent("is accepted within seconds when the machine falls silent under its command", async () => {
    const { running, pid } = await begun("silent");
    // A process that stands still answers no more than a machine that is off.
    const stopped = sshd.sessions().filter((session) => session !== pid);
    signalled(stopped, "SIGSTOP");
    const result = await running.finally(() => signalled([...stopped, pid], "SIGKILL"));
    expect(stopped).not.toEqual([]);
    expect(result.outcome).toBe("accepted");
  }, 20_000);

  it.concurrent("is unsure when something takes the connection and says nothing", async () => {
    const sockets: Socket[] = [];
    const port = await listening((socket) => sockets.push(socket));
    expect(await run({ port })).toMatchObject({
      outcome: "unsure",
      message: `port ${port} of 127.0.0.1 took the connection, but no SSH server answered`,
    });
    for (const socket of sockets) {
      socket.destroy();
    }
  }, 15_000);

  it("has failed when the key is not the right one", async () => {
    expect(await run({ identity: sshd.newKey() })).toEqual({
      outcome: "failed",
      message: `127.0.0.1 does not let ${sshd.user} in with this key`,
    });
  });

  it("has failed when others may read the key, and says so", async () => {
    const identity = sshd.letIn();
    chmodSync(identity, 0o644);
    const { outcome, message } = await run({ identity });
    expect(outcome).toBe("failed");
    expect(message).toContain(`others may read ${identity}, so it is not used; chmod 600 it`);
  });

  it("has failed when there is no key, or it cannot be read, and says so", async () => {
    const nowhere = join(sshd.folder, "no-key");
    expect((await run({ identity: nowhere })).message).toContain(`there is no ${nowhere}`);
    const broken = join(sshd.folder, "broken");
    writeFileSync(broken, "no key\n", { mode: 0o600 });
    const result = await run({ identity: broken });
    expect(result.outcome).toBe("failed");
    expect(result.message).toContain(`${broken} cannot be read as a key without a passphrase`);
    const locked = await run({ identity: sshd.newKey("a passphrase") });
    expect(locked.outcome).toBe("failed");
    expect(locked.message).toContain("does not let");
  });

  it("has failed when the host's key is not known, whichever file is looked into", async () => {
    const empty = join(sshd.folder, "empty");
    writeFileSync(empty, "");
    const result = await run({ knownHosts: empty });
    expect(result.outcome).toBe("failed");
    expect(result.message).toBe(
      `the key of 127.0.0.1 is not known: add it to ${empty} (ssh-keyscan -p ${sshd.port} 127.0.0.1), having compared it`,
    );
    expect(readFileSync(empty, "utf8")).toBe("");
    expect((await run({ knownHosts: undefined })).message).toContain("add it to ~/.ssh/known_hosts");
  });

  it("has failed when the host has another key, whatever else is allowed", async () => {
    const changed = join(sshd.folder, "changed");
    writeFileSync(changed, sshd.otherKey);
    for (const acceptNew of [false, true]) {
      const result = await run({ knownHosts: changed, acceptNew });
      expect(result.outcome).toBe("failed");
      expect(result.message).toContain(`the key of 127.0.0.1 is not the one in ${changed}`);
      expect(result.message).toContain(`ssh-keygen -R '[127.0.0.1]:${sshd.port}' -f ${changed}`);
    }
    expect(readFileSync(changed, "utf8")).toBe(sshd.otherKey);
  });

  it("keeps the key of a new host where that is allowed", async () => {
    const fresh = join(sshd.folder, "fresh");
    expect(await run({ knownHosts: fresh, acceptNew: true, command: "true" })).toMatchObject({
      outcome: "done",
    });
    expect(readFileSync(fresh, "utf8")).toContain(`[127.0.0.1]:${sshd.port} `);
    expect(await run({ knownHosts: fresh, command: "true" })).toMatchObject({ outcome: "done" });
  });

  it("has failed when a new key could not be kept: any other would be believed the next time", async () => {
    const nowhere = join(sshd.folder, "no-folder", "known_hosts");
    expect(await run({ knownHosts: nowhere, acceptNew: true, command: "true" })).toEqual({
      outcome: "failed",
      message: `the key of a new host could not be kept: the file ${nowhere} cannot be written (ENOENT)`,
    });
  });

  it("is unsure when nothing listens on the port: the machine is perhaps off", async () => {
    const port = await listening(() => undefined);
    others.pop()?.close();
    expect(await run({ port })).toEqual({
      outcome: "unsure",
      message: `port ${port} of 127.0.0.1 does not answer (Connection refused)`,
    });
  });

  it("has failed when the server breaks off before the login", async () => {
    const closing = await listening((socket) => socket.end());
    expect(await run({ port: closing })).toMatchObject({
      outcome: "failed",
      message: expect.stringMatching(/^the SSH server of 127\.0\.0\.1 broke off before the login: /),
    });
    const resetting = await listening((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await run({ port: resetting })).toMatchObject({
      outcome: "failed",
      message: expect.stringMatching(/^the SSH server of 127\.0\.0\.1 broke off before the login: /),
    });
  });

  it("has failed when the host has no address", async () => {
    expect(await run({ host: "nobody.invalid" })).toEqual({
      outcome: "failed",
      message:
        "the address of nobody.invalid cannot be found: correct the name, or add it to the name server",
    });
  });

  it("has failed at its deadline, and the client is ended", async () => {
    const time = new AbortController();
    const { running, pid } = await begun("late", time.signal);
    expect(sshd.sessions().length).toBeGreaterThan(0);
    time.abort();
    expect(await running).toEqual({
      outcome: "failed",
      message: "the command on 127.0.0.1 did not end in time; whether the machine shuts down is not known",
    });
    await eventually("its connection has ended", () => sshd.sessions().length === 0);
    signalled([pid], "SIGKILL");
  });

  it("has failed where there is no OpenSSH client, and says what to install", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = sshd.folder;
    const result = await run();
    process.env["PATH"] = path;
    expect(result).toEqual({
      outcome: "failed",
      message:
        "there is no program ssh on this machine: install it (Debian, Ubuntu: apt install openssh-client)",
    });
  });
});

const written = (file: string) =>
  eventually(`a process has written ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.endsWith("\n") ? text.trim() : undefined;
  });

/** To processes of this test's server, and to what stands for the machine's work, which does not end with its session. */
function signalled(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended.
    }
  }
}
