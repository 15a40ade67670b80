// What systemd does with the messages of sd_notify(3): a datagram socket in the file system, and who sends to it is heard.
// Perl, which every Debian has, because Node has no such sockets. Not a service manager: nothing is started or restarted.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { startProgram } from "../wire/controller.ts";

export interface NotifySocket {
  readonly path: string;
  /** The messages so far, each as its lines; without the barriers that systemd-notify sends after each. */
  heard(): readonly (readonly string[])[];
  stop(): Promise<void>;
}

/** One line of output for each message. */
const receiver = `
  use strict; use Socket; $| = 1; my $s;
  socket($s, PF_UNIX, SOCK_DGRAM, 0) and bind($s, sockaddr_un($ARGV[0])) or die "$!";
  print "ready\\n";
  while (defined recv($s, my $m, 65536, 0)) { $m =~ s/\\n/\\t/g; print "$m\\n"; }
`;

export async function listenForNotifications(): Promise<NotifySocket> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-notify-"));
  const path = join(folder, "notify");
  const perl = startProgram("perl", ["-e", receiver, path]);
  const lines = (): readonly string[] => perl.out().split("\n").slice(0, -1);
  await eventually("perl listens on the socket", () => lines()[0] === "ready");
  return {
    path,
    heard: () =>
      lines()
        .slice(1)
        .filter((line) => line !== "BARRIER=1")
        .map((line) => line.split("\t").filter((word) => word !== "")),
    async stop() {
      perl.child.kill("SIGKILL");
      await perl.ended;
      rmSync(folder, { recursive: true });
    },
  };
}
