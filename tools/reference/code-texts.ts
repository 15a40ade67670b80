// What every code means and what to do about it, for docs/errors.md: of replies, of a resource's problems, of the command line, and of
// its exit status. A code without a text does not compile. The sentences of single cases stand where the cases are found.

import type { ProblemCode } from "../../src/core/pictures.ts";
import type { ErrorCode } from "../../src/core/requests.ts";
import type { exits, FailureCode } from "../../src/cli/exit-codes.ts";

/** Markdown, both. */
export interface CodeText {
  readonly meaning: string;
  readonly cure: string;
}

/** Protocol section 8.1. */
export const errorTexts: Readonly<Record<ErrorCode, CodeText>> = {
  "invalid-request": {
    meaning:
      "the request has a form that this version does not take: an unknown field, a wrong value, bytes that are not UTF-8, broken JSON, an empty payload, a field that goes with something else (`until` with `auto`), an operator's request to a pool",
    cure: "mend the request; the message names the field",
  },
  "unknown-resource": {
    meaning: "the configuration has no resource or pool of this name",
    cure: "mend the name, the message suggests the nearest; `lastout status` lists all",
  },
  "unknown-token": {
    meaning:
      "the resource has no such token, or no longer; the message says how and when it ended, for a day",
    cure: "on a release: nothing, it is done. On a renew: acquire again, and see whether the `ttl` is long enough for the pauses between renewals",
  },
  "token-taken": {
    meaning: "acquire with the id of a token that another owner holds, or that is over other resources",
    cure: "use ids that are yours: a build tag, a host and process id, or `{}` to have one made up; a token over several resources is renewed over `controller/acquire` or `controller/renew`",
  },
  "not-owner": {
    meaning: "renew or release named an owner, and the token belongs to another",
    cure: "name the right owner, or none. With `access: users` the owner is the user in the topic, and only operators may end the tokens of others",
  },
  "ttl-too-long": {
    meaning: "`ttl` is above `ttl.max`, or `ttl.total` is used up",
    cure: "ask for less and renew; with `ttl.total` used up release and acquire anew; or change the configuration",
  },
  busy: {
    meaning:
      "it is not free for this request: held exclusively, its `capacity` is used up, an exclusive token was asked for and others hold tokens, or others wait ahead; and the request names no `timeout` or 0, so that it does not queue. Of `cycle`: others hold tokens, need the resource, or use its outlet",
    cure: "give a `timeout`, and the request queues; see who holds it with `lastout tokens`; ask for a pool instead of one machine. For `cycle`: ask the holders, or use `force` if their work may be lost",
  },
  timeout: {
    meaning:
      "the request's own `timeout` is over, in the queue or while waiting for the state; or it was 0 and not all was there",
    cure: "allow more time, or look at the resource's problem, which the message names",
  },
  "locked-out": {
    meaning:
      "an operator has locked the resource out, or something that it needs, or another resource on its outlet; of a pool, all members. The message says who and why, as far as they said. A request that waited, and a token that was held, end with it, too",
    cure: "ask whoever locked it out. Their hands may be in it: lift it (`auto`) only when you know that they are done",
  },
  "power-failed": {
    meaning:
      "the controller has stopped trying: the machine did not boot, the switcher does not answer or follow, a hand switched it off, something that it needs has failed, or `observe` is set. Of `cycle`: the position of its outlets is not known",
    cure: "look at the resource's problem below",
  },
  released: {
    meaning: "the token was released while this request still waited",
    cure: "nothing, unless you did not expect it: then two jobs share an id",
  },
  forbidden: {
    meaning:
      "with `access: users`: a request whose topic names no user, or an operator's request (`override`, `cycle`) by somebody else. Or the reply topic lies outside the reply space (with `access: users`: the user's own). Where no reply can go anywhere it is told as an event only",
    cure: "publish to the topic that ends in your user; have yourself added to `operators`; use a reply topic below `lastout/reply/` (with `access: users` below `lastout/reply/<user>/`), or add to `mqtt.replyPrefixes`",
  },
  "retained-request": {
    meaning: "the request was published with the retain flag",
    cure: "publish without it (`mosquitto_pub` without `-r`); the controller has cleared the retained one",
  },
  "too-large": {
    meaning:
      "the payload is above `limits.payload` (16 KiB, 1 MiB at most). A request of more than 1088 KiB with its topic and properties gets no reply: over MQTT 5 the broker drops it, the embedded one ends the sender's connection",
    cure: "send less",
  },
  "limit-reached": {
    meaning:
      "all tokens of `limits.tokens` are in use (queued requests count, too), or more than 16 requests wait on one token",
    cure: "look for a client that acquires without releasing: `lastout tokens`",
  },
  unavailable: {
    meaning: "the store cannot write; nothing was granted or released",
    cure: "make room on the disk or mend it, see [operations.md](operations.md); then ask again",
  },
};

