// Topic filters: which topics they match (MQTT 5 section 4.7). Not for what is done with a match.

/** `+` and `#` at the first level do not match topics that begin with `$`. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && (filter.startsWith("+") || filter.startsWith("#"))) {
    return false;
  }
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, want] of wanted.entries()) {
    if (want === "#") {
      return true;
    }
    const level = levels[index];
    if (level === undefined || (want !== "+" && want !== level)) {
      return false;
    }
  }
  return wanted.length === levels.length;
}

/** Every topic that `narrow` matches is matched by `wide`, too. */
export function covers(wide: string, narrow: string): boolean {
  if (narrow.startsWith("$") && (wide.startsWith("+") || wide.startsWith("#"))) {
    return false;
  }
  const wider = wide.split("/");
  const narrower = narrow.split("/");
  for (const [index, want] of wider.entries()) {
    if (want === "#") {
      return true;
    }
    const level = narrower[index];
    if (level === undefined || level === "#" || (want !== "+" && want !== level)) {
      return false;
    }
  }
  return wider.length === narrower.length;
}
