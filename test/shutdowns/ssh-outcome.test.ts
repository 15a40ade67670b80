// What the OpenSSH client says in cases that one machine cannot bring about. The words are those that OpenSSH 9.2 was seen to say,
// or stand in the sources of the version that is named.

import { describe, expect, it } from "vitest";
import { outcomeOf } from "../../src/adapters/shutdowns/ssh-outcome.ts";

const target = {
  host: "build1.lab",
  user: "lab",
  port: 22,
  identity: "/keys/lab",
  knownHosts: "/keys/known",
};
const ended = (status: number, errors: string, output = "") =>
  outcomeOf({ kind: "exited", status, output: `${output}\n${errors}`, errors }, target);

describe("The client's own failure (255) is understood by its last line", () => {
  it.each([
    ["", "accepted", "without a status"],
    ["Connection to build1.lab closed by remote host.", "accepted", "after the command was given"],
    ["client_loop: send disconnect: Broken pipe", "accepted", "after the command was given"],
    ["client_loop: send disconnect: Connection reset by peer", "accepted", "after the command was given"],
    [
      "packet_write_wait: Connection to 10.0.0.5 port 22: Broken pipe",
      "accepted",
      "after the command was given",
    ],
    ["Write failed: Broken pipe", "accepted", "after the command was given"],
    ["Read from remote host build1.lab: Connection reset by peer", "accepted", "after the command was given"],
    ["Timeout, server build1.lab not responding.", "accepted", "after the command was given"],
    ["ssh: connect to host build1.lab port 22: Connection timed out", "unsure", "Connection timed out"],
    ["ssh: connect to host build1.lab port 22: No route to host", "unsure", "No route to host"],
    ["ssh: connect to host build1.lab port 22: Connection refused", "unsure", "Connection refused"],
    ["ssh: connect to host build1.lab port 22: Network is unreachable", "unsure", "Network is unreachable"],
    ["ssh: connect to host build1.lab port 22: Host is down", "unsure", "Host is down"],
    ["ssh: connect to host build1.lab port 22: Permission denied", "failed", "could be tried"],
    ["Connection timed out during banner exchange", "unsure", "no SSH server answered"],
    [
      "ssh: Could not resolve hostname build1.lab: Temporary failure in name resolution",
      "failed",
      "the address of build1.lab cannot be found",
    ],
    ["lab@build1.lab: Permission denied (publickey).", "failed", "does not let lab in with this key"],
    [
      'Load key "/keys/lab": Permission denied\r\nlab@build1.lab: Permission denied (publickey).',
      "failed",
      "/keys/lab cannot be read as a key",
    ],
    [
      "No ED25519 host key is known for build1.lab and you have requested strict checking.\r\nHost key verification failed.\r\n",
      "failed",
      "the key of build1.lab is not known: add it to /keys/known",
    ],
    [
      "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.\r\n",
      "failed",
      "ssh-keygen -R 'build1.lab' -f /keys/known",
    ],
    [
      "kex_exchange_identification: Connection closed by remote host",
      "failed",
      "broke off before the login: kex_exchange_identification",
    ],
    [
      "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 10.0.0.5 port 22",
      "failed",
      "broke off before the login",
    ],
    ["Connection closed by 10.0.0.5 port 22", "failed", "broke off before the login"],
    [
      "Received disconnect from 10.0.0.5 port 22:2: Too many authentication failures\r\nDisconnected from 10.0.0.5 port 22",
      "failed",
      "broke off before the login",
    ],
    ["Bad owner or permissions on /etc/ssh/x", "failed", "ssh ended with status 255: Bad owner"],
  ])("%j is %s", (errors, outcome, words) => {
    const result = ended(255, errors);
    expect(result.outcome).toBe(outcome);
    expect(result.message).toContain(words);
  });

  it("and not by what the command said before", () => {
    const said = "Connection to x closed by remote host.";
    expect(ended(255, `${said}\nlab@build1.lab: Permission denied (publickey).`).outcome).toBe("failed");
    expect(ended(255, "no more of this", said).outcome).toBe("failed");
  });
});

it("Whatever the command says, its own status decides: 0 is done and 1 to 254 have failed", () => {
  const said = "Connection to build1.lab closed by remote host.";
  expect(ended(0, said)).toMatchObject({ outcome: "done" });
  expect(ended(1, said)).toMatchObject({ outcome: "failed" });
  expect(ended(254, said)).toMatchObject({ outcome: "failed" });
  expect(ended(255, said)).toMatchObject({ outcome: "accepted" });
});

it("A client that is killed, hangs, or cannot be started, has failed", () => {
  expect(outcomeOf({ kind: "killed-by", name: "SIGKILL" }, target)).toEqual({
    outcome: "failed",
    message: "ssh was ended by SIGKILL",
  });
  expect(outcomeOf({ kind: "stuck" }, target).outcome).toBe("failed");
  expect(outcomeOf({ kind: "failed", code: "EAGAIN" }, target)).toEqual({
    outcome: "failed",
    message: "ssh cannot be started (EAGAIN)",
  });
});
