// What the end of the OpenSSH client says about a shutdown. Its exit status is the command's own, or 255 for whatever went
// wrong with the connection, so then its last words decide. They were seen with OpenSSH 9.2; an older form is noted where known.

import type { ShutdownResult } from "../../ports/shutdown.ts";
import { type Ended, firstLine } from "../run-command.ts";
import { accepted, done, failed, unsure } from "./outcomes.ts";

interface Target {
  readonly host: string;
  readonly user: string;
  readonly port: number;
  readonly identity?: string | undefined;
  readonly knownHosts?: string | undefined;
}

export function outcomeOf(ended: Ended, target: Target): ShutdownResult {
  switch (ended.kind) {
    case "exited":
      return ended.status === 255
        ? outcomeOfWords(ended.errors, target)
        : outcomeOfCommand(ended.status, ended.output);
    case "aborted":
      return failed(
        `the command on ${target.host} did not end in time; whether the machine shuts down is not known`,
      );
    case "killed-by":
      return failed(`ssh was ended by ${ended.name}`);
    case "stuck":
      return failed("an earlier ssh was killed and has still not ended");
    case "failed":
      return failed(
        ended.code === "ENOENT"
          ? "there is no program ssh on this machine: install it (Debian, Ubuntu: apt install openssh-client)"
          : `ssh cannot be started (${ended.code})`,
      );
  }
}

function outcomeOfCommand(status: number, output: string): ShutdownResult {
  const line = firstLine(output);
  const said = line === "" ? "" : `: ${line}`;
  switch (status) {
    case 0:
      return done(line === "" ? "the command ended with status 0" : line);
    case 126:
    case 127: // POSIX shells: found but not executable, not found.
      return failed(`the host cannot or may not run the command (status ${status})${said}`);
    default:
      return failed(`the command ended with status ${status}${said}`);
  }
}

/** Only the last line is the client's own for sure: before it stands what the command and the server had to say. */
function outcomeOfWords(errors: string, target: Target): ShutdownResult {
  const { host, port, user } = target;
  const last = firstLine(errors.trimEnd().split("\n").toReversed().join("\n"));
  if (last === "") {
    // A login that fails is never silent. The session ended without a status: what it ran was killed.
    return accepted("the session ended without a status, as when the machine goes down under it");
  }
  if (afterLogin.some((words) => words.test(last))) {
    return accepted(`the connection broke after the command was given: ${last}`);
  }
  const reason = /^ssh: connect to host .+ port \d+: (.+)$/.exec(last)?.[1];
  if (reason !== undefined) {
    return notReached.test(reason)
      ? unsure(`port ${port} of ${host} does not answer (${reason})`)
      : failed(`no connection to port ${port} of ${host} could be tried (${reason})`);
  }
  if (duringBanner.test(last)) {
    return unsure(`port ${port} of ${host} took the connection, but no SSH server answered`);
  }
  if (/^ssh: Could not resolve hostname /i.test(last)) {
    return failed(`the address of ${host} cannot be found: correct the name, or add it to the name server`);
  }
  if (last.startsWith("Host key verification failed")) {
    return failed(hostKeySentence(errors, target));
  }
  if (/: Permission denied \(.*\)\.?$/.test(last)) {
    return failed(`${host} does not let ${user} in with this key${whyNoLogin(errors, target)}`);
  }
  if (beforeLogin.some((words) => words.test(last))) {
    return failed(`the SSH server of ${host} broke off before the login: ${last}`);
  }
  return failed(`ssh ended with status 255: ${last}`);
}

/** The client says these only once it is logged in. */
const afterLogin = [
  /^Connection to .+ closed by remote host\.?$/,
  /^Read from remote host .+: /,
  /^Timeout, server .+ not responding\.?$/,
  /^client_loop: send disconnect: /,
  /^packet_write_wait: Connection to .+: Broken pipe$/, // OpenSSH 7
  /^Write failed: Broken pipe$/, // OpenSSH 6
];

/** The system's words for a host, or a network, that is not there; and for one whose server is not (any more). */
const notReached =
  /timed out|no route to host|host is (down|unreachable)|network is (down|unreachable)|refused/i;

const duringBanner = /^Connection timed out during banner exchange|^ssh_exchange_identification: .*timed out/;

const beforeLogin = [
  /^kex_exchange_identification: /,
  /^ssh_exchange_identification: /, // OpenSSH 7 and older
  /^Connection (closed|reset) by /,
  /^(Received disconnect|Disconnected) from /,
  /^ssh_dispatch_run_fatal: /,
];

function hostKeySentence(errors: string, { host, port, knownHosts }: Target): string {
  const where = knownHosts ?? "~/.ssh/known_hosts";
  const name = port === 22 ? host : `[${host}]:${port}`;
  return /REMOTE HOST IDENTIFICATION HAS CHANGED/.test(errors)
    ? `the key of ${host} is not the one in ${where}: somebody else may answer in its place. ` +
        `If it has a new key, remove the old one with ssh-keygen -R '${name}' -f ${where}`
    : `the key of ${host} is not known: add it to ${where} (ssh-keyscan -p ${port} ${host}), having compared it`;
}

function whyNoLogin(errors: string, { identity }: Target): string {
  if (/^Permissions \d+ for .* are too open/m.test(errors)) {
    return `: others may read ${identity ?? "the private key"}, so it is not used; chmod 600 it`;
  }
  if (/^Warning: Identity file .* not accessible/m.test(errors) || /^no such identity: /m.test(errors)) {
    return `: there is no ${identity ?? "private key"}, or it may not be read`;
  }
  if (/^Load key ".*": /m.test(errors)) {
    return `: ${identity ?? "a private key"} cannot be read as a key without a passphrase`;
  }
  return "";
}
