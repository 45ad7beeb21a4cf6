import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { requestEvents, responseEvents } from "../../../test/support/h1-events.ts";
import { RULES, statusOf, type Violation } from "./violation.ts";

interface LlhttpCase {
  readonly id: string;
  readonly type: string | null;
  readonly expect_error: string | null;
  readonly needs_js_eval: boolean;
  readonly input_b64: string;
}

interface ProbeCase {
  readonly id: string;
  readonly level: string;
  readonly status: string | null;
  readonly payload_b64: string | null;
}

interface SmugglerCase {
  readonly id: string;
  readonly te_line_b64: string;
}

const REPOSITORY = new URL("../../../", import.meta.url);
const FOLDER = process.env.OUTRIGGER_CORPUS
  ? new URL(`file://${process.env.OUTRIGGER_CORPUS}/http1/`)
  : new URL("../shared/corpus/http1/", REPOSITORY);
const DOCUMENT = readFileSync(new URL("docs/strictness.md", REPOSITORY), "utf8");

function read<T>(name: string): readonly T[] {
  const file = new URL(name, FOLDER);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as readonly T[];
  process.stderr.write(`\nNOT RUN: the corpus ${file.pathname} is absent (OUTRIGGER_CORPUS)\n`);
  return [];
}

function failed(events: readonly string[]): boolean {
  return events.some((event) => event.startsWith("error"));
}

/** Where we judge otherwise, by the headings of docs/strictness.md that say why. */
const DIFFERENCES: Readonly<Record<string, RegExp>> = {
  "A length has no leading zeros": /`Content-Length` with (?:zeroes|follow-up headers)$/,
  "Methods are those that Envoy knows": /QUERY request$/,
  "HTTP/0.9 is not spoken": /No HTTP version$|HTTP version 0\.9$/,
  "A target has no fragment": /Fragment in URI$|as last transfer-encoding \(multiple headers\)$/,
  "A response ends its codings with chunked":
    /`chunked` before other transfer-encoding$|not the last one$|`chunkedchunked`/,
  "Other protocols are not HTTP": /RTSP response$|ICE response$/,
};

/** llhttp stops there and is content: what follows is another protocol, or its caller said so. */
const PAUSES = /^Pause|^on_|Paused|Span callback|skip/i;
/** The parser reads on; the connection does not (upstream-faults.test.ts). */
const OF_THE_CONNECTION = /Data after/;

/** Cases of strict parsing. Their last line ends are not in the corpus. */
const llhttp = read<LlhttpCase>("llhttp.json").filter(
  ({ expect_error, needs_js_eval, type }) =>
    !needs_js_eval &&
    (type === "request" || type === "response") &&
    !PAUSES.test(expect_error ?? "") &&
    !OF_THE_CONNECTION.test(expect_error ?? ""),
);

/** llhttp leaves Host to its callers. */
function withHost(text: string): string {
  return /\r\nhost:/i.test(text) ? text : text.replaceAll(/ HTTP\/1\.\d\r\n/g, "$&Host: a\r\n");
}

/** Whether it is refused, with any of the line ends that may have stood behind it. */
function isRefused({ expect_error, input_b64, type }: LlhttpCase): boolean {
  const text = Buffer.from(input_b64, "base64").toString("latin1");
  const close = expect_error !== null;
  const verdicts = ["", "\r\n", "\r\n\r\n"].map((end) => {
    if (type === "request") return failed(requestEvents([latin1(withHost(text) + end)]));
    return failed(responseEvents([latin1(text + end)], { method: "GET", close }));
  });
  return expect_error === null ? verdicts.every(Boolean) : verdicts.some(Boolean);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

describe.runIf(llhttp.length > 0)("llhttp", () => {
  const reasonOf = (one: LlhttpCase): string | undefined =>
    Object.entries(DIFFERENCES).find(([, cases]) => cases.test(one.id))?.[0];

  it.each(llhttp)("strictly agrees, or the difference is written down: $id", (one) => {
    const theirs = one.expect_error === null ? "accepted" : "refused";
    const ours = isRefused(one) ? "refused" : "accepted";
    // We are never the more lenient of the two.
    if (reasonOf(one) !== undefined && theirs === "accepted") expect(ours).toBe("refused");
    else expect(ours).toBe(theirs);
  });

  it.each(Object.entries(DIFFERENCES))("differs as docs/strictness.md says: %s", (why, cases) => {
    expect(DOCUMENT).toContain(`\n### ${why}\n`);
    expect(llhttp.filter(({ id }) => cases.test(id)).length).toBeGreaterThan(0);
  });
});

const probes = read<ProbeCase>("http11probe.json").filter((one) => one.payload_b64 !== null);

describe.runIf(probes.length > 0)("Http11Probe", () => {
  it.each(probes.filter((one) => one.status === "Exact(400)"))(
    "$id must be refused with 400",
    (one) => {
      const events = requestEvents([Buffer.from(one.payload_b64 ?? "", "base64")]);
      expect(events.at(-1)).toMatch(/^error \w+ 400$/);
    },
  );

  it.each(probes.filter((one) => one.status?.startsWith("Range2xx")))(
    "$id must be accepted",
    (one) => {
      const events = requestEvents([Buffer.from(one.payload_b64 ?? "", "base64")]);
      expect(events.at(-1)).toBe("end");
    },
  );
});

const smuggled = read<SmugglerCase>("smuggler-te.json");
/** A field of another name, whose value no parser could take for framing. */
const ANOTHER_FIELD = /^header (?!host|content-length|transfer.?encoding)[\w-]+: /m;

describe.runIf(smuggled.length > 0)("smuggler", () => {
  const eventsOf = (line: string, before: string, body: string): readonly string[] =>
    requestEvents([latin1(`POST / HTTP/1.1\r\nHost: a\r\n${before}${line}\r\n\r\n${body}`)]);

  it.each(smuggled)("$id never stands for another framing than its length", (one) => {
    const line = Buffer.from(one.te_line_b64, "base64").toString("latin1");
    const events = eventsOf(line, "Content-Length: 3\r\n", "abc");
    if (failed(events)) expect(events.at(-1)).toMatch(/ (?:400|501)$/);
    // Provably harmless: a field with a name of its own, and one framing.
    else expect(events.join("\n")).toMatch(ANOTHER_FIELD);
  });

  it.each(smuggled)("$id alone is chunked, or is refused", (one) => {
    const line = Buffer.from(one.te_line_b64, "base64").toString("latin1");
    const events = eventsOf(line, "", "0\r\n\r\n");
    if (failed(events)) expect(events.at(-1)).toMatch(/ (?:400|501)$/);
    else
      expect(events[0]).toContain(
        /^transfer-encoding:[ \t]*chunked[ \t]*$/i.test(line) ? "body=chunked" : "body=none",
      );
  });
});

describe("docs/strictness.md", () => {
  it.each(Object.entries(RULES))("has a line for %s", (word, rule) => {
    if (word === "none") return;
    const line = DOCUMENT.split("\n").find((one) => one.startsWith(`| \`${word}\` | `)) ?? "";
    const status = ["badStatusLine", "truncated"].includes(word)
      ? 502
      : statusOf(word as Violation);
    expect(line).toContain(` | ${status}`);
    expect(line.endsWith(` | ${rule} |`)).toBe(true);
  });

  it("has no line for anything else", () => {
    const words = [...DOCUMENT.matchAll(/^\| `(\w+)` \| .* RFC \d+ .* \|$/gm)].map(
      ([, word]) => word,
    );
    expect(words.filter((word) => !((word as string) in RULES))).toEqual([]);
  });
});
