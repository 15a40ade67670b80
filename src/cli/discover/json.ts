// Reading what strangers publish: JSON of any size and shape, of which nothing is taken for granted. Never throws.

export type Json = Readonly<Record<string, unknown>>;

/** @returns `undefined` for what is larger than `mostBytes`, no UTF-8 or no JSON */
export function parsed(payload: Uint8Array, mostBytes: number): unknown {
  if (payload.byteLength > mostBytes) {
    return undefined;
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    // A TypeError for bytes that are no UTF-8, a SyntaxError for no JSON, a RangeError for JSON nested too deep to be read.
    return undefined;
  }
}

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const field = (value: unknown, key: string): unknown =>
  isJson(value) && Object.hasOwn(value, key) ? value[key] : undefined;

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A text that is not empty and not longer than any honest one. */
export const textOf = (value: unknown, most = 256): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= most ? value : undefined;

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
