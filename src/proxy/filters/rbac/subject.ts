// hot path: no allocation per request
import { parseIp } from "../../../base/ip-address.ts";
import type { PeerCertificate } from "../../../identity/peer-certificate.ts";
import { withoutPort } from "../../route/authority.ts";
import { isNormal, normalizePath, type PathRules } from "../../route/path.ts";
import type { DynamicMetadata } from "../dynamic-metadata.ts";

/** What policies look at in a certificate. */
export type RbacPeer = Pick<PeerCertificate, "names" | "identity" | "subject">;

/**
 * Who asks for what, as policies see it. What is not known is undefined, empty or -1: a TCP
 * connection has neither path nor headers.
 */
export interface RbacSubject {
  /** The first field of that lower-case name at or after `from`; -1: none. */
  findHeader(name: string, from: number): number;
  headerAt(index: number): string;
  /** `:method`, `:scheme`, `:path`, `:authority`; undefined where there is none. */
  pseudoHeader(name: string): string | undefined;
  readonly paths: PathForms;
  readonly authorities: AuthorityForms;
  /** The client speaks TLS to this proxy. */
  readonly secure: boolean;
  /** What the client has shown and proved to own. */
  readonly peer: RbacPeer | undefined;
  readonly destinationIp: Uint8Array | undefined;
  readonly destinationPort: number;
  /** Of the connection itself. */
  readonly directIp: Uint8Array | undefined;
  /** Likewise, or of a PROXY protocol header. */
  readonly sourceIp: Uint8Array | undefined;
  /** Whom proxies in front say it is, where they are believed. */
  readonly remoteIp: Uint8Array | undefined;
  /** What it called the server in its ClientHello. */
  readonly serverName: string;
  readonly metadata: DynamicMetadata;
}

const LENIENT: PathRules = { normalizePath: true, mergeSlashes: true, escapedSlashes: "forward" };
const SEMICOLON = 0x3b;
const SLASH = 0x2f;

/** What cuts a path off. */
function pathEnd(target: string): number {
  const query = target.indexOf("?");
  const fragment = target.indexOf("#");
  if (query < 0) return fragment < 0 ? target.length : fragment;
  return fragment < 0 ? query : Math.min(query, fragment);
}

const NO_READINGS: readonly string[] = [];

/**
 * The path of a request, and the paths that servers behind may make of it: many drop what follows
 * a `;` in each segment, before or after they unescape it, and merge slashes. Where all are one, as
 * nearly always, nothing is made.
 */
export class PathForms {
  #target = "";
  /** Without query and fragment; empty: there is none (CONNECT). */
  path = "";
  /** What else it may be. */
  readings: readonly string[] = NO_READINGS;
  /** With every escape undone; empty where there are none. */
  decoded = "";
  /** It cannot be read at all. */
  unreadable = false;
  /** Somebody may take one of its segments for `..`. */
  climbs = false;

  /** `target`: path and query. */
  take(target: string): void {
    if (target === this.#target) return;
    this.#target = target;
    const end = pathEnd(target);
    this.path = end === target.length ? target : target.slice(0, end);
    this.readings = NO_READINGS;
    this.decoded = "";
    this.unreadable = false;
    this.climbs = false;
    if (this.path.indexOf(";") >= 0 || !isNormal(this.path)) this.#read();
  }

  /** It is the same to everybody. */
  get single(): boolean {
    return this.readings.length === 0 && this.decoded === "" && !this.unreadable;
  }

  #read(): void {
    const { path } = this;
    this.climbs = CLIMBING.test(path);
    const readings: string[] = [];
    for (const one of [withoutParameters(path), path, withoutParameters(unescaped(path))]) {
      const reading = normalizePath(one, LENIENT)?.path;
      if (reading === undefined) this.unreadable = true;
      else if (reading !== path && !readings.includes(reading)) readings.push(reading);
    }
    this.readings = readings;
    const plain = normalizePath(path, LENIENT)?.path ?? "";
    if (plain.indexOf("%") >= 0) this.decoded = plain.replace(ESCAPE, characterOf);
  }
}

const CLIMBING = /(?:[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[;/\\]|%2f|%3b|%5c|$)/i;
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const ESCAPED_SEPARATOR = /%(2f|3b|5c)/gi;

function unescaped(path: string): string {
  return path.replace(ESCAPED_SEPARATOR, characterOf);
}

function characterOf(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

/** Each segment without what follows its first `;`. */
function withoutParameters(path: string): string {
  let bare = "";
  let inParameters = false;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === SLASH) inParameters = false;
    else if (code === SEMICOLON) inParameters = true;
    if (!inParameters) bare += path.charAt(i);
  }
  return bare;
}

/**
 * The host that a request names, and the ways to write the same: in other case, with its port, with
 * the dot of the root.
 */
export class AuthorityForms {
  given = "";
  /** Without port, lower case; likewise below. */
  host = "";
  /** Without port and dot. */
  bare = "";
  /** With port, without dot. */
  undotted = "";

  take(authority: string): void {
    if (authority === this.given) return;
    this.given = authority;
    const lower = authority.toLowerCase();
    this.host = withoutPort(lower);
    const dotted = this.host.length > 1 && this.host.endsWith(".");
    this.bare = dotted ? this.host.slice(0, -1) : this.host;
    this.undotted = dotted ? this.bare + lower.slice(this.host.length) : lower;
  }
}

const MAPPED_BYTES = 12;

/** An address as bytes, kept until another one is asked about; mapped ones as the IPv4 they are. */
export class KeptIp {
  #text = "";
  #bytes: Uint8Array | undefined;

  /** Of `10.0.0.7:41522` or `[::1]:80`. */
  ofAddress(text: string): Uint8Array | undefined {
    if (text === this.#text) return this.#bytes;
    this.#text = text;
    const bytes = parseIp(hostOf(text));
    this.#bytes = bytes !== undefined && isMapped(bytes) ? bytes.subarray(MAPPED_BYTES) : bytes;
    return this.#bytes;
  }
}

function hostOf(address: string): string {
  const host = withoutPort(address);
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

/** -1 where there is none, as of a Unix socket. */
export function portOf(address: string): number {
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return Number.isInteger(port) && address.includes(":") ? port : -1;
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16) return false;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
