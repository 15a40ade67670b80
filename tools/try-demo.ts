// Tries what a newcomer types first: the demo starts, a job runs in it, the socket goes off again, and it ends without a trace.
// Run by CI on a fresh machine; needs nothing but the built program.

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { must, root, runProgram, startProgram } from "./steps.ts";

// The usual port is taken, by this or by somebody else: the demo must find another one and say so.
const taken = createServer();
await new Promise<void>((resolve) => {
  taken.once("error", () => resolve());
  taken.listen(1883, "127.0.0.1", () => resolve());
});

const demo = startProgram(process.execPath, ["dist/main.js", "serve", "--demo"], { cwd: root });
try {
  await demo.waitFor(/Ctrl-C ends the demo/, 15_000);
  const port = demo.output().match(/LASTOUT_URL=mqtt:\/\/127\.0\.0\.1:(\d+)/)?.[1];
  must(
    port !== undefined && port !== "1883",
    `the demo takes the next free port and tells it: ${demo.output()}`,
  );
  const folder = demo.output().match(/\/\S*lastout-demo-\w+/)?.[0];
  const url = ["--url", `mqtt://127.0.0.1:${port}`];

  const said = await runProgram(
    process.execPath,
    [
      "dist/main.js",
      "run",
      "switch",
      ...url,
      "--",
      "sh",
      "-c",
      "echo token $LASTOUT_TOKEN on $LASTOUT_RESOURCE",
    ],
    root,
  );
  must(/token \S+ on switch/.test(said), `the job saw its token and resource: ${said}`);

  const status = await runProgram(
    process.execPath,
    ["dist/main.js", "status", "switch", "--json", ...url],
    root,
  );
  must(/"phase":\s*"lingering"/.test(status), `it lingers after the last release: ${status}`);
  await demo.waitFor(/"resource":"switch","from":"available","to":"off"/, 20_000);

  const code = await demo.stop();
  must(code === 0, `the demo ends with 0, not with ${code}`);
  must(
    folder !== undefined && !existsSync(folder.replace(/\/lastout\.db.*$/, "")),
    "the demo leaves nothing behind",
  );
  process.stdout.write("the demo works: powered, available, used, off, gone\n");
} finally {
  await demo.stop();
  taken.close();
}
