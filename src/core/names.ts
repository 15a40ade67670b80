// What things may be called (protocol section 1), and which name somebody probably meant. Not for topics: those are the adapter's.

/** Names below the base topic that can never be a resource, pool or switcher. */
export const reservedNames: readonly string[] = ["controller", "reply", "switcher"];

export const isName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text);

export const isTokenId = (text: string): boolean => /^[A-Za-z0-9._:@=%~-]{1,128}$/.test(text);

/** Owner and user: 1 to 128 characters, none of them a control character (C0, C1, direction marks) or one of `/ + #`. */
export const isOwner = (text: string): boolean =>
  charactersOf(text) <= 128 && /^[^/+#\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+$/u.test(text);

/** Free text of up to 256 characters; control characters are not text. */
export const isPurpose = (text: string): boolean =>
  charactersOf(text) <= 256 && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text);

/** Unicode code points, as people without a table count characters. */
const charactersOf = (text: string): number => Array.from(text).length;

/**
 * The known name nearest to a wrong one, for "did you mean".
 * @returns `undefined` when none is within a third of the length (at least 1, at most 3 edits)
 */
export function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.min(3, Math.floor(wrong.length / 3)));
  let best: string | undefined;
  let bestEdits = limit + 1;
  for (const name of known) {
    if (Math.abs(name.length - wrong.length) < bestEdits) {
      const edits = editDistance(wrong.toLowerCase(), name.toLowerCase());
      if (edits < bestEdits) {
        best = name;
        bestEdits = edits;
      }
    }
  }
  return best;
}

/** Insertions, deletions, replacements, and swaps of neighbours (optimal string alignment distance). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, at(beforeLast, j - 2) + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number): number => Number(row[index]);
