import { describe, expect, it } from "vitest";
import { readCheck } from "./flags.ts";

const ASKED = { from: "shop/web", to: "reviews:9080" };
const WORDS = ["mesh.yaml", "GET", "/a"];

describe("the words of authz check", () => {
  it("are files, then what is asked", () => {
    const { paths, problems, questions } = readCheck(["a.yaml", "b/", "GET", "/a?b"], ASKED);
    expect(problems).toEqual([]);
    expect(paths).toEqual(["a.yaml", "b/"]);
    expect(questions).toMatchObject([
      {
        caller: { namespace: "shop", serviceAccount: "web" },
        service: "reviews",
        port: 9080,
        request: { method: "GET", path: "/a?b" },
      },
    ]);
  });

  it("are files alone where a connection is asked about", () => {
    const { paths, questions } = readCheck(["a.yaml"], { ...ASKED, tcp: true });
    expect(paths).toEqual(["a.yaml"]);
    expect(questions[0]?.request).toBeUndefined();
  });

  it("may name several callers", () => {
    const { questions } = readCheck(WORDS, { ...ASKED, from: "shop/web,outside" });
    expect(questions.map(({ caller }) => caller?.serviceAccount)).toEqual(["web", undefined]);
  });

  it("carry headers, and claims in lists and in other claims", () => {
    const { questions } = readCheck(WORDS, {
      ...ASKED,
      header: ["X-A: b: c", "x-e:"],
      jwtClaim: ["iss=me=you", "groups=a", "groups=b", "realm[roles][x]=y"],
    });
    expect(questions[0]?.request).toMatchObject({
      headers: [
        ["x-a", "b: c"],
        ["x-e", ""],
      ],
      claims: { iss: "me=you", groups: ["a", "b"], realm: { roles: { x: "y" } } },
    });
  });

  it.each([
    ["no files", ["GET", "/a"], {}, /PATH is missing/],
    ["no request", [], {}, /METHOD PATH are missing/],
    ["a method in lower case", ["m.yaml", "get", "/a"], {}, /METHOD get/],
    ["a path that is none", ["m.yaml", "GET", "a"], {}, /PATH a/],
    ["a path that no client can send", ["m.yaml", "GET", "/a#b"], {}, /PATH \/a#b/],
    ["a path that is not escaped", ["m.yaml", "GET", "/ä"], {}, /PATH \/ä/],
    ["a caller without namespace", WORDS, { from: "web" }, /--from web/],
    ["a caller with too much", WORDS, { from: "a/b/c" }, /--from a\/b\/c/],
    ["no caller", WORDS, { from: "" }, /--from is missing/],
    ["no destination", WORDS, { to: "" }, /--to is missing/],
    ["a port out of range", WORDS, { to: "a:70000" }, /--to a:70000/],
    ["an address that is none", WORDS, { sourceIp: "x" }, /--source-ip x/],
    ["a header that is none", WORDS, { header: ["x"] }, /-H x/],
    ["a claim that is none", WORDS, { jwtClaim: ["=x"] }, /--jwt-claim =x/],
    ["another format", WORDS, { output: "yaml" }, /-o yaml/],
    ["files beside a control plane", WORDS, { control: "http://localhost:1" }, /takes no files/],
  ])("are refused with %s", (_, words, flags, problem) => {
    expect(readCheck(words, { ...ASKED, ...flags }).problems.join("\n")).toMatch(problem);
  });

  it("are refused with everything that is wrong at once", () => {
    expect(readCheck(["get", "a"], { from: "a", to: "", output: "x" }).problems.length).toBe(6);
  });
});
