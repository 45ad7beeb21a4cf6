import { describe, expect, it } from "vitest";
import { readUpConfig } from "./up-config.ts";

describe("an UpConfig", () => {
  it("maps images to commands", () => {
    const text = "kind: UpConfig\ncommands:\n  example/reviews:1.0: node reviews.js\n";
    expect(readUpConfig(text)).toEqual({
      commands: { "example/reviews:1.0": "node reviews.js" },
      problems: [],
    });
  });

  it.each([
    { what: "no document", text: "", problems: 1 },
    { what: "another kind and nothing else", text: "kind: Service", problems: 2 },
    { what: "an unknown field", text: "kind: UpConfig\ncommands: {a: b}\nimages: {}", problems: 1 },
    {
      what: "commands that are no text",
      text: "kind: UpConfig\ncommands: {a: 1, b: []}",
      problems: 2,
    },
  ])("reports every error of $what", ({ text, problems }) => {
    expect(readUpConfig(text).problems).toHaveLength(problems);
  });
});