/** Protocol section 8.2. */
export const problemTexts: Readonly<Record<ProblemCode, CodeText>> = {
  "switch-unreachable": {
    meaning: "the switcher does not answer; the state is `unknown`, and nothing is commanded",
    cure: "look at the device, its Wi-Fi, its broker, its topic; the controller goes on asking",
  },
  "switch-mismatch": {
    meaning: "the outlet was commanded and does not follow for longer than `switchTimeout`",
    cure: "look for a welded relay, `PowerOnState 4`, `PowerLock`, or another program that switches it",
  },
  "external-on": {
    meaning:
      "it is locked out, and somebody switched it on from outside; it is left alone, because that person is there. Only after a reboot of the device is it put off again",
    cure: "find out who that is, and whether the person who locked it out knows. Switch it off at the device, or lift the lockout with `auto` when both are done",
  },
  "external-off": {
    meaning:
      "somebody switched it off while it was wanted, and that is respected; with `onExternalOff: restore` only the fourth time within ten minutes",
    cure: "find out who and why; a new acquire (with another token id) switches it on, as does the hand that switched it off",
  },
  "boot-timeout": {
    meaning: "on, and not available `bootTimeout` after power-on",
    cure: "look at the machine and at its check; it is over when the machine answers or goes off. Consider a longer `bootTimeout`, or `bootRetries`",
  },
  "needs-failed": {
    meaning:
      "it waits to be switched on, and something that it `needs` does not become available; requests that wait fail with `power-failed`",
    cure: "look at the resource that the message names, and at its problem first; when that one is available the waiting one is started",
  },
  "shutdown-timeout": {
    meaning:
      "it was told to shut down and is not gone within `shutdown.timeout`; with `onTimeout: keep` it is left on until it is used, cycled or overridden, or goes down after all. Or it is locked out and its `keepWhile` says that it must stay on",
    cure: "look at the machine: does the command arrive (its own message stands in the event `shutdown`), does something hold the shutdown up, is `idleBelow` below what it draws when it is off? Shut it down by hand; or cut its power with an override `off` and `force`, if nothing on it may be lost. Consider a longer `timeout`",
  },
  "not-answering": {
    meaning: "it was available, is in use, and its check fails",
    cure: "look at the machine or the network between; nothing is switched for that",
  },
  "check-error": {
    meaning: "the check itself cannot be made: no such program, no right to ping, no such host name",
    cure: "mend what the message names; the resource keeps the state that it had",
  },
};

/** Codes of the command line itself; where it has the cause of an error code, it uses that. */
export const failureTexts: Readonly<Record<Exclude<FailureCode, ErrorCode>, CodeText>> = {
  usage: {
    meaning:
      "the command line is wrong: an unknown command, option or mode, an option without its value, something missing",
    cure: "see `lastout COMMAND --help`",
  },
  unreachable: {
    meaning:
      "the broker cannot be reached, or its certificate is not trusted; of `switch`: the device cannot be reached",
    cure: "is the broker running, and are `--url`, `LASTOUT_URL` or the file of the clients right? With TLS: is `ca` in the file of the clients (or `LASTOUT_CA`) the right authority?",
  },
  "no-controller": {
    meaning: "the broker is there, and no controller answers on this base topic",
    cure: "is `lastout serve` running on that broker, and is `--base` right?",
  },
  "no-answer": {
    meaning:
      "the controller did not answer in time; of `switch`: the device did not say where its outlet stands",
    cure: "look at the controller's log: it may be stopping, or its store may refuse. Of `switch`: is the device on, on this broker, and are its options right?",
  },
  "not-authorised": {
    meaning: "the broker does not let this user in, or not publish or subscribe what the command needs",
    cure: "check user and password (`--username`, `--password-file`), and what the broker's access rules grant to that user; see [operations.md](operations.md)",
  },
  configuration: {
    meaning: "a configuration file is wrong, or cannot be read",
    cure: "`lastout check` names every mistake with its place and what would be right",
  },
  "process-ended": {
    meaning: "of `hold --pid`: the process has ended before the token was to be had",
    cure: "nothing, unless the process should have lived",
  },
  "unknown-outlet": {
    meaning: "of `switch`: the configuration has no such outlet",
    cure: "mend the name; the message tells which there are",
  },
  "controller-runs": {
    meaning: "of `switch`: a controller runs on this configuration, and it alone may switch",
    cure: "use `lastout override`, or stop the controller first, which changes no outlet",
  },
  "not-switched": {
    meaning: "of `switch`: the device was told, and its outlet has not followed, or it refused",
    cure: "look for something that holds the relay: a lock, a rule on the device, another program",
  },
  "not-written": {
    meaning: "standard output cannot be written: a disk that is full, mostly",
    cure: "make room; what was asked for is done, and of `acquire` the message tells the token that is held",
  },
  interrupted: {
    meaning: "a signal ended the command",
    cure: "nothing",
  },
};

/** In the words of any command; which error codes end with it stands beside it. */
export const exitTexts: Readonly<Record<keyof typeof exits, CodeText>> = {
  done: { meaning: "done", cure: "nothing" },
  usage: { meaning: "the command line is wrong", cure: "mend the call; see `lastout COMMAND --help`" },
  invalid: {
    meaning: "a refused request that has no other status here",
    cure: "do not repeat it as it is: look up the code that the message ends with",
  },
  unreachable: {
    meaning: "the broker or the controller cannot be reached",
    cure: "try again later; is the broker up, and the controller? `lastout status` shows it",
  },
  internal: {
    meaning: "an internal error, a standard output that cannot be written, or a Node that is too old",
    cure: "make room where the output goes; else report it, with the message; for Node see [getting-started.md](getting-started.md)",
  },
  notToBeHad: { meaning: "not to be had now", cure: "try again later, or allow more time with `--timeout`" },
  refused: {
    meaning: "refused, or the broker does not let this user in",
    cure: "do not repeat it: it belongs to somebody else, or this user may not",
  },
  configuration: {
    meaning: "a configuration file is wrong",
    cure: "`lastout check` names every mistake with its place",
  },
  cannotExecute: {
    meaning: "of `run`: the command cannot be started",
    cure: "mend the command, for example its permissions",
  },
  notFound: { meaning: "of `run`: the command was not found", cure: "mend its name, or the PATH" },
};
