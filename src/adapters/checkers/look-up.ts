// Finds the addresses of a check's host. Not a cache: each check asks anew. But while a question is open no second one is
// asked, because a name server that does not answer would otherwise fill the queue of the operating system's resolver.

import { type LookupAddress, promises as dns } from "node:dns";
import { isIP } from "node:net";
import { orAborted } from "../or-aborted.ts";

export type LookedUp =
  | { readonly kind: "found"; readonly addresses: readonly [LookupAddress, ...LookupAddress[]] }
  | { readonly kind: "failed"; readonly sentence: string }
  | { readonly kind: "aborted" };

/** @returns a function that never rejects */
export function lookUpOf(host: string): (signal: AbortSignal) => Promise<LookedUp> {
  let open: Promise<LookedUp> | undefined;
  return async (signal) => {
    const family = isIP(host);
    if (family !== 0) {
      return { kind: "found", addresses: [{ address: host, family }] };
    }
    open ??= ask(host).finally(() => {
      open = undefined;
    });
    return (await orAborted(open, signal)) ?? { kind: "aborted" };
  };
}

async function ask(host: string): Promise<LookedUp> {
  try {
    const [first, ...others] = await dns.lookup(host, { all: true });
    return first === undefined
      ? { kind: "failed", sentence: `no address is known for ${host}` }
      : { kind: "found", addresses: [first, ...others] };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return { kind: "failed", sentence: sentenceOf(host, code) };
  }
}

function sentenceOf(host: string, code: unknown): string {
  switch (code) {
    case "ENOTFOUND":
      return `no host is named ${host}: correct the name, or add it to the name server or to /etc/hosts`;
    case "EAI_AGAIN":
      return `the name server does not answer, so the address of ${host} is not known`;
    default:
      return `the address of ${host} cannot be found (${String(code)})`;
  }
}
