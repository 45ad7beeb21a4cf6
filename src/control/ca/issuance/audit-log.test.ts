import { expect, it } from "vitest";
import { VirtualClock } from "../../../base/clock.ts";
import { AuditLog } from "./audit-log.ts";

function logged(): {
  readonly log: AuditLog;
  readonly lines: string[];
  readonly clock: VirtualClock;
} {
  const lines: string[] = [];
  const clock = new VirtualClock(Date.UTC(2026, 10, 21));
  return { log: new AuditLog(clock, (line) => lines.push(line)), lines, clock };
}

it("an event is one line of JSON, with its time", () => {
  const { log, lines } = logged();
  log.write({
    event: "certificate_issued",
    identity: "spiffe://cluster.local/ns/a/sa/b",
    method: "join-token",
    serial: "01ab",
    notAfter: "2026-11-22T00:00:00.000Z",
    peer: "10.0.0.1:4711",
  });
  expect(lines).toEqual([
    '{"time":"2026-11-21T00:00:00.000Z","event":"certificate_issued",' +
      '"identity":"spiffe://cluster.local/ns/a/sa/b","method":"join-token","serial":"01ab",' +
      '"notAfter":"2026-11-22T00:00:00.000Z","peer":"10.0.0.1:4711"}',
  ]);
});

it("what strangers write is escaped and cut, so that no terminal and no line is broken", () => {
  const { log, lines } = logged();
  const node = `a\n{"event":"certificate_issued"}\u001b[2J\u2028\u202e${"x".repeat(10_000)}`;
  log.write({ event: "stream_refused", reason: "not_allowed", message: "no", node, peer: "" });
  expect(lines[0]).toMatch(/^[ -~]{1,1000}$/);
  expect(JSON.parse(lines[0] ?? "").node).toContain('a\\u000a{"event"');
});

it("refusals without number are counted, and what was issued is always told", () => {
  const { log, lines, clock } = logged();
  const refusal = {
    event: "certificate_refused",
    reason: "bad_token",
    message: "no",
    peer: "",
  } as const;
  for (let i = 0; i < 1000; i++) log.write(refusal);
  expect(lines).toHaveLength(50);
  log.write({ event: "root_signs", serial: "ab" });
  expect(JSON.parse(lines[50] ?? "")).toMatchObject({ event: "root_signs", suppressed: 950 });
  clock.advance(1000);
  log.write(refusal);
  expect(JSON.parse(lines[51] ?? "").suppressed).toBeUndefined();
});
