import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { requestEvents, responseEvents } from "../../../test/support/h1-events.ts";

interface LlhttpCase {
  readonly id: string;
  readonly type: string;
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

/** Protocols other than HTTP, and what llhttp refuses by its caller's choice, not by the RFC. */
const NOT_OURS = /RTSP|ICE|SOURCE|pause|skip|on_|Data after|Span callback|Paused/i;

function read<T>(name: string): readonly T[] {
  const file = new URL(name, FOLDER);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as readonly T[];
  process.stderr.write(`\nNOT RUN: the corpus ${file.pathname} is absent (OUTRIGGER_CORPUS)\n`);
  return [];
}

function failed(events: readonly string[]): boolean {
  return events.some((event) => event.startsWith("error"));
}

const llhttp = read<LlhttpCase>("llhttp.json").filter(
  (one) => !one.needs_js_eval && one.expect_error !== null && !NOT_OURS.test(one.id),
);
const requests = llhttp.filter((one) => one.type === "request");
const responses = llhttp.filter((one) => one.type === "response");

describe.runIf(llhttp.length > 0)("llhttp", () => {
  it.each(requests)("a request that llhttp refuses is refused: $id", (one) => {
    if (NOT_OURS.test(one.expect_error ?? "")) return;
    const bytes = Buffer.from(one.input_b64, "base64");
    const events = requestEvents([bytes]);
    expect(failed(events) || !events.includes("end"), events.join("\n")).toBe(true);
  });

  it.each(responses)("a response that llhttp refuses is refused: $id", (one) => {
    if (NOT_OURS.test(one.expect_error ?? "")) return;
    const bytes = Buffer.from(one.input_b64, "base64");
    const events = responseEvents([bytes], { method: "GET", close: true });
    expect(failed(events) || !events.includes("end"), events.join("\n")).toBe(true);
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

describe.runIf(smuggled.length > 0)("smuggler", () => {
  it("never takes a mutated Transfer-Encoding for a message without body", () => {
    const accepted: string[] = [];
    for (const one of smuggled) {
      const line = Buffer.from(one.te_line_b64, "base64").toString("latin1");
      const wire = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n${line}\r\n\r\nabc`;
      const events = requestEvents([Buffer.from(wire, "latin1")]);
      if (!failed(events) && !/header (?!host|content-length)/.test(events.join("\n"))) {
        accepted.push(one.id);
      }
    }
    expect(accepted).toEqual([]);
  });
});
