// An example of a kind for the reference: an entry of the configuration, typed as it is written in YAML. The page has it as a whole
// file that a test loads, so that it cannot grow old.

export interface Example<Options> {
  /** What the section about it is called. */
  readonly title: string;
  /** What is special about it, in whole sentences; Markdown. */
  readonly about: string;
  /** What it is called in the example, where it has a name of its own. */
  readonly name: string;
  readonly options: Options;
}
