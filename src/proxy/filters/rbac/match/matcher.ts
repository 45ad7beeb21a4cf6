// hot path: no allocation per request
import type { UriTemplate } from "../../../../codec/http/uri-template.ts";
import type { MetadataMatcher } from "../../metadata-matcher.ts";
import type { RbacSubject } from "../subject.ts";
import type { TextTest } from "./text-test.ts";

/** A permission or principal, compiled. */
export interface RbacMatcher {
  matches(subject: RbacSubject): boolean;
}

/**
 * On which side of a decision a question stands. Where a request can be read in several ways, a
 * match that refuses (`eager`) needs one of them, and a match that allows needs all.
 */
export interface Side {
  /** A match keeps a request out: that of a DENY policy, or inside a `not` of an ALLOW policy. */
  readonly eager: boolean;
  /** What a question about something unknown comes to. True inside a `not` of an ALLOW policy. */
  readonly ofUnknown: boolean;
}

export class Always implements RbacMatcher {
  matches(): boolean {
    return true;
  }
}

export class AllOf implements RbacMatcher {
  readonly #of: readonly RbacMatcher[];

  constructor(of: readonly RbacMatcher[]) {
    this.#of = of;
  }

  matches(subject: RbacSubject): boolean {
    const of = this.#of;
    for (let i = 0; i < of.length; i++) if (!(of[i] as RbacMatcher).matches(subject)) return false;
    return true;
  }
}

export class OneOf implements RbacMatcher {
  readonly #of: readonly RbacMatcher[];

  constructor(of: readonly RbacMatcher[]) {
    this.#of = of;
  }

  matches(subject: RbacSubject): boolean {
    const of = this.#of;
    for (let i = 0; i < of.length; i++) if ((of[i] as RbacMatcher).matches(subject)) return true;
    return false;
  }
}

export class Not implements RbacMatcher {
  readonly #of: RbacMatcher;

  constructor(of: RbacMatcher) {
    this.#of = of;
  }

  matches(subject: RbacSubject): boolean {
    return !this.#of.matches(subject);
  }
}

/** The path without query, in all forms that it may have. */
export class PathTest implements RbacMatcher {
  readonly #text: TextTest;
  readonly #decodedText: TextTest;
  readonly #side: Side;
  readonly #givenAlone: boolean;

  /**
   * `givenAlone`: the wanted text itself is one that servers may read otherwise. `decodedText`: the
   * same without escapes.
   */
  constructor(text: TextTest, side: Side, givenAlone: boolean, decodedText: TextTest = text) {
    this.#text = text;
    this.#decodedText = decodedText;
    this.#side = side;
    this.#givenAlone = givenAlone && !side.eager;
  }

  matches({ paths }: RbacSubject): boolean {
    const { eager, ofUnknown } = this.#side;
    if (paths.path === "") return ofUnknown;
    const given = this.#text.holds(paths.path);
    if (paths.single || given === eager) return given;
    if (this.#givenAlone) return given && !paths.climbs;
    const { decoded, readings, unreadable } = paths;
    if (unreadable) return eager;
    for (let i = 0; i < readings.length; i++) {
      if (this.#text.holds(readings[i] as string) === eager) return eager;
    }
    // What other escapes stand for leads nowhere else, so that nobody is let in by them.
    return eager && decoded !== "" ? this.#decodedText.holds(decoded) : given;
  }
}

/** Likewise, of a template. */
export class TemplateText implements TextTest {
  readonly #template: UriTemplate;

  constructor(template: UriTemplate) {
    this.#template = template;
  }

  holds(text: string): boolean {
    return this.#template.matches(text);
  }
}

export class PortTest implements RbacMatcher {
  readonly #start: number;
  readonly #end: number;
  readonly #side: Side;

  /** `end` is not in it. */
  constructor(start: number, end: number, side: Side) {
    this.#start = start;
    this.#end = end;
    this.#side = side;
  }

  matches({ destinationPort: port }: RbacSubject): boolean {
    if (port < 0) return this.#side.ofUnknown;
    return port >= this.#start && port < this.#end;
  }
}

export class ServerNameTest implements RbacMatcher {
  readonly #text: TextTest;
  readonly #side: Side;

  constructor(text: TextTest, side: Side) {
    this.#text = text;
    this.#side = side;
  }

  matches({ serverName }: RbacSubject): boolean {
    return this.#text.holds(serverName) || (serverName === "" && this.#side.ofUnknown);
  }
}

export class MetadataTest implements RbacMatcher {
  readonly #of: MetadataMatcher;

  constructor(of: MetadataMatcher) {
    this.#of = of;
  }

  matches({ metadata }: RbacSubject): boolean {
    return this.#of.matches(metadata);
  }
}
