// How what somebody sent is quoted in what others read: refusals, events, the log. Not what it means.

/**
 * A foreign text or value in a message: quoted, everything but printable ASCII escaped by code point (so that a look-alike letter shows),
 * at most 128 characters.
 */
export function shown(value: unknown): string {
  const quoted =
    typeof value === "string"
      ? `'${value.slice(0, 256)}'`
      : typeof value === "number"
        ? String(value) // JSON would make null of infinity.
        : (JSON.stringify(value) ?? "nothing");
  let text = "";
  for (const character of quoted.slice(0, 512)) {
    const code = character.codePointAt(0) ?? 0;
    text += code >= 0x20 && code < 0x7f ? character : `\\u{${code.toString(16).toUpperCase()}}`;
    if (text.length > 128) {
      return `${text.slice(0, 125)}...`;
    }
  }
  return text;
}
