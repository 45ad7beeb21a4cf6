import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { UriTemplate, uriTemplateProblem } from "./uri-template.ts";

const CLASS = "a-zA-Z0-9-._~%!$&'()+,;:@=*";

/** As Envoy 1.40 makes a regular expression of it, for legal templates. */
function envoyRegex(template: string): string {
  const inner = template.replaceAll(/\{\w+(?:=([^}]*))?\}/g, (_, match?: string) => match ?? "*");
  return inner
    .replaceAll(/[$()+.]/g, "\\$&")
    .replaceAll("**", "\0")
    .replaceAll("*", () => `[${CLASS}]+`)
    .replaceAll("\0", () => `[${CLASS}/]*`);
}

describe("a path template", () => {
  it.each([
    ["/", "/", true],
    ["/", "/a", false],
    ["/a/*/b", "/a/x/b", true],
    ["/a/*/b", "/a//b", false],
    ["/a/*/b", "/a/x/y/b", false],
    ["/a/**", "/a/", true],
    ["/a/**", "/a", false],
    ["/a/**", "/a/b/c", true],
    ["/a/**/c.json", "/a/b/d/c.json", true],
    ["/a/**/c.json", "/a/c.json", false],
    ["/a/**.json", "/a/.json", true],
    ["/a/*.json", "/a/x.json", true],
    ["/a/*.json", "/a/.json", false],
    ["/a/*.json", "/a/b/x.json", false],
    ["/a/{id}/b", "/a/7/b", true],
    ["/{x=a/*}/{y=**}", "/a/1/2/3", true],
    ["/a/*/", "/a/b/", true],
    ["/a/*/", "/a/b", false],
    ["/a/*", "/a/b*c=d", true],
    ["/a/*", "/a/b[c", false],
    ["/a/*", "/a/\u00ff", false],
    ["/a/*", "/a/b%2Fc", true],
    ["/a=b", "/a=b", true],
  ])("%s: %s is %s", (template, path, matches) => {
    expect(new UriTemplate(template).matches(path)).toBe(matches);
  });

  it.each([
    ["", "empty"],
    ["a", "printable"],
    ["/a b", "printable"],
    ["/a*/b", "no text of a path"],
    ["/**/*", "behind \\*\\*"],
    ["/**/{x}", "behind \\*\\*"],
    ["/{x=**}/**", "behind \\*\\*"],
    ["/*a/b", "must be the last"],
    ["/***", "no text of a path"],
    ["/{x", "not closed"],
    ["/{1}", "variable's name"],
    ["/{x=}", "match is empty"],
    ["/{x=a/}", "match is broken"],
    ["/{x}/{x}", "stands twice"],
    ["/{a}/{b}/{c}/{d}/{e}/{f}", "more than 5"],
    ["/{aaaaaaaaaaaaaaaaa}", "variable's name"],
    ["/{x}{y}", "no text of a path"],
    [`/${"a".repeat(256)}`, "longer"],
    ["/a//b", "no text of a path"],
    ["/a*b", "no text of a path"],
  ])("refuses %s", (template, why) => {
    expect(uriTemplateProblem(template)).toMatch(new RegExp(why));
    expect(() => new UriTemplate(template)).toThrow(RangeError);
  });

  it("matches what Envoy's regular expression does", () => {
    const segment = fc.constantFrom("*", "a", "b.c", "{x}", "{y=a/*}", "**", "(a)", "$", "*.js");
    const template = fc.array(segment, { maxLength: 4 }).map((list) => `/${list.join("/")}`);
    const path = fc
      .array(fc.constantFrom("a", "b.c", "", "x.js", ".js", "(a)", "$", "*", "b-c", "\u00e9"), {
        maxLength: 5,
      })
      .map((list) => `/${list.join("/")}`);
    fc.assert(
      fc.property(template, path, (one, asked) => {
        fc.pre(uriTemplateProblem(one) === undefined);
        const wanted = RE2JS.compile(envoyRegex(one)).testExact(asked);
        expect(new UriTemplate(one).matches(asked), `${one} ${asked}`).toBe(wanted);
      }),
      { numRuns: 3000 },
    );
  });
});
