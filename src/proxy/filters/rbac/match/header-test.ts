// hot path: no allocation per request
import type { AuthorityForms, PathForms, RbacSubject } from "../subject.ts";
import type { RbacMatcher } from "./matcher.ts";
import type { TextTest } from "./text-test.ts";

const SPACE = 0x20;
const TAB = 0x09;
const COMMA = ",";

/** What Envoy's HeaderMatcher says beside its value. */
export interface HeaderQuestion {
  /** Lower case. */
  readonly name: string;
  readonly invert: boolean;
  readonly missingAsEmpty: boolean;
}

/** Whether a header is there, or is not (`invert`). */
export class HeaderPresence implements RbacMatcher {
  readonly #question: HeaderQuestion;

  constructor(question: HeaderQuestion) {
    this.#question = question;
  }

  matches(subject: RbacSubject): boolean {
    const { invert, missingAsEmpty, name } = this.#question;
    return (missingAsEmpty || isThere(subject, name)) !== invert;
  }
}

function isThere(subject: RbacSubject, name: string): boolean {
  if (name.charCodeAt(0) === 0x3a) return subject.pseudoHeader(name) !== undefined;
  return subject.findHeader(name, 0) >= 0;
}

/**
 * What a header says. Of several fields of one name, and of the elements of a list, one has to
 * match where a match refuses; where it allows, every field. As in Envoy, a value that is missing
 * matches nothing, inverted or not.
 */
export class HeaderValue implements RbacMatcher {
  readonly #question: HeaderQuestion;
  readonly #text: TextTest;
  /** Of the value, before it is inverted. */
  readonly #eager: boolean;

  constructor(question: HeaderQuestion, text: TextTest, eager: boolean) {
    this.#question = question;
    this.#text = text;
    this.#eager = eager;
  }

  matches(subject: RbacSubject): boolean {
    const { invert, missingAsEmpty, name } = this.#question;
    const first = subject.findHeader(name, 0);
    if (first < 0) return missingAsEmpty && this.#text.holds("") !== invert;
    const found = this.#eager ? this.#one(subject, first) : this.#every(subject, first);
    return found !== invert;
  }

  #every(subject: RbacSubject, first: number): boolean {
    const { name } = this.#question;
    for (let at = first; at >= 0; at = subject.findHeader(name, at + 1)) {
      if (!this.#text.holds(subject.headerAt(at))) return false;
    }
    return true;
  }

  #one(subject: RbacSubject, first: number): boolean {
    const { name } = this.#question;
    let joined = "";
    for (let at = first; at >= 0; at = subject.findHeader(name, at + 1)) {
      const value = subject.headerAt(at);
      if (this.#oneReading(value)) return true;
      joined += at === first ? value : `,${value}`;
    }
    return this.#text.holds(joined);
  }

  #oneReading(value: string): boolean {
    if (this.#text.holds(value) || this.#trimmedHolds(value, 0, value.length)) return true;
    let start = 0;
    for (let comma = value.indexOf(COMMA); comma >= 0; comma = value.indexOf(COMMA, start)) {
      if (this.#elementHolds(value, start, comma)) return true;
      start = comma + 1;
    }
    return start > 0 && this.#elementHolds(value, start, value.length);
  }

  #elementHolds(value: string, start: number, end: number): boolean {
    return this.#text.holds(value.slice(start, end)) || this.#trimmedHolds(value, start, end);
  }

  #trimmedHolds(value: string, start: number, end: number): boolean {
    let from = start;
    let to = end;
    while (from < to && isBlank(value.charCodeAt(from))) from++;
    while (from < to && isBlank(value.charCodeAt(to - 1))) to--;
    return to - from < end - start && this.#text.holds(value.slice(from, to));
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** `:method` and `:scheme`: what the request is, whatever other headers say. */
export class PseudoValue implements RbacMatcher {
  readonly #question: HeaderQuestion;
  readonly #text: TextTest;

  constructor(question: HeaderQuestion, text: TextTest) {
    this.#question = question;
    this.#text = text;
  }

  matches(subject: RbacSubject): boolean {
    const { invert, missingAsEmpty, name } = this.#question;
    const value = subject.pseudoHeader(name) ?? (missingAsEmpty ? "" : undefined);
    return value !== undefined && this.#text.holds(value) !== invert;
  }
}

/** `:authority` and `host`: where a match refuses, hosts are one however they are written. */
export class AuthorityValue implements RbacMatcher {
  readonly #question: HeaderQuestion;
  readonly #text: TextTest;
  readonly #eager: boolean;

  constructor(question: HeaderQuestion, text: TextTest, eager: boolean) {
    this.#question = question;
    this.#text = text;
    this.#eager = eager;
  }

  matches({ authorities }: RbacSubject): boolean {
    const { invert, missingAsEmpty } = this.#question;
    if (authorities.given === "" && !missingAsEmpty) return false;
    const text = this.#text;
    const found = text.holds(authorities.given) || (this.#eager && this.#otherHolds(authorities));
    return found !== invert;
  }

  #otherHolds({ bare, given, host, undotted }: AuthorityForms): boolean {
    const text = this.#text;
    if (undotted !== given && text.holds(undotted)) return true;
    if (host !== given && text.holds(host)) return true;
    return bare !== host && text.holds(bare);
  }
}

/** `:path`, with its query; its path in all forms. */
export class TargetValue implements RbacMatcher {
  readonly #question: HeaderQuestion;
  readonly #text: TextTest;
  readonly #eager: boolean;

  constructor(question: HeaderQuestion, text: TextTest, eager: boolean) {
    this.#question = question;
    this.#text = text;
    this.#eager = eager;
  }

  matches(subject: RbacSubject): boolean {
    const { invert, missingAsEmpty, name } = this.#question;
    const target = subject.pseudoHeader(name) ?? (missingAsEmpty ? "" : undefined);
    if (target === undefined) return false;
    return this.#found(target, subject.paths) !== invert;
  }

  #found(target: string, { path, readings, single, unreadable }: PathForms): boolean {
    const given = this.#text.holds(target);
    if (single || given === this.#eager) return given;
    if (unreadable) return this.#eager;
    const query = target.slice(path.length);
    for (let i = 0; i < readings.length; i++) {
      if (this.#text.holds((readings[i] as string) + query) === this.#eager) return this.#eager;
    }
    return given;
  }
}
