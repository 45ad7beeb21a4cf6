import { describe, expect, it } from "vitest";
import { DynamicMetadata } from "../filters/dynamic-metadata.ts";
import { compileLogFormat } from "../telemetry/access-log/format.ts";
import { EmptySource } from "./source.ts";
import { compileTemplate } from "./template.ts";

class Told extends EmptySource {
  override dynamicMetadata(): DynamicMetadata {
    const metadata = new DynamicMetadata();
    metadata.set("jwt", {
      z: { b: [1, "two", null], a: true },
      text: 'é "x"\n',
      yes: true,
      number: 2.5,
      none: null,
    });
    metadata.merge("jwt", { added: "later", yes: false });
    return metadata;
  }
}

function text(format: string): string {
  return compileLogFormat({ kind: "text", text: format, omitEmptyValues: false }).format(
    new Told(),
  );
}

describe("%DYNAMIC_METADATA%", () => {
  it.each([
    ["jwt:added", "later"],
    ["jwt:yes", "false"],
    ["jwt:number", "2.5"],
    ["jwt:none", "null"],
    ["jwt:z", '{"a":true,"b":[1,"two",null]}'],
    ["jwt:z:a", "true"],
    ["jwt:z:b:0", "-"],
    ["jwt:constructor", "-"],
    ["jwt:gone", "-"],
    ["nobody", "-"],
    ["nobody:a", "-"],
  ])("of %s is %s", (argument, expected) => {
    expect(text(`%DYNAMIC_METADATA(${argument})%`)).toBe(expected);
  });

  it("is all that a filter has said, on one line of ASCII, keys sorted", () => {
    const all = text("%DYNAMIC_METADATA(jwt)%");
    expect(all).toMatch(/^[ -~]+$/);
    expect(JSON.parse(all)).toMatchObject({ text: 'é "x"\n', number: 2.5 });
    expect(all.indexOf('"added"')).toBeLessThan(all.indexOf('"z"'));
  });

  it("ends no line and no header of anybody", () => {
    expect(text("%DYNAMIC_METADATA(jwt:text)%")).toBe('\\xC3\\xA9 \\"x\\"\\x0A');
    const template = compileTemplate("%DYNAMIC_METADATA(jwt:text)%");
    expect(template.format(new Told())).toBe('\u00c3\u00a9 "x"');
  });

  it("may be cut", () => {
    expect(text("%DYNAMIC_METADATA(jwt:added):3% %DYNAMIC_METADATA(jwt:number):1%")).toBe(
      "lat 2.5",
    );
    expect(text("%DYNAMIC_METADATA(jwt:z):1%")).toBe("{");
  });

  it("keeps its type in a log of JSON", () => {
    const fields = { z: "%DYNAMIC_METADATA(jwt:z)%", yes: "%DYNAMIC_METADATA(jwt:yes)%" };
    const format = compileLogFormat({ kind: "json", fields, omitEmptyValues: false });
    expect(JSON.parse(format.format(new Told()))).toEqual({
      yes: false,
      z: { a: true, b: [1, "two", null] },
    });
  });

  it("needs somebody who says it", () => {
    expect(() => compileTemplate("%DYNAMIC_METADATA()%")).toThrow(/takes a namespace/);
    expect(() => compileTemplate("%DYNAMIC_METADATA%")).toThrow(/takes a namespace/);
  });
});
