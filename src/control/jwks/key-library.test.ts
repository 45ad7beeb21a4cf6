import { describe, expect, it } from "vitest";
import { jwksOf, signingKey } from "../../../test/support/tokens.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { readKeySet } from "../../identity/keys/json-web-key.ts";
import type { TokenKeys, TokenRule } from "../../model/policy/request-authentication.ts";
import { KeyLibrary } from "./key-library.ts";

const ONE = signingKey("one", "ES256");
const TWO = signingKey("two", "ES256");
const AT_URL: TokenKeys = { kind: "url", url: "https://a/keys" };

function ruleOf(keys: TokenKeys): TokenRule {
  return {
    issuer: "https://a",
    audiences: [],
    keys,
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    forwardOriginalToken: false,
    outputPayloadToHeader: "",
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
    timeoutMs: 5000,
    origin: {
      position: { file: "a.yaml", line: 7, column: 3 },
      kind: "RequestAuthentication",
      namespace: "shop",
      name: "a",
      path: "spec.jwtRules[0]",
    },
  };
}

interface Scene {
  readonly library: KeyLibrary;
  readonly clock: VirtualClock;
  /** URLs in the order in which they were asked for. */
  readonly asked: string[];
  /** What stands at them; the rest fails. */
  readonly web: Map<string, string>;
  changes: number;
}

function scene(): Scene {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const web = new Map<string, string>();
  const made: Scene = {
    clock,
    asked,
    web,
    changes: 0,
    library: new KeyLibrary({
      clock,
      random: new SeededRandom(1),
      fetch: (url) => {
        asked.push(url);
        const text = web.get(url);
        return text === undefined
          ? Promise.reject(new Error("nobody there"))
          : Promise.resolve(text);
      },
      onChange: () => {
        made.changes++;
      },
    }),
  };
  return made;
}

/** Whatever was asked for has been answered. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function kidsOf(text: string | undefined): readonly string[] {
  return readKeySet(text ?? "")?.map(({ kid }) => kid) ?? [];
}

const REFRESH_MS = 22 * 60_000;

describe("the control plane's keys", () => {
  it("are fetched, told of, and fetched again", async () => {
    const { asked, clock, library, web } = scene();
    web.set("https://a/keys", jwksOf(ONE));
    library.want([ruleOf(AT_URL)]);
    expect(library.textOf(AT_URL)).toBeUndefined();
    await settled();
    expect(kidsOf(library.textOf(AT_URL))).toEqual(["one"]);
    web.set("https://a/keys", jwksOf(TWO));
    clock.advance(REFRESH_MS);
    await settled();
    expect(kidsOf(library.textOf(AT_URL))).toEqual(["two"]);
    expect(asked).toHaveLength(2);
  });

  it("are told of only where they have changed", async () => {
    const made = scene();
    made.web.set("https://a/keys", jwksOf(ONE));
    made.library.want([ruleOf(AT_URL)]);
    await settled();
    made.clock.advance(REFRESH_MS);
    await settled();
    expect(made.asked).toHaveLength(2);
    expect(made.changes).toBe(1);
  });

  it("are asked of the issuer where nothing else is written", async () => {
    const { asked, library, web } = scene();
    const keys: TokenKeys = { kind: "discovery", issuer: "https://a/" };
    web.set("https://a/.well-known/openid-configuration", '{"jwks_uri":"https://b/k"}');
    web.set("https://b/k", jwksOf(ONE));
    library.want([ruleOf(keys)]);
    await settled();
    expect(kidsOf(library.textOf(keys))).toEqual(["one"]);
    expect(asked).toEqual(["https://a/.well-known/openid-configuration", "https://b/k"]);
  });

  it("are asked of no issuer that is no URL", async () => {
    const { asked, library } = scene();
    library.want([ruleOf({ kind: "discovery", issuer: "accounts@a" })]);
    await settled();
    expect(asked).toEqual([]);
  });

  it.each([
    ["that cannot be reached", undefined, "nobody there"],
    ["that are none", "<html>", "has no public key"],
    ["that are secrets", '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', "has no public key"],
  ])("%s are told of at the rule, and tried again", async (_, text, problem) => {
    const { asked, clock, library, web } = scene();
    if (text !== undefined) web.set("https://a/keys", text);
    library.want([ruleOf(AT_URL)]);
    await settled();
    expect(library.textOf(AT_URL)).toBeUndefined();
    expect(library.problems).toMatchObject([
      { code: "OUT0604", severity: "warning", position: { file: "a.yaml", line: 7 } },
    ]);
    expect(library.problems[0]?.message).toContain("all of its tokens are refused");
    expect(library.problems[0]?.message).toContain(problem);
    web.set("https://a/keys", jwksOf(ONE));
    clock.advance(6000);
    await settled();
    expect(asked).toHaveLength(2);
    expect(kidsOf(library.textOf(AT_URL))).toEqual(["one"]);
    expect(library.problems).toEqual([]);
  });

  it("stay where no others can be had, and are asked for less and less often", async () => {
    const { asked, clock, library, web } = scene();
    web.set("https://a/keys", jwksOf(ONE));
    library.want([ruleOf(AT_URL)]);
    await settled();
    web.clear();
    for (let i = 0; i < 60; i++) {
      clock.advance(60_000);
      await settled();
    }
    expect(kidsOf(library.textOf(AT_URL))).toEqual(["one"]);
    expect(library.problems[0]?.message).toContain("the last good ones stay");
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.length).toBeLessThan(20);
  });

  it("are forgotten when nobody wants them any more", async () => {
    const { asked, clock, library, web } = scene();
    web.set("https://a/keys", jwksOf(ONE));
    library.want([ruleOf(AT_URL)]);
    await settled();
    library.want([]);
    expect(library.textOf(AT_URL)).toBeUndefined();
    clock.advance(10 * REFRESH_MS);
    await settled();
    expect(asked).toHaveLength(1);
  });
});
