// What a program of the user gets of our environment: enough to find programs and files of the user, and the right words.
// Not the rest, because it may hold secrets that are meant for this process alone.

const passedOn = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LANGUAGE",
  "LC_ALL",
  "LC_CTYPE",
  "LC_MESSAGES",
  "TZ",
  "TMPDIR",
];

/** @param also names of variables to pass on beside these */
export function fewVariables(...also: readonly string[]): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of [...passedOn, ...also]) {
    const value = process.env[name];
    if (value !== undefined) {
      variables[name] = value;
    }
  }
  return variables;
}
