// A lab's own authority with certificates for a broker and its clients, made with openssl in a folder of the test. Not a stock of fixed
// certificates: those of tls.ts are for tests that need no authority.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Identity {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly cert: string;
  /** @param names subject alternative names for a server, `DNS:broker.lab`, `IP:127.0.0.1`; none for a client */
  issue(commonName: string, names?: readonly string[], validity?: "valid" | "expired"): Identity;
}

/** Elliptic curves, because their keys are made in no time. */
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function makeAuthority(folder: string, name: string): Authority {
  const file = (of: string, kind: string): string => join(folder, `${name}-${of}.${kind}`);
  const cert = file("ca", "pem");
  const key = file("ca", "key");
  openssl("req", "-x509", ...newKey, "-keyout", key, "-out", cert, "-days", "2", "-subj", `/CN=${name}`);
  let issued = 0;
  return {
    cert,
    issue(commonName, names = [], validity = "valid") {
      issued += 1;
      const of = `${commonName}-${issued}`;
      const request = file(of, "csr");
      const identity = { cert: file(of, "pem"), key: file(of, "key") };
      const extensions = file(of, "ext");
      writeFileSync(extensions, names.length === 0 ? "" : `subjectAltName=${names.join(",")}\n`);
      openssl("req", ...newKey, "-keyout", identity.key, "-out", request, "-subj", `/CN=${commonName}`);
      const days = validity === "valid" ? "1" : "-1"; // from now until yesterday
      const signing = ["-CA", cert, "-CAkey", key, "-CAcreateserial", "-days", days, "-extfile", extensions];
      openssl("x509", "-req", "-in", request, "-out", identity.cert, ...signing);
      return identity;
    },
  };
}

export const pem = (path: string): string => readFileSync(path, "utf8");

function openssl(...words: readonly string[]): void {
  execFileSync("openssl", words, { stdio: "pipe" });
}
