// Goal: what `npm run reference` writes is what stands in the repository, and who works on the source need not remember more than that
// command. Not what the pages say: that is said in the source.

import { describe, expect, test } from "vitest";
import { checkerKinds } from "../../src/adapters/checkers/registry.ts";
import { shutdownKinds } from "../../src/adapters/shutdowns/registry.ts";
import { presetNames } from "../../src/adapters/switchers/mqtt-presets.ts";
import { switcherKinds } from "../../src/adapters/switchers/registry.ts";
import { presentText, referencePages } from "../../tools/reference.ts";
import { withRegion } from "../../tools/reference/markdown.ts";
import { blocksOf, page, pages, section } from "./pages.ts";

test.each(referencePages)("$path is what the source says: if not, npm run reference.", ({ path, make }) => {
  const present = presentText(path);
  expect(present).toBe(make(present));
});

test("Every region that says that it is generated is: emptied, it comes back as it was.", () => {
  const regions = /^(<!-- begin generated: .*-->)\n[\s\S]*?^(<!-- end generated: .*-->)$/gm;
  const marked = pages.filter(({ text }) => text.includes("<!-- begin generated: "));
  expect(marked.length).toBeGreaterThan(2);
  for (const { path, text } of marked) {
    const emptied = text.replaceAll(regions, "$1\n$2");
    const made = referencePages.find((known) => known.path === path)?.make(emptied);
    expect(made, path).toBe(text);
  }
});

test("Every generated page says that it is, at its top, and every generated region at its beginning.", () => {
  const silent = referencePages
    .filter(({ path }) => path.endsWith(".md"))
    .filter(({ path }) => !presentText(path).includes("Made by `npm run reference`"));
  expect(silent).toEqual([]);
});

describe.each([
  { sort: "switcher", path: "docs/switchers.md", kinds: switcherKinds },
  { sort: "checker", path: "docs/checkers.md", kinds: checkerKinds },
  { sort: "shutdown", path: "docs/shutdowns.md", kinds: shutdownKinds },
])("Every kind of $sort", ({ path, kinds }) => {
  test.each(kinds.map(({ type }) => type))(
    "has what it needs and a whole example on its page: %s",
    (type) => {
      const text = section(page(path), `## ${type}`);
      expect(text).toContain("**Needs:** ");
      const examples = blocksOf({ path, text }).filter(({ kind }) => kind === "yaml");
      expect(
        examples.filter(({ text: example }) => example.includes(`type: ${type}`)).length,
      ).toBeGreaterThan(0);
    },
  );
});

test.each(presetNames)(
  "The preset %s has a section, with an example and the topics that it comes to.",
  (preset) => {
    const text = section(page("docs/switchers.md"), "## mqtt");
    const own = text.split("\n### ").filter((part) => part.startsWith(`Preset \`${preset}\``));
    expect(own).toHaveLength(1);
    expect(own[0]).toContain(`preset: ${preset}`);
    expect(own[0]).toContain("**Can do:** ");
    expect(own[0]).toContain("| hears where it stands | `");
  },
);

describe("A region of a handwritten page", () => {
  const begin = "<!-- begin generated: list. Whatever stands here -->\n";
  const end = "<!-- end generated: list -->\n";

  test("is made anew, and all around it stays", () => {
    const made = withRegion(`before\n${begin}old\n${end}after\n`, "list", "new");
    expect(made).toMatch(
      /^before\n<!-- begin generated: list\b.*-->\n\nnew\n\n<!-- end generated: list -->\nafter\n$/,
    );
    expect(withRegion(made, "list", "new")).toBe(made);
  });

  test.each([
    ["is missing", "text\n"],
    ["has no end", `${begin}text\n`],
    ["is there twice", `${begin}${end}${begin}${end}`],
    ["ends twice", `${begin}${end}${end}`],
  ])("that %s is an error, and nothing is lost silently", (_what, text) => {
    expect(() => withRegion(text, "list", "new")).toThrow("the page must have one region");
  });
});
