// Reading files of this machine: bounded, as text, with reasons in words.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readLocalFile } from "../../src/config/local-file.ts";

const folder = mkdtempSync(join(tmpdir(), "lastout-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, 0o600);
  return path;
}

const why = (path: string, atMost = 1024): string => {
  const read = readLocalFile(path, atMost);
  return read.ok ? "it can be read" : read.why;
};

test("a text is read, and whether others may read it is told", () => {
  const path = file("a", "grün\r\n");
  expect(readLocalFile(path, 1024)).toEqual({ ok: true, text: "grün\r\n", open: false });
  for (const [mode, open] of [
    [0o640, true],
    [0o604, true],
    [0o622, false],
  ] as const) {
    chmodSync(path, mode);
    expect(readLocalFile(path, 1024)).toMatchObject({ open });
  }
});

test("a byte order mark is taken off", () => {
  expect(readLocalFile(file("bom", "\u{FEFF}a: 1"), 1024)).toMatchObject({ text: "a: 1" });
});

test("a file of the largest size is read, one byte more is refused", () => {
  expect(why(file("b", "x".repeat(1024)))).toBe("it can be read");
  expect(why(file("c", "x".repeat(1025)))).toBe("it is larger than 1 KiB");
  expect(why("/dev/zero")).toBe("it is larger than 1 KiB");
});

test("what is no UTF-8 is refused, with the line where it can be told", () => {
  expect(why(file("u16le", new Uint8Array([0xff, 0xfe, 0x61, 0])))).toBe("it is UTF-16; save it as UTF-8");
  expect(why(file("u16be", new Uint8Array([0, 0x61, 0, 0x3a])))).toBe("it is UTF-16; save it as UTF-8");
  expect(why(file("nul", "a: 1\nb: \u0000\n"))).toBe("it holds a NUL byte (line 2), so it is no text file");
  expect(why(file("latin1", new Uint8Array([0x61, 10, 0x67, 0x72, 0xfc, 0x6e, 10])))).toBe(
    "it is not UTF-8 (line 2); save it as UTF-8",
  );
  expect(why(file("cut", new Uint8Array([0x61, 10, 0xc3])))).toBe(
    "it is not UTF-8 (line 2); save it as UTF-8",
  );
});

test("a file that cannot be read is refused with the reason", () => {
  const circle = join(folder, "circle");
  symlinkSync(circle, circle);
  expect(why(join(folder, "gone"))).toBe("no such file");
  expect(why(folder)).toBe("it is a folder");
  expect(why(circle)).toBe("its links go in a circle");
  expect(why(join(file("d", ""), "below"))).toBe("a part of its path is no folder");
});

test("a pipe is read to its end", () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  // Opened for reading and writing by a shell that writes and ends, so that neither side waits for ever.
  const program = `import { readLocalFile } from "${join(process.cwd(), "src/config/local-file.ts")}"; console.log(JSON.stringify(readLocalFile(process.argv[1], 1024)));`;
  const printed = execFileSync(
    "sh",
    [
      "-c",
      `printf 'a: 1\\n' > "$1" & exec "$2" --input-type=module-typescript --eval "$3" "$1"`,
      "sh",
      pipe,
      process.execPath,
      program,
    ],
    { encoding: "utf8", timeout: 20_000, stdio: ["ignore", "pipe", "ignore"] },
  );
  expect(JSON.parse(printed)).toMatchObject({ ok: true, text: "a: 1\n" });
});
